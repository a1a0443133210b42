"""What an attempt's record says of the rules that it passed."""

from __future__ import annotations

from typing import Any

from app_of_apps.approval.check import Passed
from app_of_apps.approval.gate import Given
from app_of_apps.approval.verdicts import verdicts
from app_of_apps.environment.settings import Environment
from app_of_apps.release.deletions import Contents, Deletions, Removal, Standing

from .ballot import CLEO, DORA, FAY, Somebody


def settings(**more: Any) -> Environment:
    shape = {
        "name": "prod",
        "cluster": {"context": "prod"},
        "vault": {"mounts": {"kv": "kv-prod", "jwt": "jwt-prod"}},
        **more,
    }
    return Environment.model_validate(shape)


def given(who: Somebody, **changed: Any) -> Given:
    statement = who.statement(**changed)
    return Given(statement, who.sign(statement).signed, who.public)


def said(settings: Environment, passed: Passed, *asked: Any, references: int | None = None) -> dict[str, str]:
    found = verdicts(settings, passed, *(asked or (None,)), references=references)
    assert [one.policy for one in found] == sorted(one.policy for one in found)
    return {one.policy: one.verdict for one in found}


def going(*names: str) -> Deletions:
    return Deletions(tuple(Removal(Standing(name, f"shop-{name}"), Contents()) for name in names))


def test_an_environment_without_rules_says_so() -> None:
    assert said(settings(), Passed()) == {
        "approvals": "not asked for",
        "environment-guard": "passed",
        "freeze": "no window",
        "images-pinned": "not asked for",
    }


def test_who_approved_and_what_may_go_is_said() -> None:
    gated = settings(gates={"approvals": {"required": 2, "groups": ["ops"]}}, images={"pinned": True})
    passed = Passed((given(DORA, deletions=("mail", "web")), given(CLEO, deletions=("mail",))))
    found = said(gated, passed, going("mail"), references=7)
    assert found["approvals"] == "passed: cleo, dora"
    assert found["images-pinned"] == "passed"
    assert found["deletion-budget"] == "passed: mail (agreed to: mail)"
    assert found["secret-references"] == "passed: 7 looked for"
    assert said(gated, Passed())["approvals"] == "passed: approved before"


def test_broken_glass_is_no_approval() -> None:
    gates = {"approvals": {"required": 1, "groups": ["ops"]}}
    passed = Passed(break_glass=given(FAY, kind="break-glass", reason="customers cannot pay"))
    found = said(settings(gates=gates), passed)
    assert (found["approvals"], found["freeze"]) == ("gone around by fay", "no window")


def test_the_budget_of_deletions_is_told() -> None:
    assert said(settings(), Passed(), going())["deletion-budget"] == "passed: nothing goes"
    assert said(settings(), Passed(), going("web"))["deletion-budget"] == "passed: web (budget 1)"
