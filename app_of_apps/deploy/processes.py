"""Processes of this machine as ``/proc`` shows them; where there is none, only whether a number is in use."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC: Final = Path("/proc")
_ENDED: Final = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Process:
    """One process that had not ended when it was looked at."""

    pid: int
    start: str = ""
    """Ticks of the clock between the machine's boot and the process's start; empty where that is not known."""
    session: int = 0
    name: str = ""
    """Of its program, without the folder."""

    @property
    def began(self) -> datetime | None:
        """When it began by the clock as it is set now."""
        if not self.start:
            return None
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(self.start) / os.sysconf("SC_CLK_TCK")
        return datetime.now(UTC) - timedelta(seconds=age)

    @property
    def environ(self) -> dict[str, str]:
        """The environment it was started with; nothing of other people's processes."""
        try:
            text = (_PROC / str(self.pid) / "environ").read_bytes().decode(errors="replace")
        except OSError:
            return {}
        pairs = (entry.partition("=") for entry in text.split("\0"))
        return {name: value for name, equals, value in pairs if equals}

    def is_same(self) -> bool:
        """Whether this very process still runs."""
        found = process(self.pid)
        return found is not None and found.start == self.start

    def send(self, number: int) -> None:
        """Send a signal to this very process; nothing when it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not hasattr(os, "pidfd_open"):
                os.kill(self.pid, number)
                return
            handle = os.pidfd_open(self.pid)
            try:
                # Opened before it is looked at, so that it is this process whatever becomes of its number.
                if self.is_same():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def process(pid: int) -> Process | None:
    """Return the process of this number, None when there is none or it has ended."""
    folder = _PROC / str(pid)
    if not _PROC.is_dir() or not (_PROC / "self").exists():
        return Process(pid) if _in_use(pid) else None
    try:
        stat = (folder / "stat").read_text()
    except OSError:
        return None
    # The second field is the name in parentheses, which may hold anything; the others follow in order.
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    if fields[0] in _ENDED:
        return None
    return Process(pid, start=fields[19], session=int(fields[3]), name=head.partition("(")[2])


def session_of(leader: int) -> Iterator[Process]:
    """Yield the processes of the session that a process has led, be it dead; none without ``/proc``.

    The kernel gives no process the number of a session that still has members, so these are its own.
    """
    with contextlib.suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and (found := process(int(entry.name))) is not None and found.session == leader:
                yield found


def _in_use(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def as_nice_as_this(pid: int) -> None:
    """Let a process in a session of its own yield as this one does.

    Linux shares the processor among sessions first where they are in no control group (autogroup, sched(7)), and a new
    session begins at 0 however nice its first process is. Nothing happens where that is not so, or not allowed.
    """
    if nice := os.getpriority(os.PRIO_PROCESS, 0):
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
