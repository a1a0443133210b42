"""Say what is being built, how far it is and about how long it will take.

On a terminal one line is rewritten in place and finished steps stay above it. Elsewhere (CI) every
step has a line when it starts and one when it ends, and a heartbeat in between, so that a log never
stands still for longer than `HEARTBEAT_SECONDS`.
"""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEARTBEAT_SECONDS = 30.0
_REDRAW_SECONDS = 0.5
_CLEAR = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to build."""

    name: str
    seconds: float
    """How long it is expected to take."""


class Progress:
    """Progress over a known list of steps, written to one stream."""

    def __init__(
        self,
        steps: Sequence[Step],
        stream: TextIO,
        *,
        live: bool | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count time.

        Args:
            steps: in the order they will run.
            stream: where to write; for people, not for programs.
            live: rewrite one line in place; by default when the stream is a terminal.
            heartbeat: seconds between signs of life when not live.
            clock: seconds; a test passes its own.
        """
        self._steps = tuple(steps)
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._heartbeat = _REDRAW_SECONDS if self._live else heartbeat
        self._clock = clock
        self._began = clock()

    def announce(self, where: str) -> None:
        """Say what will be done before the first step."""
        names = ", ".join(step.name for step in self._steps)
        total = sum(step.seconds for step in self._steps)
        self._line(f"toolchain: building {len(self._steps)}, about {duration(total)}: {names}")
        self._line(f"toolchain: into {where}; once per machine and version")

    def note(self, text: str) -> None:
        """Write one line of its own."""
        self._line(f"toolchain: {text}")

    @contextmanager
    def step(self, index: int, detail: Callable[[], str]) -> Iterator[None]:
        """Report step ``index`` (from 0) while the body runs.

        Args:
            index: position in the list of steps.
            detail: a few words about what is going on right now, called at each sign of life.
        """
        step = self._steps[index]
        place = f"[{index + 1}/{len(self._steps)}] {step.name}"
        began = self._clock()
        if not self._live:
            self._line(f"{place}: started, about {duration(step.seconds)}{self._left(index)}")
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self._heartbeat):
                elapsed = self._clock() - began
                self._alive(
                    f"{place}: {detail()}, {duration(elapsed)} of about {duration(step.seconds)}{self._left(index)}"
                )

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            self._end(stop, thread, f"{place}: stopped after {duration(self._clock() - began)}")
            raise
        self._end(stop, thread, f"{place}: done in {duration(self._clock() - began)}")

    def finish(self) -> None:
        """Say that everything is there."""
        count = len(self._steps)
        self._line(f"toolchain: built {count} in {duration(self._clock() - self._began)}")

    def _left(self, index: int) -> str:
        rest = self._steps[index + 1 :]
        if not rest:
            return ", last one"
        after = duration(sum(step.seconds for step in rest))
        return f", then {len(rest)} more (about {after})"

    def _end(self, stop: threading.Event, thread: threading.Thread, text: str) -> None:
        stop.set()
        thread.join()
        self._line(text)

    def _alive(self, text: str) -> None:
        if not self._live:
            self._line(text)
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(_CLEAR + text[:width])
        self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(f"{_CLEAR if self._live else ''}{text}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """``48s`` or ``6m10s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
