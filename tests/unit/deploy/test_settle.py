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
        return [{"metadata": {"name": "broker", "generation": 2}, **state}] if state else []


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
