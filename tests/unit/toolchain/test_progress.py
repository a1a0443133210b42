from __future__ import annotations

import io
import time

import pytest

from toolchain.progress import Progress, Step, duration

STEPS = [Step("one", 90), Step("two", 45), Step("three", 600)]


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_for(stream: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 5
    while text not in stream.getvalue():
        assert time.monotonic() < deadline, stream.getvalue()
        time.sleep(0.005)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.4, "59s"), (60, "1m00s"), (370, "6m10s")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_each_step_has_a_start_and_an_end() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(STEPS, stream, clock=clock)
    progress.announce("/cache")
    for index, seconds in enumerate((80, 50, 610)):
        with progress.step(index, lambda: "busy"):
            clock.now += seconds
    progress.finish()
    assert stream.getvalue().splitlines() == [
        "toolchain: building 3, about 12m15s: one, two, three",
        "toolchain: into /cache; once per machine and version",
        "[1/3] one: started, about 1m30s, then 2 more (about 10m45s)",
        "[1/3] one: done in 1m20s",
        "[2/3] two: started, about 45s, then 1 more (about 10m00s)",
        "[2/3] two: done in 50s",
        "[3/3] three: started, about 10m00s, last one",
        "[3/3] three: done in 10m10s",
        "toolchain: built 3 in 12m20s",
    ]


def test_without_a_terminal_a_heartbeat_says_what_is_going_on() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(STEPS, stream, heartbeat=0.01, clock=clock)
    with progress.step(0, lambda: "412 packages compiled"):
        clock.now = 30
        wait_for(stream, "[1/3] one: 412 packages compiled, 30s of about 1m30s, then 2 more")
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_one_line_is_rewritten_and_finished_steps_stay() -> None:
    stream = io.StringIO()
    progress = Progress(STEPS, stream, live=True)
    with progress.step(1, lambda: "busy"):
        wait_for(stream, "[2/3] two: busy")
    shown = stream.getvalue()
    assert shown.startswith("\r\x1b[K[2/3] two: busy")
    assert shown.endswith(("\r\x1b[K[2/3] two: done in 1s\n", "\r\x1b[K[2/3] two: done in 0s\n"))


def test_a_step_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()
    progress = Progress(STEPS, stream)
    with pytest.raises(RuntimeError), progress.step(0, lambda: ""):
        raise RuntimeError
    assert "stopped after" in stream.getvalue()
    assert "done" not in stream.getvalue()
