"""Whether a moment lies in a time in which nothing is rolled out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from app_of_apps.environment.settings import zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.environment.settings import Freeze

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def frozen(freezes: Iterable[Freeze], now: datetime) -> Freeze | None:
    """Return the first freeze that holds at ``now``; None when none does.

    ``days`` are whole days of its zone; ``since`` belongs to the period, ``until`` does not, and either may be missing.
    Where days and a period are given, both have to hold.
    """
    return next((one for one in freezes if _holds(one, now)), None)


def words(freeze: Freeze) -> str:
    """Say when a freeze holds."""
    parts = [f"{freeze.name}:"]
    if freeze.days:
        parts.append(f"on {', '.join(freeze.days)} ({freeze.zone})")
    if freeze.since:
        parts.append(f"from {freeze.since}")
    if freeze.until:
        parts.append(f"until {freeze.until}")
    return " ".join(parts)


def _holds(freeze: Freeze, now: datetime) -> bool:
    if freeze.days and _DAYS[now.astimezone(zone(freeze.zone)).weekday()] not in freeze.days:
        return False
    if freeze.since and now < datetime.fromisoformat(freeze.since):
        return False
    return not (freeze.until and now >= datetime.fromisoformat(freeze.until))
