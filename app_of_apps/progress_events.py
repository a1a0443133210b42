"""How ``aoa`` tells the process that started it what its children do: JSON lines to an open file descriptor."""

from __future__ import annotations

from typing import Final

VARIABLE: Final = "AOA_EVENTS_FD"
"""The number of the descriptor. Each line is an object with ``kind``: ``child`` (child, team, doing, text) or ``line``
(text)."""
