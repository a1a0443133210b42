"""Which of its operations the engine runs: it tells a program whether it is a preview, and nothing else.

`pulumi destroy --run-program` and `pulumi refresh --run-program` run the program as `pulumi up` does, and what the
program would wait for or ask before an update must not stand in the way of removing a deployment that is broken. So the
verb is read from the command line of the engine, which is an ancestor of this process. It decides about waits and about
what a record says, never about whether something is allowed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

VERBS: Final = {"destroy": "destroy", "down": "destroy", "dn": "destroy", "refresh": "refresh"}
_GOING_ON: Final = {"up", "update", "destroy", "down", "dn"}
_ANCESTORS: Final = 4
_WITH_VALUE: Final = {"-C", "--cwd", "-s", "--stack", "--color"}


def engine_operation(pid: int | None = None) -> str:
    """Return ``up``, ``destroy`` or ``refresh``; ``up`` also where no engine is found above the process ``pid``."""
    return VERBS.get(_asked(pid), "up")


def engine_goes_on(pid: int | None = None) -> bool:
    """Whether the engine was asked for more than a preview, so that a preview is the first half of an attempt."""
    return _asked(pid) in _GOING_ON


def _asked(pid: int | None) -> str:
    """Return the verb of the engine above the process ``pid``, "" where none is found."""
    current = os.getppid() if pid is None else pid
    for _ in range(_ANCESTORS):
        found = _process(current)
        if found is None:
            break
        parent, command = found
        if command and Path(command[0]).name in {"pulumi", "pulumi.exe"}:
            return _verb(command[1:])
        current = parent
    return ""


def _verb(arguments: list[str]) -> str:
    """Return the first argument that is neither an option nor an option's value."""
    before = ""
    for argument in arguments:
        if not argument.startswith("-") and before not in _WITH_VALUE:
            return argument
        before = argument
    return ""


def _process(pid: int) -> tuple[int, list[str]] | None:
    """Return the parent and the command line of a process; None when it cannot be looked at."""
    folder = Path("/proc", str(pid))
    try:
        command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # The name in parentheses may hold anything, parentheses too.
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return _listed(pid)
    return parent, [word for word in command if word]


def _listed(pid: int) -> tuple[int, list[str]] | None:
    """Ask `ps`, where there is no /proc."""
    try:
        done = subprocess.run(
            ["ps", "-o", "ppid=,command=", "-p", str(pid)],  # noqa: S607 - the system's own
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        parent, *command = done.stdout.split()
        return int(parent), command
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
