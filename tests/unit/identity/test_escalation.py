"""Nobody gets more than the parent grants: every attempt of `attempts` is refused at validate, with its place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.child import CHILD_TYPES
from app_of_apps.manifest.escalation import Boundary, faults, rendered_faults
from app_of_apps.objects.chart_check import check_rendered
from tests.strategies import to_yaml
from tests.unit.identity import attempts
from tests.unit.identity.world import DEPLOYMENT, PARENT, child, load, problems, world

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "plain/objects.yaml"
OWN = Boundary("shop-api")
POD_TYPES = ("service", "worker", "migration", "cronjob")
ACCESS: dict[str, Any] = PARENT["access"]
BLUE_ONLY = {**ACCESS["workloads"], "blue-only": {**ACCESS["workloads"]["leases"], "teams": ["blue"]}}
WAYS = {"network": {"ways": {"vault": {"namespaces": ["vault"], "ports": [8200], "teams": ["blue"]}}}}


def attempt(folder: Path, kind: str, changes: dict[str, Any], files: dict[str, str] | None = None) -> list[str]:
    one = child(kind)
    for key, value in changes.items():
        one[key] = {**one[key], **value} if isinstance(one.get(key), dict) and isinstance(value, dict) else value
    described = world(
        one,
        files={PLAIN: to_yaml(DEPLOYMENT), **(files or {})},
        access={**ACCESS, "workloads": BLUE_ONLY},
        tenancy=WAYS,
    )
    described.environment["versions"] = {one["name"]: "1"} if "image" in one else {}
    return problems(folder, described)


@pytest.mark.parametrize("kind", CHILD_TYPES)
def test_a_child_that_tries_nothing_is_valid(tmp_path: Path, kind: str) -> None:
    assert attempt(tmp_path, kind, {}) == []


@pytest.mark.parametrize("kind", CHILD_TYPES)
@pytest.mark.parametrize("name", attempts.EVERY_TYPE)
def test_a_child_of_any_type_cannot_take_what_is_the_parents(tmp_path: Path, kind: str, name: str) -> None:
    assert attempt(tmp_path, kind, attempts.EVERY_TYPE[name])


@pytest.mark.parametrize("kind", POD_TYPES)
@pytest.mark.parametrize("name", attempts.WITH_PODS)
def test_a_child_with_pods_cannot_give_them_more(tmp_path: Path, kind: str, name: str) -> None:
    assert attempt(tmp_path, kind, attempts.WITH_PODS[name])


@pytest.mark.parametrize("kind", ["chart", "manifests"])
@pytest.mark.parametrize("name", attempts.WITH_PODS)
def test_a_child_without_pods_of_its_own_has_no_such_fields(tmp_path: Path, kind: str, name: str) -> None:
    assert attempt(tmp_path, kind, attempts.WITH_PODS[name])


@pytest.mark.parametrize("name", attempts.OBJECTS)
def test_plain_manifests_cannot_declare_it(tmp_path: Path, name: str) -> None:
    found = attempt(tmp_path, "manifests", {}, {PLAIN: to_yaml(attempts.OBJECTS[name])})
    assert found
    assert all(str(tmp_path / PLAIN) in problem for problem in found)


@pytest.mark.parametrize("name", attempts.OBJECTS)
def test_plain_manifests_cannot_hide_it_in_a_list(tmp_path: Path, name: str) -> None:
    wrapped = {"apiVersion": "v1", "kind": "List", "items": [DEPLOYMENT, attempts.OBJECTS[name]]}
    found = attempt(tmp_path, "manifests", {}, {PLAIN: to_yaml(wrapped)})
    assert any("items[1]" in problem for problem in found)


@pytest.mark.parametrize("name", attempts.OBJECTS)
def test_a_rendered_chart_cannot_declare_it(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_rendered("api", "charts/thing", [DEPLOYMENT, attempts.OBJECTS[name]], OWN)
    assert all("the chart of api makes" in str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize("name", attempts.VALUES)
def test_a_charts_values_cannot_ask_for_it_openly(tmp_path: Path, name: str) -> None:
    found = attempt(tmp_path, "chart", {"values": attempts.VALUES[name]})
    assert any("values." in problem for problem in found)


@pytest.mark.parametrize("name", attempts.RULES)
def test_no_role_can_say_it(tmp_path: Path, name: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["roles"]["viewer"]["kubernetes"].append(attempts.RULES[name])
    assert problems(tmp_path, world(access=access))


@pytest.mark.parametrize("name", attempts.RULES)
def test_no_included_role_can_say_it(tmp_path: Path, name: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["roles"]["inner"] = {"kubernetes": [attempts.RULES[name]]}
    access["roles"]["viewer"]["includes"] = ["inner"]
    assert problems(tmp_path, world(access=access))


@pytest.mark.parametrize("name", attempts.RULES)
def test_no_workload_role_can_say_it(tmp_path: Path, name: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["workloads"]["leases"]["kubernetes"].append(attempts.RULES[name])
    assert problems(tmp_path, world(access=access))


@pytest.mark.parametrize("name", attempts.RESTRICTED)
def test_the_parent_can_hold_wrapped_pods_to_the_stricter_standard(tmp_path: Path, name: str) -> None:
    described = world(child("manifests"), files={PLAIN: to_yaml(attempts.RESTRICTED[name])})
    assert problems(tmp_path, described) == []
    described.parent["tenancy"] = {"wrappedPods": "restricted"}
    assert problems(tmp_path, described)


def test_what_charts_and_manifests_usually_hold_is_welcome() -> None:
    usual: list[dict[str, Any]] = [
        DEPLOYMENT,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"namespace": "kube-system"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "shop-api"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"type": "ClusterIP"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"type": "LoadBalancer"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "x"},
            "spec": {"type": "ExternalName", "externalName": "db.example.com"},
        },
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"}, "spec": {}},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"}},
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "x"}},
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "x"},
            "spec": {"parentRefs": [{"name": "public", "namespace": "gateways"}]},
        },
        {
            "apiVersion": "secrets.hashicorp.com/v1beta1",
            "kind": "VaultStaticSecret",
            "metadata": {"name": "x"},
            "spec": {"vaultAuthRef": "vault"},
        },
    ]
    assert [list(faults(one, OWN)) for one in usual] == [[]] * len(usual)
    assert [list(rendered_faults(one, OWN)) for one in usual] == [[]] * len(usual)


def test_the_parent_can_allow_custom_resources_by_their_group(tmp_path: Path) -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "x"}}
    described = world(child("manifests"), files={PLAIN: to_yaml(monitor)})
    (problem,) = problems(tmp_path, described)
    assert "tenancy: customResources" in problem
    described.parent["tenancy"] = {"customResources": ["monitoring.coreos.com"]}
    assert problems(tmp_path, described) == []


def test_a_grant_may_reach_secrets_when_it_says_so(tmp_path: Path) -> None:
    access = copy.deepcopy(ACCESS)
    access["roles"]["viewer"]["kubernetes"].append(attempts.RULES["a shell in pods"])
    access["environments"]["staging"]["grants"][0]["reachesSecrets"] = True
    assert problems(tmp_path, world(access=access)) == []


def test_a_grant_may_not_say_that_it_reaches_secrets_when_it_does_not(tmp_path: Path) -> None:
    access = copy.deepcopy(ACCESS)
    access["environments"]["staging"]["grants"][0]["reachesSecrets"] = True
    (problem,) = problems(tmp_path, world(access=access))
    assert "reaches no secrets" in problem


@pytest.mark.parametrize("group", ["system:masters", "system:authenticated", "system:serviceaccounts:kube-system"])
def test_no_grant_goes_to_a_group_of_kubernetes_itself(tmp_path: Path, group: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["environments"]["staging"]["grants"][0]["group"] = group
    assert any("Kubernetes' own" in problem for problem in problems(tmp_path, world(access=access)))


@pytest.mark.parametrize("group", ['a" }', "a\nb", " a", "a\\b", "", "x" * 201])
def test_a_group_cannot_leave_the_place_of_a_name(tmp_path: Path, group: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["environments"]["staging"]["grants"][0]["group"] = group
    assert problems(tmp_path, world(access=access))


def test_json_in_yaml_is_no_way_around(tmp_path: Path) -> None:
    found = attempt(tmp_path, "manifests", {}, {PLAIN: json.dumps(attempts.OBJECTS["a cluster role binding"])})
    assert len(found) == 1


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    several = "---\n".join(to_yaml(one) for one in attempts.OBJECTS.values())
    found = attempt(tmp_path, "manifests", {}, {PLAIN: several})
    assert len(found) >= len(attempts.OBJECTS)


def test_a_broken_parent_gives_no_false_alarm_about_custom_resources(tmp_path: Path) -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "x"}}
    described = world(child("manifests"), files={PLAIN: to_yaml(monitor)}, teams={})
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, described)
    assert not any("customResources" in str(problem) for problem in caught.value.problems)
