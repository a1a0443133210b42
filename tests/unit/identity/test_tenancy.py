"""What keeps a child to itself: the quota lets its own pods through, the network denies what nobody declared."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.objects.render import release_objects
from tests.strategies import to_yaml
from tests.unit.identity.world import DEPLOYMENT, child, problems, release_of, world

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.release.model import Release
    from tests.strategies import World

MANIFESTS = {"plain/objects.yaml": to_yaml(DEPLOYMENT)}
UNITS = {"m": Decimal("0.001"), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "": Decimal(1)}


def objects(release: Release, name: str) -> dict[str, dict[str, Any]]:
    """Logical name → manifest of one child's objects."""
    (found,) = [one for one in release_objects(release) if one.child == name]
    return {one.name: dict(one.manifest) for one in found.kubernetes}


def rendered(folder: Path, described: World, name: str = "api") -> dict[str, dict[str, Any]]:
    return objects(release_of(folder, described), name)


def hard(manifests: dict[str, dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = manifests["quota"]["spec"]["hard"]
    return found


def amount(quantity: str) -> Decimal:
    unit = next(unit for unit in UNITS if quantity.endswith(unit))
    return Decimal(quantity.removesuffix(unit)) * UNITS[unit]


def namespaces(peers: list[dict[str, Any]]) -> set[str]:
    return {peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in peers}


def test_every_child_gets_quota_limits_and_a_network_that_denies(tmp_path: Path) -> None:
    kinds = ["service", "worker", "migration", "cronjob", "chart", "manifests"]
    children = [child(kind, f"c{index}") for index, kind in enumerate(kinds)]
    release = release_of(tmp_path, world(*children, files=MANIFESTS))
    for one in children:
        found = objects(release, one["name"])
        assert {"quota", "limit-range", "network-policy"} <= found.keys()
        policy = found["network-policy"]["spec"]
        assert policy["podSelector"] == {}
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        labels = found["namespace"]["metadata"]["labels"]
        enforced = "baseline" if one["type"] in {"chart", "manifests"} else "restricted"
        assert labels["pod-security.kubernetes.io/enforce"] == enforced


def test_they_come_after_the_namespace_and_before_what_runs(tmp_path: Path) -> None:
    (found,) = release_objects(release_of(tmp_path, world()))
    groups = {one.name: one.group for one in found.kubernetes}
    assert {groups[name] for name in ("quota", "limit-range", "network-policy", "role-viewer")} == {"identity"}


@pytest.mark.parametrize(
    ("fields", "pods"),
    [
        ({"replicas": 3}, 20),
        ({"replicas": 100}, 203),
        ({"replicas": 100, "rollout": {"maxSurge": "50%"}}, 252),
        ({"replicas": 1, "autoscaling": {"maxReplicas": 40}}, 83),
    ],
)
def test_the_quota_lets_a_rollout_of_the_child_through(tmp_path: Path, fields: dict[str, Any], pods: int) -> None:
    resources = {"requests": {"cpu": "250m", "memory": "100Mi"}, "limits": {"memory": "200Mi"}}
    found = hard(rendered(tmp_path, world(child(resources=resources, **fields))))
    assert found["pods"] == str(pods)
    most = fields.get("autoscaling", {}).get("maxReplicas", fields["replicas"])
    assert amount(found["requests.cpu"]) >= 2 * most * Decimal("0.25")
    assert amount(found["requests.memory"]) >= 2 * most * 100 * 2**20


@pytest.mark.parametrize(("cpu", "memory"), [("0.3", "1000M"), ("333m", "1Gi"), ("2", "3000000k")])
def test_quantities_are_written_the_way_the_api_server_does(tmp_path: Path, cpu: str, memory: str) -> None:
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {}}
    found = hard(rendered(tmp_path, world(child(replicas=30, resources=resources))))
    milli = found["requests.cpu"]
    assert milli.removesuffix("m").isdigit()
    assert not (milli.endswith("m") and int(milli[:-1]) % 1000 == 0)
    number, unit = found["requests.memory"][:-2], found["requests.memory"][-2:]
    assert int(number) % 1024 or unit == "Pi"


def test_no_child_opens_a_port_on_the_nodes(tmp_path: Path) -> None:
    assert hard(rendered(tmp_path, world()))["services.nodeports"] == "0"


def test_each_part_can_be_left_out(tmp_path: Path) -> None:
    described = world(tenancy={"quota": None, "limits": None, "network": None})
    assert not {"quota", "limit-range", "network-policy"} & rendered(tmp_path, described).keys()


def test_dependents_and_callers_reach_the_ports_of_a_child_and_nobody_else_does(tmp_path: Path) -> None:
    children = [
        child(name="api", ports=[{"port": 8080}, {"port": 9090, "name": "metrics"}]),
        child("worker", "waits", dependsOn=["api"]),
        child("worker", "calls", network={"calls": ["api"]}),
        child("worker", "stranger"),
    ]
    release = release_of(tmp_path, world(*children))
    (rule,) = objects(release, "api")["network-policy"]["spec"]["ingress"]
    assert namespaces(rule["from"]) == {"shop-waits", "shop-calls"}
    assert {port["port"] for port in rule["ports"]} == {8080, 9090}
    for caller in ("waits", "calls"):
        dns, edge = objects(release, caller)["network-policy"]["spec"]["egress"]
        assert namespaces(dns["to"]) == {"kube-system"}
        assert namespaces(edge["to"]) == {"shop-api"}
        assert {port["port"] for port in edge["ports"]} == {8080, 9090}
    (only_dns,) = objects(release, "stranger")["network-policy"]["spec"]["egress"]
    assert {port["port"] for port in only_dns["ports"]} == {53}
    assert objects(release, "stranger")["network-policy"]["spec"]["ingress"] == []


def test_who_depends_on_a_job_gets_no_way_into_its_pods(tmp_path: Path) -> None:
    children = [child("migration", "migrate"), child(name="api", dependsOn=["migrate"])]
    release = release_of(tmp_path, world(*children))
    assert objects(release, "migrate")["network-policy"]["spec"]["ingress"] == []
    assert len(objects(release, "api")["network-policy"]["spec"]["egress"]) == 1


def test_pods_of_a_chart_may_talk_to_each_other(tmp_path: Path) -> None:
    spec = rendered(tmp_path, world(child("chart")))["network-policy"]["spec"]
    assert spec["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert {"to": [{"podSelector": {}}]} in spec["egress"]


def test_an_exposed_port_is_reached_from_the_ingress_controllers_namespaces(tmp_path: Path) -> None:
    exposed = child(ports=[{"port": 8080}, {"port": 9090, "name": "metrics"}], expose={"host": "shop.example.com"})
    (open_rule,) = rendered(tmp_path / "a", world(exposed))["network-policy"]["spec"]["ingress"]
    assert open_rule == {"ports": [{"port": 8080, "protocol": "TCP"}]}
    described = world(exposed, tenancy={"network": {"exposedFrom": ["ingress"]}})
    (rule,) = rendered(tmp_path / "b", described)["network-policy"]["spec"]["ingress"]
    assert namespaces(rule["from"]) == {"ingress"}


def test_a_way_leads_where_the_environment_says(tmp_path: Path) -> None:
    ways = {"database": {"cidrs": ["192.0.2.0/24"], "ports": [5432]}}
    described = world(child("worker", network={"ways": ["database"]}), tenancy={"network": {"ways": ways}})
    described.environment["versions"] = {"api": "1"}
    described.environment["network"] = {"database": ["10.1.0.0/16", "10.2.0.0/16"]}
    _, rule = rendered(tmp_path, described)["network-policy"]["spec"]["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == ["10.1.0.0/16", "10.2.0.0/16"]
    assert rule["ports"] == [{"port": 5432, "protocol": "TCP"}]


def test_what_is_excluded_from_a_way_lies_inside_of_it(tmp_path: Path) -> None:
    ways = {"out": {"cidrs": ["0.0.0.0/0", "2001:db8::/32"], "excluding": ["10.0.0.0/8", "2001:db8:1::/48"]}}
    described = world(child("worker", network={"ways": ["out"]}), tenancy={"network": {"ways": ways}})
    _, rule = rendered(tmp_path, described)["network-policy"]["spec"]["egress"]
    assert [peer["ipBlock"].get("except") for peer in rule["to"]] == [["10.0.0.0/8"], ["2001:db8:1::/48"]]


@pytest.mark.parametrize(
    ("tenancy", "network", "said"),
    [
        ({"network": {"ways": {"x": {"ports": [1]}}}}, {}, "needs namespaces or cidrs"),
        ({"network": {"ways": {"x": {"cidrs": ["10.0.0.1/8"]}}}}, {}, "has host bits set"),
        ({"network": {"ways": {"x": {"cidrs": ["999.0.0.0/8"]}}}}, {}, "no block of addresses"),
        ({"network": {"ways": {"x": {"namespaces": ["a"], "teams": ["rod"]}}}}, {}, "did you mean `red`?"),
        ({}, {"database": ["10.0.0.0/8"]}, "the parent has no way `database`"),
        ({"network": {"ways": {"data": {"cidrs": ["10.0.0.0/8"]}}}}, {"date": ["10.0.0.0/8"]}, "did you mean data?"),
    ],
)
def test_a_way_that_means_nothing_is_an_error(
    tmp_path: Path, tenancy: dict[str, Any], network: dict[str, Any], said: str
) -> None:
    described = world(tenancy=tenancy)
    described.environment["network"] = network
    assert any(said in problem for problem in problems(tmp_path, described))
