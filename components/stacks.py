"""Keeps small what the engine notes of where each resource was declared.

The SDK sends the whole call stack with every resource, and the engine keeps it in the state, which it writes anew with
every step. All of our resources are declared by the same few lines, below the same thirty frames of asyncio and of the
SDK: a quarter of the state that tells nobody anything. Python's own limit for tracebacks (``sys.tracebacklimit``) cuts
it to the innermost frames, which name the component and the line.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Up to five are the SDK's own and are not sent.
_FRAMES: Final = 8


@contextmanager
def short_stacks() -> Iterator[None]:
    """Let what is declared in this block be noted with its innermost frames alone."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before
