"""The rules on the examples as plain data, without an engine; and on what a preview does not know yet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app_of_apps_policy.model import UNKNOWN, Seen
from app_of_apps_policy.rules import RULES

POLICY = Path(__file__).parents[3] / "policy"
CONFIG = {
    "environment-cluster": {"context": "staging"},
    "environment-namespace": {"prefix": "shop-", "others": ["shared"]},
    "environment-vault": {"mounts": ["kv-staging", "jwt-staging"]},
    "secret-literal": {"allowed": ["DEMO_TOKEN"]},
    "image-registry": {"allowed": ["registry.example.com/shop/"]},
    "image-digest": {"required": True},
}
BY_ID = {rule.id: rule for rule in RULES}


@pytest.fixture(scope="module")
def cases():
    sys.path.insert(0, str(POLICY / "examples"))
    try:
        from cases import CASES
    finally:
        sys.path.remove(str(POLICY / "examples"))
    return CASES


def seen(case):
    token, inputs, options = case
    return Seen(token, f"urn:pulumi:staging::shop::{token}::x", inputs, bool(options.get("protect")))


def found(rule, resources):
    config = CONFIG.get(rule.id, {})
    if rule.check_stack is not None:
        return [said for _, said in rule.check_stack(resources, config)]
    return [said for one in resources for said in rule.check(one, config)]


def test_every_rule_has_examples_and_says_all_about_itself(cases):
    assert list(cases) == [rule.id for rule in RULES]
    assert len(BY_ID) == len(RULES)
    for rule in RULES:
        assert (rule.check is None) != (rule.check_stack is None)
        assert rule.says.endswith(".")
        assert rule.why.endswith(".")
        assert rule.mend.endswith(".")
        assert cases[rule.id]["pass"]
        assert cases[rule.id]["fail"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_failing_examples_fail_each_and_the_passing_ones_pass_every_rule(cases, rule):
    for case in cases[rule.id]["fail"]:
        assert found(rule, [seen(case)]), case
    for other in RULES:
        assert found(other, list(map(seen, cases[rule.id]["pass"]))) == []


def test_no_message_repeats_a_value(cases):
    from cases.inline_secrets import MADE_UP

    for rule in RULES:
        for name in ("secret-object", "secret-literal", "secret-in-state"):
            assert not any(MADE_UP in said for said in found(rule, list(map(seen, cases[name]["fail"]))))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_nobody_knows_yet_breaks_no_rule_and_stops_none(rule):
    metadata = {"name": UNKNOWN, "namespace": UNKNOWN, "labels": UNKNOWN, "annotations": UNKNOWN}
    pod = {"securityContext": UNKNOWN, "hostNetwork": UNKNOWN, "containers": [{"name": "app", "image": UNKNOWN}]}
    resources = [
        Seen("kubernetes:apps/v1:Deployment", "urn:pulumi:staging::s::t::x", {"metadata": metadata, "spec": spec})
        for spec in (UNKNOWN, {"template": {"spec": {**pod, "initContainers": UNKNOWN}}})
    ]
    said = found(rule, resources)
    assert said == [] or rule.id in {"container-requests", "container-memory-limit"}


def test_without_configuration_the_environment_is_the_stack(cases):
    (case,) = cases["environment-mark"]["fail"]
    assert list(BY_ID["environment-mark"].check(seen(case), {}))
    token, inputs, options = case
    there = Seen(token, f"urn:pulumi:prod::shop::{token}::x", inputs, bool(options))
    assert list(BY_ID["environment-mark"].check(there, {})) == []
