"""The processes of a sandbox, found in ``/proc`` by a mark in their environment.

There are no pid files. Each part is started with two variables, ``AOA_SANDBOX_PART=<folder>:<part>`` and
``AOA_SANDBOX_SPEC=<digest of its command>``; the kernel keeps a process's first environment in
``/proc/<pid>/environ``. So the process table itself says what runs: nothing can be stale after a ``kill -9`` or a
reboot, a recycled pid does not carry the mark, and a part that was started just before its starter was killed is
found again. A signal is sent through a pidfd whose process is looked at once more after it was opened, so it
cannot reach a stranger.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MARK = "AOA_SANDBOX_PART"
SPEC = "AOA_SANDBOX_SPEC"
_LOG_LIMIT = 20 * 1024 * 1024
_TICKS = os.sysconf("SC_CLK_TCK")

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Parts this very process started. A command exits and leaves them to init; a long-lived caller has to reap them."""


@dataclass(frozen=True, slots=True)
class Process:
    """One running process of a sandbox."""

    pid: int
    part: str
    spec: str
    started: float
    """Seconds since the machine booted."""

    @property
    def uptime(self) -> float:
        """Seconds this process has been running."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.started)

    @property
    def memory(self) -> int:
        """Resident bytes, 0 when the process is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0


def _read(pid: int, folder: str) -> Process | None:
    """The process behind `pid` if it belongs to the sandbox in `folder`. Zombies have no environment left."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        mark = f"{MARK}={folder}:".encode()
        if mark not in environ:
            return None
        variables = dict(entry.split(b"=", 1) for entry in environ.split(b"\0") if b"=" in entry)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    owner, _, part = variables[MARK.encode()].decode().rpartition(":")
    if owner != folder:
        return None
    # The second field is the command in parentheses and may hold spaces; the start time is field 22.
    started = int(stat.rpartition(")")[2].split()[19]) / _TICKS
    return Process(pid, part, variables.get(SPEC.encode(), b"").decode(), started)


def running(folder: Path) -> list[Process]:
    """All processes of the sandbox in `folder` (an absolute, resolved path), oldest first."""
    own = os.getuid()
    found = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == own and (process := _read(int(entry.name), str(folder))):
                    found.append(process)
    return sorted(found, key=lambda process: process.started)


def start(
    folder: Path, part: str, argv: Sequence[str], *, environ: Mapping[str, str], spec: str, cwd: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a part in a session of its own, so that it outlives the caller and no Ctrl-C of a terminal reaches it.

    Output goes to the end of `log`. Raises `MissingToolError` when the program cannot be executed.
    """
    cwd.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(log.suffix + ".1"))
    _reap()
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                argv,
                env={**environ, MARK: f"{folder}:{part}", SPEC: spec},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            message = f"cannot start {part}: {argv[0]}: {error.strerror}. Run `make up`, which builds what is missing."
            raise MissingToolError(message) from error
    _children[child.pid] = child
    # The kernel tells of the new program a moment before it shows the new environment.
    while child.poll() is None and _read(child.pid, str(folder)) is None:
        time.sleep(0.001)
    return child


def _reap() -> None:
    """Collect the exit codes of own children that have ended."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def stop(folder: Path, processes: Iterable[Process], *, grace: float = 10.0) -> list[Process]:
    """Ask all `processes` to end, wait up to `grace` seconds, then kill; return those that had to be killed."""
    handles: dict[int, Process] = {}
    killed = []
    try:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(process.pid)
                handles[handle] = process
                if _read(process.pid, str(folder)) == process:
                    signal.pidfd_send_signal(handle, signal.SIGTERM)
        late = _wait(handles, grace)
        for handle in late:
            killed.append(handles[handle])
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        _wait({handle: handles[handle] for handle in late}, 5.0)
    finally:
        for handle in handles:
            os.close(handle)
        _reap()
    return killed


def _wait(handles: Mapping[int, Process], seconds: float) -> set[int]:
    """Wait until the processes behind the pidfds have ended; return the handles of those that have not."""
    left = set(handles)
    poll = select.poll()
    for handle in left:
        poll.register(handle, select.POLLIN)
    deadline = time.monotonic() + seconds
    while left and (rest := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(rest * 1000):
            poll.unregister(handle)
            left.discard(handle)
    return left
