"""What all tests stand on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let Ctrl-C mean something to what tests start: a shell has what it starts in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
