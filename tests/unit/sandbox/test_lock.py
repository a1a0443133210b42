from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox import lock
from sandbox.errors import LockedError

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from sandbox import lock
with lock.held(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_command_waits_and_says_for_whom(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []
        with pytest.raises(LockedError, match=f"pid {holder.pid}"), lock.held(tmp_path, said.append, patience=0.3):
            pass
        assert said == [f"waiting for another sandbox command (pid {holder.pid})"]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    # However the holder ended, its lock is gone with it.
    began = time.monotonic()
    with lock.held(tmp_path, pytest.fail):
        assert time.monotonic() - began < 1


def test_a_lock_file_that_was_removed_with_its_folder_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    with lock.held(folder, pytest.fail):
        (folder / "lock").unlink()
        with lock.held(folder, pytest.fail, patience=0):
            assert (folder / "lock").exists()


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    with lock.held(tmp_path / "box", pytest.fail):
        assert (tmp_path / "box").stat().st_mode & 0o777 == 0o700
