"""A version goes up when the records below show it healthy for long enough, and each that stays says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.release.promotion import Above, Attempt, Below, Running, Verdict, Why, decide, pinned, span, unpinned

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)
PIN = "@sha256:" + "ab" * 32


def attempt(record: int, minutes_ago: float, *, ok: bool = True, touched: str = "", **versions: str | None) -> Attempt:
    return Attempt(record, NOW - timedelta(minutes=minutes_ago), ok, versions, frozenset(touched.split()))


def verdicts(
    *attempts: Attempt,
    below: dict[str, str],
    above: dict[str, str],
    running: dict[str, Running] | None = None,
    **more: Any,
) -> dict[str, Verdict]:
    """Decide; unless told otherwise, everything in the source is healthy at what its last success deployed."""
    options = {name: more.pop(name) for name in ("named", "override") if name in more}
    last = next((one for one in reversed(attempts) if one.succeeded), None)
    healthy = {
        name: Running(healthy=True, version=version) for name, version in (last.versions if last else {}).items()
    }
    source = Below("staging", below, attempts, healthy | (running or {}), NOW)
    found = decide(source, Above("prod", above, TEN, **more), **options)
    return {verdict.child: verdict for verdict in found}


def verdict(*attempts: Attempt, below: str = "2", above: str | None = "1", **more: Any) -> Verdict:
    """Decide on the one child ``api``."""
    return verdicts(*attempts, below={"api": below}, above={"api": above} if above else {}, **more)["api"]


def test_a_version_that_was_healthy_for_long_enough_moves() -> None:
    found = verdict(attempt(3, 90, api="1"), attempt(7, 75, api="2"))
    assert found.moves
    assert not found.overridden
    assert (found.now, found.version, found.record) == ("1", "2", 7)
    assert found.words == "healthy in staging for 1h 15m (record 7)"


def test_further_releases_with_the_same_version_do_not_begin_its_time_again() -> None:
    found = verdict(attempt(3, 30, api="2", web="1"), attempt(5, 1, api="2", web="2"))
    assert found.moves
    assert found.record == 3


def test_a_version_that_went_and_came_back_begins_again() -> None:
    found = verdict(attempt(3, 60, api="2"), attempt(5, 30, api="3"), attempt(7, 4, api="2"))
    assert (found.moves, found.why, found.record) == (False, Why.YOUNG, 7)


@pytest.mark.parametrize(("minutes", "moves"), [(9.99, False), (10, True), (10.01, True)])
def test_the_time_is_up_to_the_second(minutes: float, moves: bool) -> None:  # noqa: FBT001
    assert verdict(attempt(1, minutes, api="2")).moves is moves


def test_a_version_that_is_too_young_says_when_it_may_move() -> None:
    found = verdict(attempt(4, 4, api="2"))
    assert found.why is Why.YOUNG
    assert found.due == NOW + timedelta(minutes=6)
    assert found.words == ("healthy in staging for 4m of 10m (record 4); can move in 6m, at 2026-11-24 12:06:00 UTC")


def test_a_failed_attempt_that_touched_the_child_ends_its_time() -> None:
    before = attempt(3, 60, api="2")
    failed = attempt(5, 40, ok=False, touched="api", api="3")
    found = verdict(before, failed)
    assert (found.moves, found.why, found.record) == (False, Why.FAILED, 5)
    assert "record 5 of staging changed api and did not succeed" in found.words
    assert verdict(before, failed, attempt(7, 20, api="2")).record == 7
    assert verdict(before, failed, attempt(7, 2, api="2")).why is Why.YOUNG


def test_a_failed_attempt_at_another_child_does_not() -> None:
    assert verdict(attempt(3, 60, api="2"), attempt(5, 1, ok=False, touched="web", api="2")).moves


def test_a_version_that_only_failed_is_called_failed_and_not_merely_unseen() -> None:
    found = verdict(attempt(3, 60, api="1"), attempt(5, 40, ok=False, touched="api", api="2"))
    assert (found.why, found.record, found.version) == (Why.FAILED, 5, "2")


def test_a_version_that_stands_in_the_file_alone_does_not_move() -> None:
    found = verdict(attempt(3, 60, api="1"))
    assert (found.moves, found.why) == (False, Why.UNDEPLOYED)
    assert found.held


def test_what_is_deployed_moves_and_not_what_the_file_names() -> None:
    found = verdict(attempt(3, 60, api="2"), below="3")
    assert (found.moves, found.version) == (True, "2")
    assert found.words.endswith("3 in the file of staging is not deployed there")


def test_nothing_is_believed_of_an_environment_without_records() -> None:
    assert verdict().why is Why.UNSEEN
    assert verdict(attempt(1, 60, ok=False, touched="web", web="1")).why is Why.UNSEEN


def test_a_version_that_both_have_stays() -> None:
    found = verdict(attempt(3, 60, api="1"), below="1")
    assert (found.moves, found.why, found.held) == (False, Why.SAME, False)


def test_a_version_that_the_target_has_already_needs_no_proof() -> None:
    assert verdict(below="1").why is Why.SAME
    assert verdict(attempt(1, 60, ok=False, touched="api", api="1"), below="1").why is Why.SAME


def test_a_child_that_the_target_does_not_have_yet_moves_too() -> None:
    found = verdict(attempt(3, 60, api="2"), above=None)
    assert (found.moves, found.now) == (True, None)


def test_a_child_that_is_gone_below_is_said_to_be() -> None:
    found = verdicts(attempt(3, 60, api="1"), below={"api": "1"}, above={"api": "1", "old": "5"})
    assert (found["old"].why, found["old"].version) == (Why.REMOVED, None)
    again = verdict(attempt(3, 60, api="2"), attempt(5, 50, web="1"))
    assert (again.why, again.held) == (Why.REMOVED, False)


def test_a_child_that_is_not_healthy_now_stays() -> None:
    sick = Running(healthy=False, version="2", message="0 of 2 pods are ready")
    found = verdict(attempt(3, 60, api="2"), running={"api": sick})
    assert found.why is Why.UNHEALTHY
    assert found.words == "api is not healthy in staging now: 0 of 2 pods are ready"


def test_a_child_that_runs_another_version_than_its_record_says_stays() -> None:
    found = verdict(attempt(3, 60, api="2"), running={"api": Running(healthy=True, version="9")})
    assert found.why is Why.UNHEALTHY
    assert "9 of api runs in staging" in found.words


def test_a_child_takes_those_along_that_get_their_version_from_it() -> None:
    followers = {"api": ["api-migration"]}
    both = attempt(3, 60, **{"api": "2", "api-migration": "2"})
    assert verdict(both, followers=followers).followers == ("api-migration",)
    late = attempt(2, 90, **{"api": "2", "api-migration": "1"}), attempt(3, 5, **{"api": "2", "api-migration": "2"})
    assert verdict(*late, followers=followers).why is Why.YOUNG
    sick = {"api-migration": Running(healthy=False)}
    assert verdict(both, followers=followers, running=sick).why is Why.UNHEALTHY
    assert verdict(attempt(3, 60, api="2"), followers=followers).why is Why.UNSEEN
    failed = attempt(5, 40, ok=False, touched="api-migration", **{"api": "2", "api-migration": "2"})
    assert verdict(both, failed, followers=followers).why is Why.FAILED


def test_nobody_goes_back_to_an_older_version_unless_it_is_named() -> None:
    old = attempt(3, 60, api="1.9.2")
    found = verdict(old, below="1.9.2", above="1.10.0")
    assert (found.moves, found.why, found.held) == (False, Why.OLDER, False)
    assert verdict(old, below="1.9.2", above="1.10.0", named=["api"]).moves
    assert verdict(old, below="1.9.2", above="1.10.0", override=True).moves is False
    assert verdict(attempt(3, 60, api="sha-0a"), below="sha-0a", above="sha-1b").moves


def test_only_the_named_children_are_looked_at() -> None:
    last = attempt(3, 60, api="2", web="2")
    assert list(verdicts(last, below={"api": "2", "web": "2"}, above={"api": "1"}, named=["web"])) == ["web"]


@pytest.mark.parametrize(
    "attempts",
    [
        (),
        (attempt(3, 60, api="1"),),
        (attempt(3, 60, api="1"), attempt(5, 40, ok=False, touched="api", api="2")),
        (attempt(3, 4, api="2"),),
    ],
)
def test_an_override_moves_what_is_held_back_and_keeps_the_reason(attempts: tuple[Attempt, ...]) -> None:
    held = verdict(*attempts)
    found = verdict(*attempts, override=True)
    assert held.held
    assert (found.moves, found.overridden, found.version, found.why) == (True, True, "2", held.why)
    assert found.words == f"overridden: {held.words}"


def test_an_override_moves_nothing_that_both_have() -> None:
    assert not verdict(attempt(3, 60, api="1"), below="1", override=True).moves
    assert not verdict(attempt(3, 4, api="2"), below="1", override=True).moves


def test_a_digest_in_the_target_belongs_to_the_tag_that_was_promoted() -> None:
    last = attempt(3, 60, api="2")
    assert verdict(last, above=f"2{PIN}", pinned=True).why is Why.SAME
    assert verdict(last, above=f"2{PIN}").why is Why.SAME
    assert verdict(last, above="2", pinned=True).moves
    assert verdict(attempt(3, 60, api=f"2{PIN}"), below=f"2{PIN}", above="2").moves


def test_a_version_moves_with_its_digest_or_not_at_all() -> None:
    moving = verdict(attempt(3, 60, api="2"), pinned=True)
    assert pinned(moving, f"2{PIN}").version == f"2{PIN}"
    refused = unpinned(moving, "no registry has it")
    assert (refused.moves, refused.why, refused.words, refused.held) == (
        False,
        Why.UNPINNED,
        "no registry has it",
        True,
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (11520, "3h 12m"), (90061, "1d 1h")]
)
def test_a_time_is_written_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


ROWS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from(["1", "2", None]), st.sampled_from(["", "api", "web"]), st.integers(1, 20)
    ),
    max_size=8,
)


@given(ROWS, st.booleans())
def test_whatever_moves_by_itself_was_healthy_without_a_break(
    rows: list[tuple[bool, str | None, str, int]],
    healthy: bool,  # noqa: FBT001
) -> None:
    """What moves is the last success's version, in every success since its record, with no failure that touched it."""
    ago, attempts = 0, []
    for number, (ok, version, touched, minutes) in enumerate(rows):
        ago += minutes
        versions = {} if version is None else {"api": version}
        attempts.append(attempt(len(rows) - number, ago, ok=ok, touched=touched, **versions))
    attempts.reverse()
    found = verdict(*attempts, running={} if healthy else {"api": Running(healthy=False)})
    if not found.moves:
        return
    assert healthy
    since = next(one for one in attempts if one.record == found.record)
    after = attempts[attempts.index(since) :]
    assert since.succeeded
    assert since.time <= NOW - TEN
    assert all(one.versions.get("api") == "2" for one in after if one.succeeded)
    assert not any("api" in one.touched for one in after if not one.succeeded)
