"""Says that something has changed, to whoever follows a page: a number that grows. The page says what."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app_of_apps.service.ledger import Ledger

_EVERY: Final = 0.5


class Pulse:
    """Grows with every event of an operation, wherever it runs, and whenever it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin at nothing."""
        self._ledger, self._told, self._seen = ledger, 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    @property
    def number(self) -> int:
        """What it is at."""
        return self._told + self._seen

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
                self._seen = self._ledger.latest()
            except Exception as error:  # noqa: BLE001 - the database may come back
                sys.stderr.write(f"pulse: {type(error).__name__}\n")
