"""Build one group from its pinned modules into a finished folder.

Works on a copy of the group's folder, so a build can neither write into the checkout nor see a
change made to it half-way. Knows nothing of the cache or of other groups.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from .catalogue import Binary, EmbeddedJson, Group, ModuleFile
from .errors import BuildError
from .versions import Version

_LEASH = Path(__file__).with_name("leash.py")
_TAIL_LINES = 20
_PROBE_SECONDS = 60
_END_SECONDS = 15

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"no space left on device",
        (
            "Free disk space: a build of everything needs about {disk} for modules, Go's build cache "
            "and the results; `go clean -cache` empties Go's build cache."
        ),
    ),
    (
        r"signal: killed|out of memory|cannot allocate memory",
        (
            "The machine ran out of memory: close other programs, or set GOMAXPROCS=1 and run it "
            "again; what is compiled so far is kept."
        ),
    ),
    (
        r"checksum mismatch|SECURITY ERROR|missing go\.sum entry",
        (
            "A module is not the one that was pinned. Do not work around it: restore go.mod and "
            "go.sum of this group, and if they are unchanged ask who operates your module proxy."
        ),
    ),
    (
        r"dial tcp|proxyconnect|i/o timeout|TLS handshake|connection re|40[0-9] |50[0-9] |no such host",
        (
            "A module could not be downloaded: check the network and GOPROXY (`go env GOPROXY`), then "
            "run it again; what is downloaded and compiled so far is kept."
        ),
    ),
)
_DISK = "25 GB"
_OTHERWISE = (
    "Read the log. If the cause was outside (network, disk, memory), run it again: what is compiled so far is kept."
)

StepReporter = Callable[[Binary, Callable[[], str]], AbstractContextManager[None]]
"""Wraps the build of one binary; the second argument tells what is going on."""


@dataclass(slots=True)
class Activity:
    """What the running Go command last said."""

    compiled: int = 0
    downloaded: int = 0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))

    def read(self, line: str) -> None:
        """Take one line of the command's output."""
        if line.startswith("go: downloading "):
            self.downloaded += 1
        elif re.fullmatch(r"[\w./~+-]+", line):  # `go build -v` prints each package it compiles
            self.compiled += 1
            return
        self.tail.append(line)

    def describe(self) -> str:
        """A few words for a progress line."""
        if self.compiled:
            return f"{self.compiled} packages compiled"
        if self.downloaded:
            return f"{self.downloaded} modules downloaded"
        return "preparing"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds groups with one Go command."""

    go: Path
    environment: Mapping[str, str]

    def build(self, group: Group, folder: Path, staging: Path, log: Path, report: StepReporter) -> Path:
        """Build every binary of ``group`` and lay its files beside them.

        Args:
            group: what to build.
            folder: the group's committed folder.
            staging: an empty folder to work in; the result is inside it.
            log: file for everything that Go prints; replaced.
            report: wraps each binary.

        Returns:
            The output folder: ``bin/`` and what `Group.files` names.

        Raises:
            BuildError: with the end of the log, the log's path and what to do.
        """
        source = staging / "source"
        output = staging / "output"
        shutil.copytree(folder, source)
        (output / "bin").mkdir(parents=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as stream:
            run = _Run(self, group, log, stream)
            for number, binary in enumerate(group.binaries):
                activity = Activity()
                with report(binary, activity.describe):
                    if number == 0:  # downloads, so it belongs inside a reported step
                        run.place(source, output, activity)
                    target = output / "bin" / binary.name
                    run.compile(binary, source / binary.folder, target, activity)
                    run.probe(binary, target)
        return output


@dataclass(frozen=True, slots=True)
class _Run:
    """One build of one group, with its log."""

    builder: Builder
    group: Group
    log: Path
    stream: TextIO

    def place(self, source: Path, output: Path, activity: Activity) -> None:
        """Take the files that come from modules, into the source and into the output."""
        modules: dict[str, Path] = {}
        everything: list[EmbeddedJson | ModuleFile] = [*self.group.embedded, *self.group.files]
        for wanted in everything:
            if wanted.module not in modules:
                modules[wanted.module] = self._module(wanted.module, source, activity)
            origin = modules[wanted.module] / wanted.source
            if isinstance(wanted, EmbeddedJson):
                _write_json(wanted, origin, source / wanted.name)
            else:
                _copy(wanted, origin, output / wanted.destination)

    def compile(self, binary: Binary, source: Path, target: Path, activity: Activity) -> None:
        """Run ``go build`` for one binary."""
        command = ["build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly"]
        if self.group.tags:
            command += ["-tags", self.group.tags]
        command += ["-ldflags", f"-s -w {self.group.ldflags}".strip(), "-o", str(target)]
        self._go([*command, binary.package], source, activity, f"build {binary.name}")

    def probe(self, binary: Binary, target: Path) -> None:
        """Start the new binary once and compare the version it tells."""
        if binary.probe is None:
            return
        try:
            told = subprocess.run(
                [target, *binary.probe.arguments],
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._fail(f"start {binary.name}", [str(error)])
        output = f"{told.stdout}{told.stderr}"
        found = re.search(binary.probe.pattern, told.stdout, re.MULTILINE)
        if found is None or Version.parse(found.group(1)) != Version.parse(binary.expect):
            wanted = f"`{binary.name} {' '.join(binary.probe.arguments)}` should tell {binary.expect}"
            self._fail(f"check {binary.name}", [*output.splitlines()[-_TAIL_LINES:], wanted])

    def _module(self, module: str, source: Path, activity: Activity) -> Path:
        """Folder of a module in Go's module cache, downloaded and verified against go.sum."""
        text = self._go(["mod", "download", "-json", module], source, activity, f"fetch {module}")
        # Notices of other downloads may stand before the document.
        return Path(json.loads(text[text.index("{") :])["Dir"])

    def _go(self, arguments: Sequence[str], cwd: Path, activity: Activity, doing: str) -> str:
        """Run Go on a leash; its output goes to the log, to ``activity`` and back."""
        command = [str(self.builder.go), *arguments]
        self.stream.write(f"$ {' '.join(command)}\n")
        self.stream.flush()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LEASH), *command],
            cwd=cwd,
            env=dict(self.builder.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        lines: list[str] = []
        try:
            for line in process.stdout or ():
                self.stream.write(line)
                self.stream.flush()
                activity.read(line.rstrip("\n"))
                lines.append(line)
            code = process.wait()
        except BaseException:
            _let_go(process)
            raise
        if process.stdin is not None:
            process.stdin.close()
        if code != 0:
            self._fail(doing, list(activity.tail) or [f"exit code {code}, no output"])
        return "".join(lines)

    def _fail(self, doing: str, tail: Sequence[str]) -> None:
        text = "\n".join(tail)
        remedy = next((advice for pattern, advice in _REMEDIES if re.search(pattern, text)), _OTHERWISE).format(
            disk=_DISK
        )
        indented = "\n".join(f"    {line}" for line in tail)
        msg = (
            f"could not {doing} (group {self.group.name}). The last lines were:\n{indented}\n"
            f"  Log: {self.log}\n"
            f"  What to do: {remedy}"
        )
        raise BuildError(msg)


def _let_go(process: subprocess.Popen[str]) -> None:
    """Close the leash, and see that the command is gone before anything is removed."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()


def _write_json(wanted: EmbeddedJson, origin: Path, target: Path) -> None:
    document = json.loads(origin.read_bytes())
    if wanted.version is not None:
        document["version"] = wanted.version
    target.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def _copy(wanted: ModuleFile, origin: Path, target: Path) -> None:
    """Copy out of the module cache, whose files are read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(p for p in origin.rglob("*") if p.is_file()) if origin.is_dir() else [origin]
    for file in sources:
        copy = target / file.relative_to(origin) if origin.is_dir() else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o755 if wanted.executable else 0o644)
