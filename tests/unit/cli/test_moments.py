from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.cli.moments import period, shown

BERLIN = ZoneInfo("Europe/Berlin")
# A Tuesday; at this moment it is Tuesday in Berlin too.
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def day(text: str) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(text).replace(tzinfo=BERLIN)
    return start, datetime.fromisoformat(text).replace(tzinfo=BERLIN) + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "first", "days"),
    [
        ("2026-11-24", "2026-11-24", 1),
        ("today", "2026-11-24", 1),
        ("Yesterday", "2026-11-23", 1),
        ("tuesday", "2026-11-24", 1),
        ("tue", "2026-11-24", 1),
        ("on monday", "2026-11-23", 1),
        ("wednesday", "2026-11-18", 1),
        ("last tuesday", "2026-11-17", 1),
        ("last  Tuesday ", "2026-11-17", 1),
        ("last monday", "2026-11-23", 1),
        ("last wednesday", "2026-11-18", 1),
        ("3 days ago", "2026-11-21", 1),
        ("3d", "2026-11-21", 1),
        ("1 week ago", "2026-11-17", 1),
        ("2w", "2026-11-10", 1),
        ("this week", "2026-11-23", 7),
        ("last week", "2026-11-16", 7),
        ("this month", "2026-11-01", 30),
        ("last month", "2026-10-01", 31),
        ("2 months ago", "2026-09-01", 30),
        ("11 months ago", "2025-12-01", 31),
        ("2026-02", "2026-02-01", 28),
        ("2024-02", "2024-02-01", 29),
    ],
)
def test_days_weeks_and_months_are_whole_ones_of_the_users_calendar(text: str, first: str, days: int) -> None:
    found = period(text, NOW, BERLIN)
    start = datetime.fromisoformat(first)
    assert found.start == start.replace(tzinfo=BERLIN).astimezone(UTC)
    assert found.end == (start + timedelta(days=days)).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("2h", NOW - timedelta(hours=2)),
        ("2 hours ago", NOW - timedelta(hours=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("5 min ago", NOW - timedelta(minutes=5)),
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24t08:00z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24 08:00", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24 08:00:30 -05:00", datetime(2026, 11, 24, 13, 0, 30, tzinfo=UTC)),
        ("2026-11-24T08:00:30.25+01:00", datetime(2026, 11, 24, 7, 0, 30, 250000, tzinfo=UTC)),
    ],
)
def test_hours_and_times_are_points(text: str, moment: datetime) -> None:
    found = period(text, NOW, BERLIN)
    assert (found.start, found.end) == (moment, moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "last", "last last tuesday", "next tuesday", "tu", "tuesdays", "24.11.2026", "11/24/2026"),
        *("2026-13", "2026-00", "2026-02-30", "2026-11-24T25:00", "2026-11-24T08:00+99:00", "-3d", "3", "3 ago", "3x"),
        *("999999 months ago", "999999 weeks ago", "9999999999d", "٣ days ago", "2026-11-24T", "0000-01-01", "ago"),
        *("2026-11-24; rm", "2026-1-1", "9999-12-31"),
    ],
)
def test_anything_else_says_what_is_understood(text: str) -> None:
    with pytest.raises(ValueError, match="last tuesday"):
        period(text, NOW, BERLIN)


def test_a_day_on_which_the_clocks_change_has_23_or_25_hours() -> None:
    spring, autumn = (period(text, NOW, BERLIN) for text in ("2026-03-29", "2026-10-25"))
    assert spring.end - spring.start == timedelta(hours=23)
    assert autumn.end - autumn.start == timedelta(hours=25)


def test_the_day_is_the_users_not_that_of_utc() -> None:
    evening = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # Tuesday already in Berlin
    assert period("today", evening, BERLIN).start == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert period("today", evening, UTC).start == datetime(2026, 11, 23, tzinfo=UTC)


def test_without_a_zone_the_machines_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert period("2026-11-24", NOW).start == datetime(2026, 11, 24, 5, tzinfo=UTC)
        assert period("2026-07-01", NOW).start == datetime(2026, 7, 1, 4, tzinfo=UTC)
        assert shown(NOW) == "2026-11-24 04:30:00 -05:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_is_shown_with_its_offset() -> None:
    assert shown(NOW, BERLIN) == "2026-11-24 10:30:00 +01:00"
    assert shown(NOW, UTC) == "2026-11-24 09:30:00 +00:00"
    assert shown(NOW, timezone(-timedelta(hours=3, minutes=30))) == "2026-11-24 06:00:00 -03:30"


@given(st.text(max_size=30))
def test_no_text_is_answered_with_a_traceback(text: str) -> None:
    try:
        found = period(text, NOW, BERLIN)
    except ValueError:
        return
    assert found.start <= found.end


@given(
    st.sampled_from(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_last_weekday_is_that_weekday_within_the_seven_days_before_today(name: str, now: datetime) -> None:
    found = period(f"last {name}", now, UTC).start
    assert f"{found:%A}".lower() == name
    assert 1 <= (now.date() - found.date()).days <= 7
