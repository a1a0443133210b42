"""One command at a time changes a sandbox."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from sandbox.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(folder: Path, say: Callable[[str], None], *, patience: float = 300.0) -> Iterator[None]:
    """Hold the sandbox's lock, waiting up to `patience` seconds for another command; raises `LockedError` after that.

    It is an advisory kernel lock on ``<folder>/lock``: it goes away with its holder, however that one ended. A
    process being started inherits it until it executes its program, so a next command cannot look at the process
    table while a start is half done.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "lock"
    deadline = time.monotonic() + patience
    told = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_current(handle, path):
                break
            os.close(handle)
            continue
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip()
            os.close(handle)
        if time.monotonic() > deadline:
            message = (
                f"{path}: another sandbox command (pid {owner or 'unknown'}) has held this sandbox for"
                f" {patience:.0f} s. Wait for it or stop it, then run this again."
            )
            raise LockedError(message)
        if not told:
            say(f"waiting for another sandbox command (pid {owner or 'unknown'})")
            told = True
        time.sleep(0.1)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _is_current(handle: int, path: Path) -> bool:
    """Whether `path` still names the locked file: ``reset`` removes the folder with the lock in it."""
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
