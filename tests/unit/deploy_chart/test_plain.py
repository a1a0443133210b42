"""The plain manifests, as they are committed. Whether they are what the chart makes is asked where helm is."""

from __future__ import annotations

import copy

import pytest

from deploy.manifests import PLAIN
from tests.unit.deploy_chart.rules import aoa, broken, kinds, objects, one, pod, settings, variables


@pytest.fixture(scope="module")
def plain():
    return objects(PLAIN.read_text())


def test_they_keep_every_rule(plain):
    assert list(broken(plain)) == []


def test_they_are_complete(plain):
    assert kinds(plain) == {
        "ConfigMap",
        "Deployment",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    }


def test_the_service_takes_the_settings(plain):
    found = settings(plain)
    assert (found.host, found.port, found.url) == ("0.0.0.0", 8440, "https://deploy.example.com")  # noqa: S104 - a pod's


def test_secrets_are_references(plain):
    found = variables(plain)
    for name in ("AOA_SERVICE_DATABASE", "AOA_SERVICE_CLIENT_SECRET", "AOA_SERVICE_WEBHOOK_KEY"):
        assert set(found[name]) == {"secretKeyRef"}


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda all_: aoa(all_)["securityContext"].update(runAsUser=0), "may more than it has to"),
        (lambda all_: one(all_, "Service")["spec"]["selector"].update(x="y"), "Service selects other pods"),
        (lambda all_: pod(all_)["volumes"].pop(), "differ"),
        (lambda all_: aoa(all_)["env"].append({"name": "VAULT_TOKEN", "value": "x"}), "has its value"),
        (lambda all_: aoa(all_)["readinessProbe"]["httpGet"].update(path="/"), "probes ask"),
        (lambda all_: pod(all_).update(terminationGracePeriodSeconds=30), "is killed before"),
        (lambda all_: all_.append({"kind": "Secret", "metadata": {}}), "there is a Secret"),
    ],
)
def test_the_rules_see_what_breaks_them(plain, break_it, words):
    changed = copy.deepcopy(plain)
    break_it(changed)
    assert any(words in found for found in broken(changed))
