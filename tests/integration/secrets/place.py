"""A parent of the tests' own with secrets, and everything that its runs leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox import Sandbox

API = "app-of-apps/v1"
LIMIT = 300  # seconds after which a command is taken for hung

Spec = dict[str, Any]


def child(kind: str, **more: Any) -> Spec:
    ports = {"ports": [{"port": 8080}]} if kind == "service" else {}
    image = "registry.example.com/test/app"
    return {"type": kind, "team": "one", "image": image, "deadline": "60s", **ports, **more}


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@dataclass(slots=True)
class Place:
    """A project folder and a stack ``staging``; `children` is what the files say at the next run."""

    box: Sandbox
    folder: Path
    name: str
    children: dict[str, Spec]
    vault: dict[str, Any] = field(default_factory=dict)
    refresh_after: str = "5s"
    runs: dict[str, bytes] = field(default_factory=dict, repr=False)
    """All that every command has printed."""
    _key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.temporary.mkdir()
        self._write("Pulumi.yaml", {"name": self.name, "runtime": _runtime()})
        (self.folder / "__main__.py").write_text("from components.program import run\n\nrun()\n")
        init = ["pulumi", "stack", "init", "staging", "--secrets-provider", "hashivault://pulumi-staging"]
        made = self.run([*init, "--no-select", "--non-interactive"])
        assert made.code == 0, made.text
        self._key = (self.folder / "Pulumi.staging.yaml").read_text()

    @property
    def temporary(self) -> Path:
        """Where commands put temporary files."""
        return self.folder / "tmp"

    @property
    def environ(self) -> dict[str, str]:
        """Of the program: its token reads no values and writes none."""
        return {
            **self.box.environment("staging"),
            "PYTHONPATH": str(self.box.project),
            "TMPDIR": str(self.temporary),
        }

    @property
    def writer(self) -> dict[str, str]:
        """Of a person who may write values."""
        return {**self.environ, "VAULT_TOKEN": self.box.layout.token().read_text().strip()}

    def namespace(self, name: str) -> str:
        return f"{self.name}-{name}"

    def write(self) -> None:
        for old in (self.folder / "apps").glob("*.yaml"):
            old.unlink()
        for name, spec in self.children.items():
            self._write(f"apps/{name}.yaml", {"apiVersion": API, "kind": "Child", "name": name, **spec})
        parent = {
            "apiVersion": API,
            "kind": "Parent",
            "name": self.name,
            "teams": {"one": {"contact": "#one"}},
            "children": [f"apps/{name}.yaml" for name in self.children],
        }
        self._write("parent.yaml", parent)
        environment = {
            "name": "staging",
            "cluster": {"context": "staging"},
            "vault": {
                "mounts": {"kv": "kv-staging", "jwt": "jwt-staging"},
                "refreshAfter": self.refresh_after,
                **self.vault,
            },
            "versions": dict.fromkeys(self.children, "1.0.0"),
        }
        settings = json.dumps({"app-of-apps:environment": environment})
        (self.folder / "Pulumi.staging.yaml").write_text(f"{self._key}config: {settings}\n")

    def _write(self, file: str, content: object) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")

    def aoa(self, *arguments: str, given: str | bytes = "", environ: Mapping[str, str] | None = None) -> Run:
        self.write()
        return self.run([sys.executable, "-m", "app_of_apps", *arguments], given=given, environ=environ)

    def pulumi(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Run:
        self.write()
        return self.run(["pulumi", *arguments, "--stack", "staging", "--non-interactive"], environ=environ)

    def up(self) -> Run:
        return self.pulumi("up", "--yes", "--skip-preview")

    def run(self, command: Sequence[str], *, given: str | bytes = "", environ: Mapping[str, str] | None = None) -> Run:
        """Run a command to its end and keep what it prints."""
        began = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=environ or self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(given.encode() if isinstance(given, str) else given, timeout=LIMIT)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        what = " ".join(Path(word).name if "/" in word else word for word in command if word != sys.executable)
        self.runs[f"{len(self.runs)}: {what}: stdout"] = stdout
        self.runs[f"{len(self.runs)}: {what}: stderr"] = stderr
        return Run(process.returncode, stdout.decode(), stderr.decode(), time.monotonic() - began)

    def kubectl(self, *arguments: str) -> str:
        done = subprocess.run(["kubectl", *arguments], env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout

    def get(self, kinds: str, *where: str) -> list[dict[str, Any]]:
        return json.loads(self.kubectl("get", kinds, *where, "-o", "json"))["items"]

    def destroy(self) -> Run:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--run-program")


def _runtime() -> dict[str, Any]:
    return {"name": "python", "options": {"virtualenv": sys.prefix}}
