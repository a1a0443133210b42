"""Signals that ask an operation to end: Ctrl-C, and what a pipeline or a closing terminal sends."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptions(before: Sequence[int] = (), *, most: int | None = None) -> Iterator[Sequence[int]]:
    """Give the signals that came as long as this lasts, after those that had come ``before``.

    They are collected and raise nothing, because an exception in the wrong line would leave the engine without anybody
    who waits for it; with ``most``, each one from that number on raises KeyboardInterrupt. Outside of the main thread
    there are none.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, _: object) -> None:
        came.append(number)
        if most is not None and len(came) >= most:
            raise KeyboardInterrupt

    outer = {number: signal.signal(number, note) for number in _SIGNALS}
    came[:0] = before  # whoever collected them until now gets no more
    try:
        yield came
    finally:
        for number, handler in outer.items():
            signal.signal(number, handler)
