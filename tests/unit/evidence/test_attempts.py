from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app_of_apps.evidence.attempts import attempts, between

from .chains import START, Chain, approval, week


def folded(chain: Chain):
    return attempts(one.record for one in chain.records)


def test_beginning_and_end_become_one_attempt() -> None:
    found = folded(week())
    assert [[record.sequence for record in each.records] for each in found] == [
        [1, 2],
        [3, 4],
        [5],
        [6, 7],
        [8, 9],
        [10, 11],
    ]
    assert [each.result for each in found] == ["succeeded", "succeeded", "refused", "failed", "succeeded", "succeeded"]


def test_an_attempt_says_who_when_what_and_with_whose_consent() -> None:
    hotfix = folded(week())[1]
    assert hotfix.started == START + timedelta(days=1)
    assert hotfix.ended == hotfix.started + timedelta(minutes=3)
    assert hotfix.seconds == 180
    assert hotfix.runner == "carl"
    assert [(one.name, one.proven) for one in hotfix.approvers] == [("ada", True), ("ben", True)]
    assert hotfix.touches("orders")
    assert not hotfix.touches("api")


def test_the_cause_of_a_failure_and_of_a_refusal_is_told() -> None:
    found = folded(week())
    assert (found[2].reason, found[3].reason) == ("0 of 2 approvals", "api: no")


def test_break_glass_is_told_with_its_reason() -> None:
    glass = folded(week())[5].break_glass
    assert glass is not None
    assert (glass.name, glass.kind, glass.reason, glass.proven) == ("ben", "break-glass", "shop is down", True)


def test_what_has_no_end_is_open_and_a_note_is_no_attempt() -> None:
    chain = Chain()
    chain.add("note", START, operation="promote")
    chain.up(START, result=None)
    assert [each.result for each in folded(chain)] == ["noted", "open"]


def test_an_end_without_its_beginning_stands_alone() -> None:
    records = [one.record for one in week().records][1:]
    first = attempts(records)[0]
    assert [record.sequence for record in first.records] == [2]
    assert first.result == "open" or first.opening.kind == "ended"


def test_a_second_end_of_an_attempt_is_not_lost() -> None:
    chain = Chain()
    chain.up(START)
    chain.add("ended", START + timedelta(hours=1), attempt=1, result="failed")
    assert [[record.sequence for record in each.records] for each in folded(chain)] == [[1, 2], [3]]


def test_destroy_touches_every_child_and_a_failed_attempt_what_it_meant_to_change() -> None:
    chain = Chain()
    chain.up(START, operation="destroy", changes=[])
    chain.up(START, result="failed")
    assert [each.touches("api") for each in folded(chain)] == [True, True]
    assert [each.touches("web") for each in folded(chain)] == [False, False]


def test_an_approval_that_somebody_changed_is_not_proven() -> None:
    chain = Chain()
    given = approval("ada", "sha256:" + "1" * 64, START)
    chain.up(START, approvals=[{**given, "payload": {**given["payload"], "approver": {"name": "eve", "entity": "x"}}}])
    assert [(one.name, one.proven) for one in folded(chain)[0].approvers] == [("eve", False)]


@pytest.mark.parametrize(
    ("since", "until", "numbers"),
    [
        ("2026-11-17T00:00:00Z", "2026-11-18T00:00:00Z", [3]),
        ("2026-11-17T08:02:59Z", None, [3, 5, 6, 8, 10]),  # still running then
        ("2026-11-17T08:03:01Z", None, [5, 6, 8, 10]),
        (None, "2026-11-17T08:00:00Z", [1]),
        (None, "2026-11-17T08:00:01Z", [1, 3]),
        (None, None, [1, 3, 5, 6, 8, 10]),
        ("2030-01-01T00:00:00Z", None, []),
    ],
)
def test_an_attempt_belongs_to_a_time_when_any_part_of_it_does(since, until, numbers) -> None:
    ends = [None if text is None else datetime.fromisoformat(text) for text in (since, until)]
    assert [each.opening.sequence for each in between(folded(week()), *ends)] == numbers


def test_a_date_that_no_calendar_has_is_no_reason_to_fail() -> None:
    chain = Chain()
    chain.add("note", START, time="2026-99-99T99:99:99Z")
    assert folded(chain)[0].started == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_note_about_how_well_it_was_foretold_belongs_to_its_attempt() -> None:
    chain = Chain()
    chain.up(START)
    chain.up(START + timedelta(hours=1))
    details = {"attempt": 1, "comparison": {}}
    chain.add("note", START + timedelta(hours=2), operation="accuracy", details=details)
    first, second = folded(chain)
    assert [record.sequence for record in first.records] == [1, 2, 5]
    assert (first.result, first.ended) == ("succeeded", START + timedelta(minutes=3))
    assert second.comparison is None


def test_a_note_about_an_attempt_that_is_not_there_stands_alone() -> None:
    chain = Chain()
    for about in (7, "1", None):
        chain.add("note", START, operation="accuracy", details={"attempt": about})
    assert [each.result for each in folded(chain)] == ["noted"] * 3
