"""Reads the dates that people type: ISO dates, ``yesterday``, ``last tuesday``, ``3 days ago``, ``2h``. Pure.

Every text means a period. Days, weeks, months and their names are whole ones by the user's calendar; hours, minutes and
times of day are points, from which on or up to which something is meant. So ``--since X --until X`` is the whole of X.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

ACCEPTED: Final = "2026-11-24, 2026-11, 2026-11-24T18:00+01:00, today, yesterday, tuesday, last tuesday, last week, 2h"
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK: Final = len(_WEEKDAYS)
_SHORTEST: Final = 3  # letters by which a day of the week is known: tue
_LAST_MONTH: Final = 12
_SPAN: Final = re.compile(r"([0-9]{1,6})\s*(minutes?|mins?|m|hours?|h|days?|d|weeks?|w|months?)(?:\s+ago)?", re.ASCII)
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_POINT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s?(z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` on and before ``end``, both in UTC; of a point in time they are equal."""

    start: datetime
    end: datetime


def period(text: str, now: datetime, zone: tzinfo | None = None) -> Period:
    """Return the period that ``text`` means at the moment ``now``, in a time zone (None: that of this machine).

    Raises ValueError, with what would be understood, for everything else, and for dates that no calendar has.
    """
    words = " ".join(text.lower().split())
    try:
        found = _span(words, now, zone) or _named(words, now, zone) or _written(words, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        msg = f"is no date that is understood; write it like one of these: {ACCEPTED}"
        raise ValueError(msg)
    return found


def shown(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment in a time zone (None: that of this machine) with its offset: ``2026-11-24 18:03:11 +01:00``."""
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.isoformat()[-6:]}"


def _span(words: str, now: datetime, zone: tzinfo | None) -> Period | None:
    """``3 days ago``, ``2h``."""
    found = _SPAN.fullmatch(words)
    if found is None:
        return None
    count, unit = int(found[1]), found[2]
    today = now.astimezone(zone).date()
    if unit.startswith("month"):
        return _month(today.year, today.month - count, zone)
    if unit[0] == "d":
        return _days(today - timedelta(days=count), 1, zone)
    if unit[0] == "w":
        return _days(today - timedelta(weeks=count), 1, zone)
    point = now - (timedelta(hours=count) if unit[0] == "h" else timedelta(minutes=count))
    return _at(point)


def _named(words: str, now: datetime, zone: tzinfo | None) -> Period | None:
    """``yesterday``, ``last tuesday``, ``this month``."""
    today = now.astimezone(zone).date()
    which, _, name = words.rpartition(" ")
    monday = today - timedelta(days=today.weekday())
    single = {"today": today, "yesterday": today - timedelta(days=1)}
    weeks = {"this week": monday, "last week": monday - timedelta(weeks=1)}
    months = {"this month": today.month, "last month": today.month - 1}
    if words == "now":
        return _at(now)
    if words in single:
        return _days(single[words], 1, zone)
    if words in weeks:
        return _days(weeks[words], _WEEK, zone)
    if words in months:
        return _month(today.year, months[words], zone)
    if which in {"", "on", "last"} and (number := _weekday(name)) is not None:
        # On a Tuesday, last Tuesday is a week ago.
        least = 1 if which == "last" else 0
        return _days(today - timedelta(days=(today.weekday() - number - least) % _WEEK + least), 1, zone)
    return None


def _written(words: str, zone: tzinfo | None) -> Period | None:
    """``2026-11``, ``2026-11-24``, ``2026-11-24 18:00``, ``2026-11-24T18:00:00Z``."""
    if month := _MONTH.fullmatch(words):
        number = int(month[2])
        return _month(int(month[1]), number, zone) if 1 <= number <= _LAST_MONTH else None
    if _DAY.fullmatch(words):
        return _days(date.fromisoformat(words), 1, zone)
    if _POINT.fullmatch(words):
        point = datetime.fromisoformat(words.upper().replace(" ", "T", 1).replace(" ", ""))
        return _at(point if point.tzinfo else _local(point, zone))
    return None


def _weekday(name: str) -> int | None:
    found = [number for number, day in enumerate(_WEEKDAYS) if len(name) >= _SHORTEST and day.startswith(name)]
    return found[0] if found else None


def _at(point: datetime) -> Period:
    return Period(point.astimezone(UTC), point.astimezone(UTC))


def _days(first: date, count: int, zone: tzinfo | None) -> Period:
    ends = (datetime.combine(day, time()) for day in (first, first + timedelta(days=count)))
    return Period(*(_local(end, zone).astimezone(UTC) for end in ends))


def _month(year: int, month: int, zone: tzinfo | None) -> Period:
    """Return one month; ``month`` may be zero or less, which is counted back from January."""
    start, end = (date(year + (number - 1) // 12, (number - 1) % 12 + 1, 1) for number in (month, month + 1))
    return _days(start, (end - start).days, zone)


def _local(naive: datetime, zone: tzinfo | None) -> datetime:
    """Return a time of the calendar as a moment; without a zone by this machine's rules of that date."""
    return naive.replace(tzinfo=zone) if zone else naive.astimezone()
