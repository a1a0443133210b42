"""What waiting will probably cost, by what earlier releases have cost, and nothing that no record says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app_of_apps.review.comment import comment
from app_of_apps.review.page import page
from app_of_apps.review.waiting import ASKS, ENOUGH, LAST, Span, waiting
from tests.unit.review.lab import CHECKOUT, seen
from tests.unit.review.past import Past

NEEDS = {"db": (), "api": ("db",), "site": ("db", "api"), "jobs": ("db",)}
HOUR = timedelta(hours=1)


def cost(past: Past, *changed: str, asked: bool = False):
    return waiting(past.records, changed, NEEDS, asked=asked)


def fact(known) -> str:
    (line,) = [
        line
        for line in comment(page(replace(seen("removed-service"), waiting=known))).splitlines()
        if line.startswith("- waiting: ")
    ]
    return line.removeprefix("- waiting: ")


def test_the_longest_path_counts_and_not_the_sum():
    past = Past().deployed({"db": 10.0, "api": 5.0, "jobs": 20.0, "site": 1.0})
    found = cost(past, "db", "api", "jobs", "site")
    assert (found.deployment, found.path) == (Span(30.0, 30.0, 30.0, 1), ("db", "jobs"))


def test_a_child_that_stays_as_it_is_takes_no_time():
    past = Past().deployed({"db": 10.0, "api": 5.0, "site": 1.0})
    found = cost(past, "db", "site")  # what site needs through api still comes before it
    assert (found.deployment.seconds, found.path) == (11.0, ("db", "site"))


def test_range_and_median_are_those_of_the_samples():
    past = Past()
    for seconds in (9.0, 4.0, 30.0, 5.0):
        past.deployed({"api": seconds})
    assert cost(past, "api").deployment == Span(7.0, 4.0, 30.0, 4)


def test_only_the_last_releases_count():
    past = Past().deployed({"api": 1000.0})
    for _ in range(LAST):
        past.deployed({"api": 3.0})
    assert cost(past, "api").deployment == Span(3.0, 3.0, 3.0, LAST)


@pytest.mark.parametrize(
    "past",
    [
        Past(),
        Past().deployed({"api": 3.0}, result="failed"),
        Past().deployed({"api": 3.0}, result="interrupted"),
        Past().deployed({"api": 3.0}, operation="destroy"),
        Past().deployed({"api": 3.0}, operation="drift-fix"),
        Past().deployed({"api": 3.0}, change="removed"),
        Past().deployed({"db": 3.0}),
        Past().deployed(None),
        Past().refused("no"),
    ],
)
def test_what_tells_nothing_of_a_child_that_comes_up_is_no_sample(past):
    found = cost(past, "api")
    assert (found.deployment, found.path, found.unmeasured) == (None, (), ("api",))
    assert fact(found) == "how long it takes to deploy is not known, no record tells of what changes"


def test_a_rollback_is_a_sample():
    assert cost(Past().deployed({"api": 3.0}, operation="rollback"), "api").deployment.seconds == 3.0


@pytest.mark.parametrize("broken", ["3", None, True, -1, {"x": 1}, [3]])
def test_a_record_that_says_nonsense_is_no_sample(broken):
    assert cost(Past().deployed({"api": broken}), "api").deployment is None


def test_too_few_samples_are_said_to_be_too_few():
    past = Past()
    words = []
    for _ in range(ENOUGH):
        past.deployed({"api": 3.0})
        words.append(fact(cost(past, "api")))
    assert words == [
        "about 3s to deploy (1 sample, too few for a range)",
        "about 3s to deploy (2 samples, too few for a range)",
        "about 3s to deploy (3s to 3s, 3 samples)",
    ]


def test_a_child_that_nobody_has_measured_makes_it_a_least():
    found = cost(Past().deployed({"db": 3.0}), "db", "api")
    assert found.unmeasured == ("api",)
    assert fact(found).startswith("at least 3s to deploy")
    assert "<code>api</code>: never measured" in comment(page(replace(seen("removed-service"), waiting=found)))


# -- people ----------------------------------------------------------------------------------------------------------


def test_approvals_are_waited_for_from_the_commit_to_the_last_signature():
    past = Past()
    for hours in (1, 3, 30):
        past.deployed({"api": 1.0}, issued=(HOUR / 2, hours * HOUR))
    found = cost(past, "api", asked=True)
    assert found.approvals == Span(3 * 3600.0, 3600.0, 30 * 3600.0, 3)
    assert fact(found).endswith("; approvals took 3h00m in the median of the last 3 releases (1h00m to 30h00m)")


def test_without_a_commit_the_first_refusal_says_since_when_they_were_wanted():
    past = Past().refused(f"prod of shop {ASKS} 2 approvals", before=2 * HOUR)
    past.refused(f"prod of shop {ASKS} 1 approval", before=HOUR)
    past.deployed({"api": 1.0}, issued=(HOUR,), committed=False)
    (sample,) = [cost(past, "api", asked=True).approvals]
    assert sample.seconds == (timedelta(days=1) + 3 * HOUR).total_seconds()


@pytest.mark.parametrize(
    "past",
    [
        Past(),
        Past().deployed({"api": 1.0}),
        Past().deployed({"api": 1.0}, issued=(HOUR,), glass=True),
        Past().deployed({"api": 1.0}, issued=(HOUR,), result="failed"),
        Past().deployed({"api": 1.0}, issued=(HOUR,), committed=False),
        Past().deployed({"api": 1.0}, issued=(-HOUR,)),
        Past().refused("a child is missing").deployed({"api": 1.0}, issued=(HOUR,), committed=False),
    ],
)
def test_where_no_record_tells_since_when_somebody_waited_nothing_is_said(past):
    found = cost(past, "api", asked=True)
    assert found.approvals is None
    assert fact(found).endswith("; how long approvals take is not known, no approved release is on record")


def test_who_is_not_asked_is_not_told_how_long_approvals_take():
    past = Past().deployed({"api": 1.0}, issued=(HOUR,))
    assert cost(past, "api").approvals is None
    assert "approvals" not in fact(cost(past, "api"))


@pytest.mark.parametrize("issued", ["", "yesterday", "2026-11-16T08:00:00", None])
def test_a_signature_without_a_moment_breaks_nothing(issued):
    past = Past().deployed({"api": 1.0}, issued=(HOUR,))
    past.records[0]["approvals"][0]["payload"]["issued"] = issued
    cost(past, "api", asked=True)


def test_a_shut_gate_that_wants_approvals_is_told_by_its_words():
    assert f" {ASKS} {{" in (CHECKOUT / "app_of_apps/approval/check.py").read_text()
    told = seen("version-bump", gate=f"staging of shop {ASKS} 1 approval of this release and has 0").waiting
    assert told.asked
    assert not seen("version-bump", gate="it removes too much").waiting.asked


def test_the_same_records_make_the_same_words():
    one, other = (seen.__wrapped__("version-bump") for _ in range(2))
    assert comment(page(one)) == comment(page(other))


def test_where_nothing_changes_there_is_nothing_to_wait_for():
    assert seen("removed-service").waiting is None
