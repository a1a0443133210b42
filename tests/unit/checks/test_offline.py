"""What `aoa validate` says without asking anybody: each rule where it holds and where it does not."""

from __future__ import annotations

import pytest

from app_of_apps.checks.demand import demand
from app_of_apps.checks.offline import check_offline
from app_of_apps.checks.removals import REMOVALS, removal, version, written
from app_of_apps.checks.rules import RULES
from app_of_apps.manifest.quantity import amount
from app_of_apps.objects.render import release_objects
from tests.unit.checks.place import deployment, found, manifests, service, subject, thing, worker

PDB = thing("policy/v1beta1", "PodDisruptionBudget", spec={"minAvailable": 1})


def test_a_project_that_is_fine_has_no_finding(tmp_path):
    world = subject(
        tmp_path,
        {
            "api": service(expose={"host": "shop.example.com"}),
            "job": worker(replicas=3, resources={"requests": {"cpu": "2", "memory": "4Gi"}}),
            "tool": manifests(deployment(cpu="100m", memory="128Mi"), thing("policy/v1", "PodDisruptionBudget")),
        },
        {"promotion": {"from": "staging"}},
        below={},
    )
    assert check_offline(world) == ()


# -- version-not-below -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "theirs", "bad"),
    [
        ("1.2.0", "1.2.0", False),
        ("1.1.0", "1.2.0", False),  # was below before, and will follow
        ("1.2.0@sha256:" + "a" * 64, "1.2.0", False),  # pinned when it was promoted
        ("1.3.0", "1.2.0", True),
        ("sha-0a1b", "sha-2c3d", True),  # nobody can say that it was there
    ],
)
def test_a_version_comes_from_the_environment_below(tmp_path, mine, theirs, bad):
    world = subject(
        tmp_path,
        {"api": service()},
        {"promotion": {"from": "staging"}, "versions": {"api": mine}},
        below={"versions": {"api": theirs}},
    )
    assert found(world, "version-not-below") == ([("warning", "Pulumi.prod.yaml", "versions.api")] if bad else [])


def test_without_an_environment_below_no_version_is_asked_for(tmp_path):
    world = subject(tmp_path, {"api": service()}, {"versions": {"api": "9"}}, below={})
    assert found(world, "version-not-below") == []


def test_an_environment_below_that_is_not_there_is_named(tmp_path):
    world = subject(tmp_path, {"api": service()}, {"promotion": {"from": "testing"}}, below={})
    assert found(world, "version-not-below") == [("warning", "Pulumi.prod.yaml", "promotion.from")]


# -- host-collision ----------------------------------------------------------------------------------------------


def exposed(host="shop.example.com", **more):
    return service(expose={"host": host, **more})


def ingress(host, path, **spec):
    backend = {"service": {"name": "x", "port": {"number": 80}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    return thing("networking.k8s.io/v1", "Ingress", spec={**spec, "rules": [{"host": host, "http": {"paths": paths}}]})


def route(host, *matches):
    spec = {"parentRefs": [{"name": "gw"}], "hostnames": [host], "rules": [{"matches": list(matches)}]}
    return thing("gateway.networking.k8s.io/v1", "HTTPRoute", spec=spec)


def test_two_children_cannot_have_the_same_host_and_path(tmp_path):
    world = subject(tmp_path, {"one": exposed(path="/a"), "two": exposed(path="/a/")})
    assert found(world, "host-collision") == [("error", "two.yaml", "expose.host")]
    (only,) = [one for one in check_offline(world) if one.rule.id == "host-collision"]
    assert only.problem.position.line > 1
    assert "one.yaml" in only.problem.hint


@pytest.mark.parametrize("other", [exposed(path="/b"), exposed("other.example.com", path="/a")])
def test_another_path_or_host_is_no_collision(tmp_path, other):
    assert found(subject(tmp_path, {"one": exposed(path="/a"), "two": other}), "host-collision") == []


def test_a_collision_that_an_environment_makes_is_named_there(tmp_path):
    override = {"children": {"two": {"host": "shop.example.com"}}}
    world = subject(tmp_path, {"one": exposed(), "two": exposed("two.example.com")}, override)
    assert found(world, "host-collision") == [("error", "Pulumi.prod.yaml", "children.two.host")]


def test_behind_another_ingress_class_it_is_a_warning(tmp_path):
    world = subject(tmp_path, {"one": exposed(), "two": exposed(ingressClass="internal")})
    assert found(world, "host-collision") == [("warning", "two.yaml", "expose.host")]


def test_hosts_of_plain_manifests_and_charts_collide_too(tmp_path):
    children = {
        "one": exposed(path="/a"),
        "two": manifests(ingress("shop.example.com", "/a")),
        "three": {"type": "chart"},
    }
    charts = {"three": [ingress("shop.example.com", "/a")]}
    world = subject(tmp_path, children, charts=charts)
    assert found(world, "host-collision") == [
        ("error", "two.yaml", "spec.rules[0].http.paths[0]"),
        ("error", "three", "spec.rules[0].http.paths[0]"),
    ]


def test_routes_that_headers_tell_apart_do_not_collide(tmp_path):
    path = {"value": "/a"}
    plain, beta = {"path": path}, {"path": path, "headers": [{"name": "x-beta", "value": "1"}]}
    children = {"one": manifests(route("h.example.com", plain)), "two": manifests(route("h.example.com", beta))}
    assert found(subject(tmp_path, children), "host-collision") == []
    children["two"] = manifests(route("h.example.com", plain))
    assert found(subject(tmp_path, children), "host-collision") == [("error", "two.yaml", "spec.rules[0]")]


def tcp(port):
    spec = {"parentRefs": [{"name": "gw", "sectionName": f"tcp-{port}"}], "rules": [{"backendRefs": []}]}
    return thing("gateway.networking.k8s.io/v1alpha2", "TCPRoute", spec=spec)


def test_routes_without_hosts_do_not_collide(tmp_path):
    children = {"one": manifests(tcp(1)), "two": manifests(tcp(2))}
    assert found(subject(tmp_path, children), "host-collision") == []


def test_an_exposed_child_and_a_route_at_the_same_gateway_collide(tmp_path):
    gateway = service(expose={"host": "h.example.com", "kind": "HTTPRoute", "gateway": "infra/gw"})
    theirs = route("h.example.com", {"path": {"value": "/"}})
    theirs["spec"]["parentRefs"] = [{"name": "gw", "namespace": "infra"}]
    world = subject(tmp_path, {"one": gateway, "two": manifests(theirs)})
    assert found(world, "host-collision") == [("error", "two.yaml", "spec.rules[0]")]
    theirs["spec"]["parentRefs"][0]["sectionName"] = "internal"
    world = subject(tmp_path, {"one": gateway, "two": manifests(theirs)})
    assert found(world, "host-collision") == [("warning", "two.yaml", "spec.rules[0]")]


# -- port-collision ----------------------------------------------------------------------------------------------


def balancer(port, address="192.0.2.7"):
    spec = {
        "type": "LoadBalancer",
        "loadBalancerIP": address,
        "allocateLoadBalancerNodePorts": False,
        "ports": [{"port": port}],
    }
    return thing("v1", "Service", spec=spec)


@pytest.mark.parametrize(
    ("other", "bad"), [(balancer(443), True), (balancer(80), False), (balancer(443, "192.0.2.8"), False)]
)
def test_a_port_of_an_address_belongs_to_one_child(tmp_path, other, bad):
    world = subject(tmp_path, {"one": manifests(balancer(443)), "two": manifests(other)})
    assert found(world, "port-collision") == ([("error", "two.yaml", "spec.ports[0].port")] if bad else [])


# -- quota-exceeded ----------------------------------------------------------------------------------------------

QUOTA = {"tenancy": {"quota": {"pods": 10, "cpu": "2", "memory": "4Gi", "volumeClaims": 1}}}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (deployment(replicas=2, cpu="500m", memory="1Gi"), []),
        (deployment(replicas=3, cpu="500m", memory="256Mi"), ["warning"]),  # 3 CPUs while old and new are there
        (deployment(replicas=3, strategy="Recreate", cpu="500m", memory="256Mi"), []),
        (deployment(replicas=5, cpu="500m", memory="256Mi"), ["error"]),
        (deployment(replicas=1, cpu="100m", memory="5Gi"), ["error"]),
        (deployment(replicas=11, strategy="Recreate", cpu="1m", memory="1Mi"), ["error"]),
        (thing("v1", "PersistentVolumeClaim"), []),
        (
            thing("apps/v1", "StatefulSet", spec={"replicas": 2, "volumeClaimTemplates": [{}], "template": {}}),
            ["error"],
        ),
    ],
)
def test_plain_manifests_fit_into_the_quota(tmp_path, one, expected):
    world = subject(tmp_path, {"tool": manifests(one)}, parent=QUOTA)
    assert [severity for severity, _, _ in found(world, "quota-exceeded")] == expected
    assert {path for _, _, path in found(world, "quota-exceeded")} <= {"files"}


def test_what_an_autoscaler_may_ask_for_counts(tmp_path):
    scaler = thing(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={"maxReplicas": 8, "scaleTargetRef": {"kind": "Deployment", "name": "x"}},
    )
    world = subject(tmp_path, {"tool": manifests(deployment(cpu="300m", memory="1Mi"), scaler)}, parent=QUOTA)
    assert "error" in {severity for severity, _, _ in found(world, "quota-exceeded")}


def test_a_load_balancer_that_takes_ports_of_the_nodes_is_refused_by_the_quota(tmp_path):
    open_one = balancer(443)
    del open_one["spec"]["allocateLoadBalancerNodePorts"]
    assert found(subject(tmp_path, {"tool": manifests(balancer(443))}), "quota-exceeded") == []
    assert found(subject(tmp_path, {"tool": manifests(open_one)}), "quota-exceeded") == [
        ("error", "tool.yaml", "files")
    ]


def test_without_a_quota_everything_fits(tmp_path):
    world = subject(tmp_path, {"tool": manifests(deployment(replicas=99))}, parent={"tenancy": {"quota": None}})
    assert found(world, "quota-exceeded") == []


def test_the_quota_of_a_child_of_ours_holds_its_own_rollout(tmp_path):
    scaling = {"maxReplicas": 30}
    world = subject(
        tmp_path,
        {
            "api": service(replicas=40, resources={"requests": {"cpu": "3", "memory": "7Gi"}}),
            "job": worker(autoscaling=scaling, resources={"limits": {"cpu": "1", "memory": "1Gi"}}),
        },
        parent=QUOTA,
    )
    for described in release_objects(world.release):
        objects = [one.manifest for one in described.kubernetes]
        (hard,) = [one["spec"]["hard"] for one in objects if one["kind"] == "ResourceQuota"]
        needed = demand(objects, world.release.tenancy.limits).rollout
        if described.child == "api":
            assert needed["pods"] == 80
        assert needed["pods"] <= amount(hard["pods"])
        if described.child == "api":
            assert needed["requests.cpu"] <= amount(hard["requests.cpu"])
            assert needed["requests.memory"] <= amount(hard["requests.memory"])


# -- quota-needs-requests ----------------------------------------------------------------------------------------

NO_DEFAULTS = {"tenancy": {"limits": None}}


def test_under_a_quota_every_container_says_what_it_requests(tmp_path):
    children = {"api": service(resources={"requests": {"cpu": None}}), "tool": manifests(deployment())}
    world = subject(tmp_path, children, parent=NO_DEFAULTS)
    assert found(world, "quota-needs-requests") == [
        ("error", "api.yaml", "resources.requests.cpu"),
        ("error", "tool.yaml", "spec"),
        ("error", "tool.yaml", "spec"),
    ]
    assert found(subject(tmp_path, children), "quota-needs-requests") == []


def test_a_limit_stands_for_the_request(tmp_path):
    limits = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    world = subject(tmp_path, {"api": service(**limits)}, parent=NO_DEFAULTS)
    assert found(world, "quota-needs-requests") == []


# -- api-removed, api-deprecated ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kubernetes", "rule"),
    [
        ("1.20", None),
        ("1.21", "api-deprecated"),
        ("1.24", "api-deprecated"),
        ("1.25", "api-removed"),
        ("1.36", "api-removed"),
    ],
)
def test_an_api_version_is_judged_by_what_the_cluster_runs(tmp_path, kubernetes, rule):
    world = subject(
        tmp_path, {"tool": manifests(thing("v1", "ConfigMap"), PDB)}, {"cluster": {"kubernetes": kubernetes}}
    )
    rules = {one.rule.id: one for one in check_offline(world)}
    assert set(rules) == ({rule} if rule else set())
    if rule:
        assert "use policy/v1" in rules[rule].problem.hint
        assert rules[rule].problem.position.line > 5  # of the second object


def test_where_nobody_knows_what_the_cluster_runs_it_is_a_warning(tmp_path):
    world = subject(tmp_path, {"tool": manifests(PDB)})
    assert found(world, "api-deprecated") == [("warning", "tool.yaml", "apiVersion")]
    assert found(world, "api-removed") == []


def test_what_was_asked_wins_over_what_is_recorded(tmp_path):
    world = subject(tmp_path, {"tool": manifests(PDB)}, {"cluster": {"kubernetes": "1.20"}})
    assert [one.rule.id for one in check_offline(world, server=(1, 36))] == ["api-removed"]


def test_a_chart_s_objects_are_looked_at(tmp_path):
    world = subject(tmp_path, {"tool": {"type": "chart"}}, charts={"tool": [PDB]})
    assert found(world, "api-deprecated") == [("warning", "tool", "apiVersion")]


def test_the_table_of_removals_is_consistent():
    assert len(REMOVALS) > 60
    for (api_version, kind), one in REMOVALS.items():
        assert one.deprecated < one.removed, api_version
        assert one.instead != api_version
        assert one.instead is None or removal(one.instead, kind) is None, (api_version, kind)
    # Known ends, by the Deprecated API Migration Guide.
    assert written(removal("batch/v1beta1", "CronJob").removed) == "1.25"
    assert written(removal("autoscaling/v2beta2", "HorizontalPodAutoscaler").removed) == "1.26"
    assert written(removal("extensions/v1beta1", "Ingress").removed) == "1.22"
    assert removal("policy/v1beta1", "PodSecurityPolicy").instead is None


@pytest.mark.parametrize("text", ["1.36", "v1.36.3", "1.36+", "1.36.3-gke.1"])
def test_versions_of_servers_are_read(text):
    assert version(text) == (1, 36)


def test_every_rule_has_an_id_that_can_stay():
    for name, rule in RULES.items():
        assert name == rule.id
        assert name == name.lower().strip("-").replace("_", "-")
        assert rule.title
        assert rule.help
