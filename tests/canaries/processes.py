"""Watches the arguments and environments of everything that a test starts, while it runs."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

_PAUSE = 0.1


class ProcessWatch:
    """Samples ``/proc`` from a thread. ``seen`` maps ``pid/what`` to all that was read there.

    Every process is looked at whose ancestors include this one, and that is not this one. A process that lives shorter
    than the pause may be missed; none of the program's does without being started by one that is seen.
    """

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}
        self.processes = 0
        self._known: set[tuple[int, bytes]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="process watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_PAUSE):
            for pid in _descendants(os.getpid()):
                self._look(pid)

    def _look(self, pid: int) -> None:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # gone
            return
        if (pid, arguments) not in self._known:
            self._known.add((pid, arguments))
            self.processes += 1
            self.seen[f"{pid}/arguments/{self.processes}"] = arguments
            self.seen[f"{pid}/environment/{self.processes}"] = environ


def _descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_bytes()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    found: list[int] = []
    for pid in parents:
        at = pid
        while at in parents and at != root:
            at = parents[at]
        if at == root and pid != root:
            found.append(pid)
    return found
