"""A miniature catalogue and a stand-in for Go, so that the builder's own behaviour is tested in a second."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# The fake stands in for the Go compiler, which takes minutes; it answers the four commands that the builder uses.
FAKE_GO = """\
#!{python}
import json, os, pathlib, subprocess, sys, time
arguments = sys.argv[1:]
if arguments[0] == "version":
    print("go version " + os.environ.get("FAKE_GO_VERSION", "go1.26.1") + " linux/amd64")
elif arguments[0] == "env":
    print(json.dumps({{"GOPROXY": "https://modules.example.test"}}))
elif arguments[:2] == ["mod", "download"]:
    print("go: downloading example.test/module v1.0.0", flush=True)
    print(json.dumps({{"Dir": os.environ["FAKE_MODULE"]}}))
else:
    target = pathlib.Path(arguments[arguments.index("-o") + 1])
    mode = os.environ.get("FAKE_GO_MODE", "ok")
    record = pathlib.Path(os.environ["FAKE_RECORD"])
    with record.open("a") as file:
        file.write(json.dumps({{"arguments": arguments, "cwd": os.getcwd(), "pid": os.getpid(),
            "environment": {{n: v for n, v in os.environ.items() if n.startswith(("GO", "CGO"))}}}}) + "\\n")
    print("example.test/package", flush=True)
    if mode == "fail":
        print("main.go:3:1: undefined: thing")
        print(os.environ.get("FAKE_GO_LAST", "exit status 2"))
        sys.exit(1)
    target.write_text("#!/bin/sh\\necho " + os.environ.get("FAKE_TOOL_SAYS", target.name + " v1.2.3") + "\\n")
    target.chmod(0o755)
    if mode == "hang":
        compiler = subprocess.Popen(["sleep", "600"])
        with record.with_suffix(".compiler").open("w") as file:
            file.write(str(compiler.pid))
        time.sleep(600)
"""

# Runs the real command line over the miniature catalogue.
DRIVER = """\
import sys
from pathlib import Path
sys.path.insert(0, {checkout!r})
from toolchain import __main__, catalogue, obtain, resolve
from toolchain.catalogue import Binary, Group, ModuleFile, Probe, Tool
from toolchain.versions import Range
probe = Probe(("version",), r"v(\\d\\S*)")
groups = (
    Group("small", (Binary("one", "example.test/one", 3, probe, "1.2.3"), Binary("two", "example.test/two", 2)),
          files=(ModuleFile("example.test/module", "crds", "crds"),)),
)
tools = (Tool("one", "small", probe, Range.between("1.2", "2.0")), Tool("two", "small", beside="one"))
for module in (resolve, obtain):
    module.GROUPS = groups
    module.MODULES = Path({modules!r})
resolve.TOOLS = tools
if __name__ == "__main__":
    sys.exit(__main__.main(sys.argv[1:]))
"""

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True)
class World:
    """A cache, a PATH with only the fake Go on it, a module folder and a driver script."""

    root: Path
    driver: Path

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def record(self) -> Path:
        return self.root / "record"

    @property
    def compiler(self) -> Path:
        return self.record.with_suffix(".compiler")

    @property
    def path(self) -> Path:
        return self.root / "path"

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            "PATH": f"{self.path}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.root),
            "AOA_TOOLCHAIN_CACHE": str(self.cache),
            "FAKE_RECORD": str(self.record),
            "FAKE_MODULE": str(self.root / "module"),
            **extra,
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.driver), *arguments]

    def entries(self) -> list[str]:
        return sorted(p.name for p in self.cache.glob("small-*"))


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    executable(tmp_path / "path" / "go", FAKE_GO.format(python=sys.executable))
    modules = tmp_path / "modules" / "small"
    modules.mkdir(parents=True)
    (modules / "go.mod").write_text("module small\n\ngo 1.26\n")
    crds = tmp_path / "module" / "crds"
    crds.mkdir(parents=True)
    (crds / "thing.yaml").write_text("kind: CustomResourceDefinition\n")
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.format(checkout=str(CHECKOUT), modules=str(tmp_path / "modules")))
    return World(tmp_path, driver)
