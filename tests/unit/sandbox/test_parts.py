from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sandbox import parts, processes
from sandbox.errors import PartFailedError

if TYPE_CHECKING:
    from pathlib import Path

# Ends at once as often as it is told to, then keeps running; a file counts its starts.
PROGRAM = """
import sys, time
from pathlib import Path
count, failures = Path(sys.argv[1]), int(sys.argv[2])
count.write_text(count.read_text() + "x" if count.exists() else "x")
if len(count.read_text()) <= failures:
    sys.exit("fatal error: concurrent map writes")
Path(sys.argv[1] + ".up").touch()
time.sleep(60)
"""


def ensure(folder: Path, *, failures: int, starts: int) -> parts.Outcome:
    count = folder / "count"
    part = parts.Part(
        name="part",
        argv=(sys.executable, "-c", PROGRAM, str(count), str(failures)),
        port=0,
        probe=lambda: None if (folder / "count.up").exists() else "not yet",
        log=folder / "part.log",
        folder=folder / "run",
        starts=starts,
    )
    try:
        return parts.ensure(folder, part, wanted=False, cancelled=threading.Event())
    finally:
        processes.stop(folder, processes.running(folder))


def test_a_part_that_ends_while_it_starts_is_started_as_often_as_it_says(tmp_path: Path) -> None:
    assert ensure(tmp_path, failures=2, starts=3) is parts.Outcome.STARTED
    assert (tmp_path / "count").read_text() == "xxx"


@pytest.mark.parametrize("starts", [1, 2])
def test_a_part_that_ends_every_time_is_told_with_the_end_of_its_log(tmp_path: Path, starts: int) -> None:
    with pytest.raises(PartFailedError, match=r"(?s)part ended with code 1\..*concurrent map writes"):
        ensure(tmp_path, failures=9, starts=starts)
    assert len((tmp_path / "count").read_text()) == starts
