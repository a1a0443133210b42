"""What a cluster does all day is no drift: restarts after rotations, autoscaling, ended Jobs, replaced pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.world import Run, World, eventually, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

NAME = "churning"
RUNS = 20
POD = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "one",
            "image": "registry.example.com/test/app:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
LABELS = {"app": "cache"}


def job() -> dict[str, Any]:
    template = {"spec": {**POD, "restartPolicy": "Never"}}
    spec = {"ttlSecondsAfterFinished": 1, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": spec}


def chart() -> dict[str, Any]:
    """Return the files of a chart with what charts have: a StatefulSet, its Service, a ConfigMap."""
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "cache"},
        "spec": {
            "serviceName": "cache",
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": POD},
        },
    }
    ports = [{"name": "tcp", "port": 6379}]
    around = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "cache"},
        "spec": {"clusterIP": "None", "selector": LABELS, "ports": ports},
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cache"}, "data": {"mode": "lru"}}
    return {
        "charts/cache/Chart.yaml": {"apiVersion": "v2", "name": "cache", "version": "1.0.0"},
        "charts/cache/templates/stateful.yaml": stateful,
        "charts/cache/templates/service.yaml": around,
        "charts/cache/templates/config.yaml": config,
    }


@pytest.fixture(scope="module")
def world(make_world: MakeWorld, box: Sandbox) -> World:
    box.put_secret("staging", f"{NAME}/api", {"token": "canary-0"})
    children = {
        "api": service(
            secrets={"API_TOKEN": {"path": f"{NAME}/api", "key": "token"}},
            resources={"requests": {"cpu": "0.10", "memory": "1024Mi"}},
        ),
        "site": service(needs=["api"], autoscaling={"minReplicas": 1, "maxReplicas": 3}),
        "often": {
            "type": "cronjob",
            "team": "one",
            "image": "registry.example.com/test/app",
            "schedule": "* * * * *",
        },
        "own": {"type": "manifests", "team": "one", "files": ["../more/once.yaml"]},
        "cache": {"type": "chart", "team": "one", "chart": "../charts/cache"},
    }
    made = make_world(NAME, children, files={"more/once.yaml": job(), **chart()})
    done = made.up()
    assert done.code == 0, done.text
    return made


def rotate(world: World, number: int) -> None:
    before = restarts(world)
    world.box.put_secret("staging", f"{NAME}/api", {"token": f"canary-{number}"})
    eventually(lambda: restarts(world) != before)


def restarts(world: World) -> dict[str, str]:
    (deployment,) = world.get("deployments", "api")
    annotations = deployment["spec"]["template"]["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.endswith("restartedAt")}


def scale(world: World, number: int) -> None:
    """As an autoscaler does it, of which nobody keeps account, and through the Deployment itself, which is noted."""
    site = world.namespace("site")
    if number % 2:
        world.kubectl("scale", "-n", site, "deployment/site", "--replicas=3")
    else:
        world.kubectl("patch", "-n", site, "deployment/site", "-p", '{"spec":{"replicas":2}}')


def restart(world: World, _: int) -> None:
    world.kubectl("rollout", "restart", "-n", world.namespace("site"), "deployment/site")


def lose_pods(world: World, _: int) -> None:
    for child in ("api", "site", "cache"):
        world.kubectl("delete", "pods", "--all", "--wait=false", "-n", world.namespace(child))


def run_by_hand(world: World, number: int) -> None:
    world.kubectl("create", "job", f"by-hand-{number}", "--from=cronjob/often", "-n", world.namespace("often"))


CHURN: tuple[Callable[[World, int], None], ...] = (rotate, scale, lose_pods, restart, run_by_hand)


def look(world: World) -> tuple[Run, dict[str, Any]]:
    run = world.aoa("drift", "staging", "--output", "json")
    assert run.stdout, run.text
    return run, json.loads(run.stdout)


def test_a_cluster_at_work_has_no_drift(world: World) -> None:
    found = []
    tolerated: set[str] = set()
    for number in range(1, RUNS + 1):
        CHURN[number % len(CHURN)](world, number)
        run, drift = look(world)
        found.append((run.code, drift["differences"], drift["unread"]))
        tolerated |= {one["why"] for one in drift["tolerated"]}
    assert found == [(0, [], [])] * RUNS
    assert tolerated == {
        "a Job with a time to live goes when it has ended",
        "the autoscaler decides about the replicas",
        "the secrets operator restarts what uses a changed secret",
        "a restart by hand changes nothing of what runs",
    }


def test_what_a_chart_declared_is_compared_and_mended(world: World) -> None:
    cache = world.namespace("cache")
    world.kubectl("patch", "configmap", "-n", cache, "cache", "--type=merge", "-p", '{"data":{"mode":"none"}}')
    world.kubectl("scale", "-n", cache, "statefulset/cache", "--replicas=2")
    run, drift = look(world)
    fields = {(one["object"]["kind"], one["field"]): one["by"][0]["manager"] for one in drift["differences"]}
    assert (run.code, fields) == (
        1,
        {("ConfigMap", "data.mode"): "kubectl-patch", ("StatefulSet", "spec.replicas"): "kubectl"},
    )
    mended = world.aoa("drift", "staging", "--fix")
    assert mended.code == 0, mended.text
    run, drift = look(world)
    assert (run.code, drift["differences"]) == (0, [])


def test_a_deleted_namespace_is_one_difference_and_comes_back(world: World) -> None:
    for child in ("own", "often"):
        world.kubectl("delete", "namespace", world.namespace(child))
    _, drift = look(world)
    found = [(one["object"]["kind"], one["object"]["name"], one["what"]) for one in drift["differences"]]
    assert sorted(found) == [("Namespace", f"{NAME}-{child}", "missing") for child in ("often", "own")]
    mended = world.aoa("drift", "staging", "--fix")
    assert mended.code == 0, mended.text
    assert {one["metadata"]["name"] for one in world.get("cronjobs", "often")} == {"often"}
