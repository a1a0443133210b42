"""Removes what a test session has left in its folder when the session is over, however it ended.

    python -m tests.integration.cleaner FOLDER < a pipe that the session holds open

A pipe is closed by the kernel, so this works after a `kill -9` as well.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

from sandbox import Sandbox
from sandbox.layout import FOLDER_VARIABLE


def strays(root: Path) -> list[int]:
    """Return the pids of processes that were given the environment of the sandbox in `root`, such as a provider
    whose engine was killed."""
    mark = f"{FOLDER_VARIABLE}={root}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    kill(strays(folder / "box"))
    Sandbox(folder / "box").reset()
    shutil.rmtree(folder, ignore_errors=True)
