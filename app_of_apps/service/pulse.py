"""Says that something has changed, to whoever follows a page or an operation. They look themselves at what it is.

One question to the database, ten times a second, stands for those of all who follow.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app_of_apps.service.ledger import Ledger

_EVERY: Final = 0.1
_FOLLOWED: Final = 1000
"""How many operations are known apart; whoever follows another one looks by the clock."""


class Pulse:
    """Grows with every event of an operation, wherever it runs, and whenever it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin at nothing."""
        self._ledger, self._told = ledger, 0
        self._seen: int | None = None
        self._of: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    @property
    def number(self) -> int:
        """What it is at."""
        return self._told + (self._seen or 0)

    def of(self, operation: str) -> int:
        """Return a number that grows with every event of one operation."""
        return self._of.get(operation, 0)

    def bump(self) -> None:
        """Say that something has changed."""
        self._told += 1

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self._seen, changed = self._ledger.news(self._seen)
                if len(self._of) > _FOLLOWED:
                    self._of = {}
                self._of |= dict.fromkeys(changed, self._seen)
            except Exception as error:  # noqa: BLE001 - the database may come back
                sys.stderr.write(f"pulse: {type(error).__name__}\n")
