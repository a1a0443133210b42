"""Which controls a record counts for, and that none is claimed that it does not speak of."""

from __future__ import annotations

from typing import Any

import pytest

from app_of_apps.evidence.controls import CONTROLS, ISO, SOC2, Trait, evidence_of, traits

from .chains import START, Chain, approval, week

DIGEST = "sha256:" + "1" * 64
GIT = {"commit": "c" * 40, "dirty": False, "author": "Dora <dora@example.com>", "authors": ["dora@example.com"]}


def record(kind: str = "began", **more: Any):
    chain = Chain()
    chain.add(kind, START, **more)
    return chain.records[0].record


def names(found) -> set[str]:
    return {evidence.control.number for evidence in evidence_of(found)}


def test_every_control_that_was_asked_for_is_in_the_table() -> None:
    soc2 = [each.number for each in CONTROLS if each.framework == SOC2]
    iso = [each.number for each in CONTROLS if each.framework == ISO]
    assert soc2 == ["CC6.1", "CC6.2", "CC6.3", "CC7.2", "CC8.1"]
    assert iso == ["A.5.3", "A.5.15", "A.5.16", "A.5.17", "A.5.18", "A.8.9", "A.8.15", "A.8.31", "A.8.32"]
    assert all(each.shows and each.elsewhere for each in CONTROLS)


def test_every_trait_counts_for_some_control() -> None:
    assert {trait for each in CONTROLS for trait in each.shows} == set(Trait)


@pytest.mark.parametrize(
    ("made", "trait"),
    [
        (record("refused", reason="no"), Trait.REFUSED),
        (record("ended", attempt=1, result="killed"), Trait.UNSUCCESSFUL),
        (record("ended", attempt=1, result="succeeded"), Trait.ENDED),
        (record(approvals=[approval("ada", DIGEST, START)]), Trait.APPROVED),
        (record(approvals=[approval("ada", DIGEST, START)], git=GIT), Trait.SEPARATED),
        (record(breakGlass=approval("ada", DIGEST, START, kind="break-glass")), Trait.BREAK_GLASS),
        (record(overrides=[{"what": "healthyFor", "reason": "urgent"}]), Trait.OVERRIDDEN),
        (record(changes=[{"child": "", "change": "changed", "words": ["access.grants[0].role a → b"]}]), Trait.ACCESS),
        (record(secrets={"kv-prod/shop/api": 3}), Trait.SECRETS),
        (record(policies=[{"policy": "no-inline-secrets", "verdict": "passed"}]), Trait.POLICIES),
        (record(preview=DIGEST), Trait.PREVIEWED),
        (record("note", operation="promote"), Trait.PROMOTED),
        (record(rollbackOf=3), Trait.ROLLED_BACK),
        (record(operation="drift-fix"), Trait.DRIFT),
    ],
    ids=lambda value: str(value) if isinstance(value, Trait) else "",
)
def test_a_record_has_the_traits_that_it_shows(made, trait: Trait) -> None:
    assert trait in traits(made)
    assert trait not in traits(record("note", operation="other"))


@pytest.mark.parametrize(
    "more",
    [
        {"git": {"commit": None, "dirty": False, "author": None, "authors": ["Ada@example.com"]}},
        {"git": {**GIT, "author": "A. L. <ada@example.com>"}},
        {"git": {**GIT, "author": "Ada <x@example.com>"}},
        {"who": {"kubernetes": {"username": "ada", "uid": "", "groups": []}, "vault": None}},
        {
            "who": {
                "kubernetes": None,
                "vault": {
                    "displayName": "x",
                    "entity": approval("ada", DIGEST, START)["payload"]["approver"]["entity"],
                    "entityName": "",
                    "policies": [],
                },
            }
        },
    ],
    ids=["author", "of the commit", "by name", "in the cluster", "in Vault"],
)
def test_duties_are_not_separated_where_an_approver_wrote_or_ran_it(more: dict[str, Any]) -> None:
    made = record(approvals=[approval("ben", DIGEST, START), approval("ada", DIGEST, START)], **{"git": GIT, **more})
    assert Trait.SEPARATED not in traits(made)
    assert "A.5.3" not in names(made)
    assert Trait.APPROVED in traits(made)


def test_duties_are_not_called_separated_where_nobody_knows_who_wrote_it() -> None:
    assert Trait.SEPARATED not in traits(record(approvals=[approval("ada", DIGEST, START)]))


def test_an_unproven_approval_counts_for_nothing() -> None:
    given = approval("ada", DIGEST, START)
    made = record(approvals=[{**given, "payload": {**given["payload"], "reason": "changed"}}])
    assert not {Trait.APPROVED, Trait.SEPARATED} & traits(made)


def test_a_note_counts_as_logging_and_for_nothing_else() -> None:
    assert names(record("note", operation="other")) == {"A.8.15"}


def test_access_controls_are_claimed_only_where_access_changed() -> None:
    for one in week().records:
        assert not {"CC6.2", "A.5.18"} & names(one.record)


def test_each_reason_is_one_of_the_table() -> None:
    for one in week().records:
        for evidence in evidence_of(one.record):
            assert evidence.reasons == tuple(evidence.control.shows[trait] for trait in evidence.traits)
