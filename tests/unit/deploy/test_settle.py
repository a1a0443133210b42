"""Waiting for what a namespace holds: at the generation that was asked for, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from app_of_apps.deploy import settle
from app_of_apps.deploy.settle import settles


class Cluster:
    """Answers with one state after the other, the last one for ever."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.asked: list[str] = []

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        raise AssertionError(path)

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        about = {"name": "broker", "generation": 2, "annotations": {"app-of-apps/child-digest": "sha256:1"}}
        return [{"metadata": about, **state}] if state else []


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_PAUSE", 0.01)


def broker(observed: int, ready: int = 1) -> dict[str, Any]:
    status = {"observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": ready, "replicas": 1}
    return {"spec": {"replicas": 1}, "status": status}


def test_the_status_of_an_earlier_generation_is_no_answer() -> None:
    cluster = Cluster(broker(1), broker(1), broker(2, ready=0), broker(2))
    assert settles(cluster, "wrapped-broker", ("StatefulSet",), deadline=5)
    assert cluster.asked == ["/apis/apps/v1/namespaces/wrapped-broker/statefulsets"] * 4


def test_a_secret_is_there_when_its_generation_was_copied() -> None:
    old, new = ({"status": {"secretMAC": "x", "lastGeneration": generation}} for generation in (1, 2))
    assert settles(Cluster(old, new), "shop-api", ("VaultStaticSecret",), deadline=5)
    assert not settles(Cluster(old), "shop-api", ("VaultStaticSecret",), deadline=0.05)


def test_an_empty_namespace_is_settled() -> None:
    assert settles(Cluster({}), "shop-api", ("StatefulSet", "DaemonSet"), deadline=0)


def test_what_never_becomes_healthy_is_given_up_at_the_deadline() -> None:
    assert not settles(Cluster(broker(2, ready=0)), "wrapped-broker", ("StatefulSet",), deadline=0.05)


def deployment(updated: int, total: int, ready: int, reason: str, observed: int = 2) -> dict[str, Any]:
    status = {
        "observedGeneration": observed,
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
    }
    return {"kind": "Deployment", "spec": {"replicas": 1}, "status": status}


DONE, GOING = "NewReplicaSetAvailable", "ReplicaSetUpdated"


def test_the_pods_of_before_are_not_taken_for_those_of_a_recreated_deployment() -> None:
    """The controller reports the new generation before it has a ReplicaSet for it; the provider stops waiting here."""
    old_is_up, nothing_is = deployment(0, 1, 1, DONE), deployment(0, 0, 0, DONE)
    starts, is_up = deployment(1, 1, 0, GOING), deployment(1, 1, 1, DONE)
    cluster = Cluster(deployment(1, 1, 1, DONE, observed=1), old_is_up, nothing_is, starts, is_up)
    assert settles(cluster, "shop-api", ("Deployment",), deadline=5)
    assert len(cluster.asked) == 5
    for state in (old_is_up, nothing_is, starts):
        assert not settles(Cluster(state), "shop-api", ("Deployment",), deadline=0.05)


def test_a_pod_that_fell_ill_after_its_rollout_holds_nobody_back() -> None:
    assert settles(Cluster(deployment(1, 1, 0, DONE)), "shop-api", ("Deployment",), deadline=0)
    assert not settles(Cluster(deployment(1, 1, 0, DONE, observed=1)), "shop-api", ("Deployment",), deadline=0.05)


def test_what_somebody_else_has_put_there_holds_nobody_back() -> None:
    theirs = {"metadata": {"name": "debug", "generation": 2}}
    assert settles(Cluster({**deployment(1, 1, 0, GOING), **theirs}), "shop-api", ("Deployment",), deadline=0)
