"""Locks of the engine's file backend: who holds one, and whether its holder is dead.

The engine locks a stack with a file ``.pulumi/locks/organization/<project>/<stack>/<uuid>.json`` (process, host, user,
time) and removes it at its end. A killed engine leaves it behind, and `pulumi cancel` would remove it whether its
holder is dead or not. Here a lock is removed if, and only if, the process that made it is gone from this very host;
every other one is told with its holder and stays.

What is on other backends, or was locked on another host, nobody here can judge. Hosts of one name that share a state
folder and do not see each other's processes (containers started with a fixed host name) are outside of what a lock
says; give them names of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.backend import locks_folder
from app_of_apps.deploy.processes import Process, process, session_of
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FRONT_VARIABLE: Final = "AOA_FRONT_PROCESS"
"""In the environment of an engine: the process that started it and waits for it, as ``<pid>:<start time>``."""

_ENGINE = "pulumi"
_PATIENCE = 120.0
"""Seconds in which an engine that nobody waits for any more may finish what it has begun."""
_INACCURACY = timedelta(seconds=2)
"""Of a process's start, which is known in whole seconds since the machine booted."""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file and what it says about its holder."""

    file: Path
    pid: int
    host: str
    user: str
    since: datetime

    @property
    def holder(self) -> str:
        """Name the holder for a message."""
        when = self.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.user} on {self.host} (process {self.pid}, since {when})"

    @property
    def is_here(self) -> bool:
        """Whether this host's process table says what has become of the holder."""
        return self.host == socket.gethostname()


def recover_locks(
    project: Path, stack: str, environ: Mapping[str, str], say: Callable[[str], None], *, patience: float = _PATIENCE
) -> None:
    """Remove the locks of a stack whose holders are dead, and what those have left running.

    An engine that runs and whose `aoa` is gone, so that nobody sees what it does, is asked to end first. Raises
    Unavailable when somebody alive, or somebody who cannot be judged from here, holds a lock.
    """
    folder = locks_folder(project, stack, environ)
    if folder is None or not folder.is_dir():
        return
    for file in sorted(folder.iterdir()):
        if file.suffix == ".tmp":
            # A lock that was being written. Should its writer live, it fails, because it cannot put it in its place.
            file.unlink(missing_ok=True)
        elif file.suffix == ".json" and (lock := _read(file)) is not None:
            _recover(lock, say, patience)


def _recover(lock: Lock, say: Callable[[str], None], patience: float) -> None:
    holder = _alive(lock)
    if holder is not None and _is_abandoned(holder):
        say(f"An earlier operation goes on with nobody to report to (process {lock.pid}); it is asked to end.")
        _end(holder, patience)
        holder = _alive(lock)
    if holder is not None or not lock.is_here:
        judged = "" if lock.is_here else "; whether it still runs can be seen on that host only"
        msg = (
            f"the stack is locked by {lock.holder}{judged}. Nothing was touched; wait for its end. "
            f"If you are sure that it is dead: pulumi cancel, or remove {lock.file}"
        )
        raise Unavailable(msg)
    for left in session_of(lock.pid):
        # Providers and the program of an engine that an `aoa` started: nobody takes what they still do into the state.
        if FRONT_VARIABLE in left.environ:
            left.send(signal.SIGKILL)
    for file in (lock.file, lock.file.with_name(f"{lock.file.name}.attrs")):
        file.unlink(missing_ok=True)
    say(f"The lock of {lock.holder} is removed, because that process is dead; going on from what it has done.")


def _read(file: Path) -> Lock | None:
    """Return what a lock file says; None when it is gone by now."""
    try:
        said = json.loads(file.read_text())
        # Nanoseconds are more than Python reads.
        return Lock(
            file,
            int(said["pid"]),
            str(said["hostname"]),
            str(said["username"]),
            datetime.fromisoformat(_micro(str(said["timestamp"]))),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"the lock {file} cannot be read, so nobody knows who holds it. If nothing runs, remove the file"
        raise Unavailable(msg) from error


def _micro(timestamp: str) -> str:
    before, point, rest = timestamp.partition(".")
    if not point:
        return timestamp
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{before}.{digits[:6]:0<6}{rest[len(digits) :]}"


def _alive(lock: Lock) -> Process | None:
    """Return the process that holds a lock, None when it is dead or on another host.

    A number can have been given to another process since. That is so when the process began after the lock and is no
    engine; by the time alone it cannot be told, because a clock that was set meanwhile moves every start.
    """
    if not lock.is_here:
        return None
    found = process(lock.pid)
    if found is None:
        return None
    began = found.began
    other = began is not None and began > lock.since + _INACCURACY and found.name != _ENGINE
    return None if other else found


def _is_abandoned(holder: Process) -> bool:
    """Whether an engine was started by an `aoa` that is dead."""
    pid, _, start = holder.environ.get(FRONT_VARIABLE, "").partition(":")
    if not pid.isdigit():
        return False
    front = process(int(pid))
    return front is None or front.start != start


def _end(holder: Process, patience: float) -> None:
    """Ask an engine to finish what it has begun, and wait for its end."""
    holder.send(signal.SIGINT)
    deadline = time.monotonic() + patience
    while holder.is_same() and time.monotonic() < deadline:
        time.sleep(0.1)


def front_variable() -> dict[str, str]:
    """Return what tells an engine's environment that this process waits for it."""
    own = process(os.getpid())
    return {} if own is None else {FRONT_VARIABLE: f"{own.pid}:{own.start}"}


def held_by(said: str) -> str:
    """Return who holds a lock from what the engine prints when there is one; empty when it does not say."""
    with contextlib.suppress(StopIteration):
        line = next(line for line in said.splitlines() if "created by" in line)
        return line.partition("created by")[2].strip()
    return ""
