"""What became of a prediction: of each resource whether it went as foretold, and nothing of any value."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app_of_apps.deploy.accuracy import Comparison, Count, Taken, What, compare, comparison_of
from app_of_apps.deploy.accuracy_report import kept, render, to_json
from app_of_apps.deploy.events import Step
from app_of_apps.deploy.prediction import Foretold, Prediction
from app_of_apps.evidence.record import Record

PARENT = "urn:pulumi:staging::shop::app-of-apps:index:ParentApp"
TYPE = "kubernetes:apps/v1:Deployment"
TOP = f"{PARENT}::shop"
API = f"{PARENT}$app-of-apps:index:ServiceApp::api"
SHELLS = (
    Step("begun", "same", TOP, "app-of-apps:index:ParentApp", custom=False),
    Step("begun", "same", API, "app-of-apps:index:ServiceApp", parent=TOP, custom=False),
)
RELEASE = "sha256:" + "1" * 64
BASE = "release-3-" + "a" * 12


def step(op: str, name: str = "api-x", *fields: str, phase: str = "begun", planning: bool = False) -> Step:
    urn = f"{PARENT}$app-of-apps:index:ServiceApp${TYPE}::{name}"
    return Step(phase, op, urn, TYPE, parent=API, diffs=fields, planning=planning)


def foretold(op: str, name: str = "api-x", *fields: str, confidence: str = "exact") -> Foretold:
    return Foretold(f"{TYPE}::{name}", "api", op, confidence, fields)  # type: ignore[arg-type]


def prediction(*resources: Foretold, base: str | None = BASE) -> Prediction:
    return Prediction("shop", "staging", RELEASE, base, "sha256:" + "2" * 64, resources)


def taken(*steps: Step) -> Taken:
    found = Taken()
    for one in (*SHELLS, *steps):
        found.take(one)
    return found


def compared(
    resources: tuple[Foretold, ...], steps: tuple[Step, ...], *, ok: bool = True, base: str | None = BASE
) -> Comparison:
    return compare(prediction(*resources), taken(*steps), base, ok=ok)


@pytest.mark.parametrize(
    ("said", "did", "what"),
    [
        (foretold("create"), step("create"), None),
        (foretold("update", "api-x", "spec.replicas"), step("update", "api-x", "spec.replicas"), None),
        # A creation has no properties that differ, and what it is made of is not compared.
        (foretold("create"), step("create", "api-x", "spec"), None),
        (foretold("create"), step("update"), What.OTHER_OP),
        (foretold("update", "api-x", "spec.replicas"), step("update", "api-x", "spec.template"), What.FIELDS),
        (foretold("delete"), step("same"), What.STAYED),
        (foretold("delete"), step("delete", "api-y"), What.STAYED),
        (foretold("replace", "api-x", "a"), step("create-replacement", "api-x", "a"), None),
        (foretold("replace", "api-x", "a"), step("delete-replaced", "api-x", "a"), None),
    ],
)
def test_a_resource_went_as_foretold_or_it_is_said_how_not(said, did, what):
    found = compared((said,), (did,))
    of_it = [miss.what for miss in found.misses if miss.id == said.id]
    assert of_it == ([what] if what else [])
    assert found.counts == {"exact": Count(right=int(what is None), wrong=int(what is not None))}


def test_what_nobody_foretold_is_named_with_its_child():
    found = compared((), (step("delete", "api-gone"),))
    (miss,) = found.misses
    assert (miss.what, miss.child, miss.confidence, miss.happened) == (What.UNFORETOLD, "api", None, "delete")
    assert (found.unforetold, found.wrong, found.counts) == (1, 1, {})
    assert str(miss) == f"{TYPE}::api-gone: delete happened and was not predicted"


def test_properties_that_differ_are_named_on_both_sides():
    found = compared((foretold("update", "api-x", "a", "b"),), (step("update", "api-x", "b", "c"),))
    (miss,) = found.misses
    assert (miss.more, miss.less) == (("c",), ("a",))
    assert str(miss).endswith("update as predicted (exact), of other properties: + c, - a")


def test_marks_of_the_release_are_no_property():
    marks = ('metadata.annotations["app-of-apps/approvals"]', "metadata.annotations.app-of-apps/git-commit")
    assert compared((foretold("update"),), (step("update", "api-x", *marks),)).right == 1


def test_confidences_are_counted_apart():
    said = [foretold("create", f"api-{word}", confidence=word) for word in ("exact", "assumed", "unknown")]
    found = compared(tuple(said), (step("create", "api-exact"), step("update", "api-unknown")))
    assert found.counts == {"exact": Count(right=1), "assumed": Count(wrong=1), "unknown": Count(wrong=1)}


def test_a_step_that_failed_counts_for_neither_side_and_what_came_after_was_not_reached():
    steps = (step("create"), step("create", phase="failed"))
    found = compared((foretold("create"), foretold("create", "api-y")), steps, ok=False)
    assert found.counts == {"exact": Count(failed=1, unreached=1)}
    assert not found.misses
    # Had it succeeded all the same, what did not happen would be a miss.
    assert compared((foretold("create", "api-y"),), ()).misses[0].what is What.STAYED


def test_what_the_engine_only_plans_has_not_happened():
    assert compared((foretold("create"),), (step("create", planning=True),)).misses[0].what is What.STAYED


def test_another_base_is_told_and_not_counted():
    found = compared((foretold("create"),), (step("create"),), base="release-4-" + "b" * 12)
    assert found.stale
    assert not compared((foretold("create"),), (step("create"),)).stale


def test_a_comparison_is_bounded_and_comes_back_from_its_record():
    many = tuple(
        foretold("update", f"api-{'x' * 900}{number:04}", *[f"f{i}" for i in range(40)]) for number in range(500)
    )
    found = compared(many, ())
    assert (len(found.misses), found.unnamed, found.wrong) == (50, 450, 500)
    text = json.dumps(found.shape())
    assert len(text) < 50_000
    assert comparison_of(json.loads(text)) == found


@pytest.mark.parametrize("broken", [None, {}, [], "x", {"preview": 1}, {"counts": []}])
def test_a_broken_comparison_is_none(broken):
    assert comparison_of(broken) is None


# -- what is told of them --------------------------------------------------------------------------------------------


def record(sequence: int, kind: str, operation: str = "up", **more: object) -> Record:
    return Record.model_validate(
        {
            "sequence": sequence,
            "previous": "sha256:" + "0" * 64,
            "kind": kind,
            "time": "2026-11-16T08:00:00Z",
            "parent": "shop",
            "environment": "staging",
            "operation": operation,
            **more,
        },
        strict=False,
    )


def attempt(sequence: int, *comparisons: Comparison, result: str = "succeeded") -> list[Record]:
    ref = {"digest": RELEASE, "number": sequence, "name": f"release-{sequence}-" + "1" * 12}
    notes = [
        record(sequence + 2 + n, "note", "accuracy", details={"attempt": sequence, "comparison": each.shape()})
        for n, each in enumerate(comparisons)
    ]
    ended = record(sequence + 1, "ended", attempt=sequence, result=result)
    return [record(sequence, "began", release=ref), ended, *notes]


GOOD = compared((foretold("create"), foretold("create", "api-y")), (step("create"), step("create", "api-y")))
BAD = compared((foretold("create"), foretold("create", "api-y")), (step("create"), step("update", "api-y")))
STALE = replace(BAD, base="release-9-" + "9" * 12)


def test_what_went_otherwise_is_named_with_release_and_child_and_a_trend_is_shown():
    text = render([kept("staging", [*attempt(1, GOOD), *attempt(4, BAD), *attempt(7)])])
    assert text.splitlines() == [
        "staging: 2 updates with a preview to compare; 1 update without",
        "  exact    3 right, 1 wrong (75 %)",
        "  trend: release-1-111111111111 100 %, release-4-111111111111 50 %",
        "  went otherwise:",
        f"    release-4-111111111111 (record 4) api: {TYPE}::api-y: create was predicted (exact), update happened",
    ]


def test_what_stood_on_another_base_is_listed_and_not_counted():
    found = kept("staging", [*attempt(1, GOOD), *attempt(4, STALE)])
    assert found.totals == {"exact": Count(right=2)}
    assert "previewed on top of something else, and not counted:" in render([found])
    (shape,) = to_json("shop", [found])["environments"]
    assert [one["counted"] for one in shape["updates"]] == [True, False]


def test_without_records_there_is_nothing_to_say_and_that_is_said():
    assert render([kept("staging", [])]) == "staging: 0 updates with a preview to compare"


def test_all_but_one_of_many_is_not_all():
    bad = replace(BAD, counts={"exact": Count(right=9999, wrong=1)})
    assert "9999 right, 1 wrong (99 %)" in render([kept("staging", attempt(1, bad))])


def test_only_the_first_comparison_of_an_attempt_counts_and_others_cannot_hide_it():
    assert kept("staging", attempt(1, BAD, GOOD)).totals == {"exact": Count(right=1, wrong=1)}


def test_text_of_others_moves_no_cursor():
    hostile = replace(BAD.misses[0], id="x\x1b[2J\n::y", child="a\u202eb")
    text = render([kept("staging", attempt(1, replace(BAD, misses=(hostile,))))])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 5
