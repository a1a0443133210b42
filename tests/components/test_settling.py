"""What comes after an object whose wait the provider gets wrong waits for the cluster's own word."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pulumi
import pytest

from components.parent_app import ParentApp
from tests.components.recording import record
from tests.components.shop import child, parent_args, release, shop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app_of_apps.release.model import ResolvedChild
    from components.settling import Settle

_STATEFUL = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: broker}
spec:
  serviceName: broker
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: broker, image: "registry.example.com/broker:3"}]}
"""


def _program(folder: Path, settle: Settle) -> Callable[[], None]:
    world = shop()
    world.files["broker/all.yaml"] = _STATEFUL
    of = release(folder, world)

    def declare() -> None:
        ParentApp("shop", parent_args(of, settle=settle))

    return declare


class _Cluster:
    """Takes a while to become healthy and remembers when it did."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, tuple[str, ...]], float] = {}
        self._lock = threading.Lock()

    def __call__(self, child: ResolvedChild, kinds: Sequence[str]) -> None:
        time.sleep(0.2)
        with self._lock:
            self.answered[child.name, tuple(kinds)] = time.monotonic()


def test_dependents_and_workloads_start_after_the_clusters_answer(tmp_path: Path) -> None:
    cluster = _Cluster()
    recorded = record(_program(tmp_path, cluster))
    deployment, stateful, secrets = ("Deployment",), ("StatefulSet",), ("VaultStaticSecret",)
    of_any_kind = ("Deployment", "StatefulSet", "DaemonSet")
    assert set(cluster.answered) == {
        ("broker", stateful),
        ("reports", of_any_kind),
        ("migration", secrets),
        ("api", secrets),
        *((name, deployment) for name in ("api", "mailer", "front")),
    }
    assert recorded.named("api").began >= cluster.answered["broker", stateful]
    assert recorded.named("front").began >= cluster.answered["reports", of_any_kind]
    assert recorded.named("front").began >= cluster.answered["api", deployment]
    assert recorded.named("migration-job").began >= cluster.answered["migration", secrets]
    assert recorded.named("api-deployment").began >= cluster.answered["api", secrets]
    assert recorded.named("parent-namespace").began >= max(cluster.answered.values())


def test_the_cluster_is_asked_after_what_it_is_asked_about_was_declared(tmp_path: Path) -> None:
    asked: dict[str, float] = {}

    def settle(child: ResolvedChild, _: Sequence[str]) -> None:
        asked[child.name] = time.monotonic()

    recorded = record(_program(tmp_path, settle), slow=["broker-statefulset-broker", "reports-chart"])
    assert asked["broker"] >= recorded.named("broker-statefulset-broker").ended
    assert asked["reports"] >= recorded.named("reports-chart").ended


def test_a_preview_asks_nobody(tmp_path: Path) -> None:
    cluster = _Cluster()
    recorded = record(_program(tmp_path, cluster), preview=True)
    assert not cluster.answered
    assert recorded.named("front-deployment")


def test_what_depends_on_something_that_never_settles_is_never_registered(tmp_path: Path) -> None:
    def settle(child: ResolvedChild, _: Sequence[str]) -> None:
        if child.name == "broker":
            msg = "the broker is not healthy"
            raise pulumi.RunError(msg)

    monitors = []
    with pytest.raises(pulumi.RunError, match="the broker is not healthy"):
        record(_program(tmp_path, settle), seen=monitors.append)
    names = {one.name for one in monitors[0].registrations}
    assert "broker-statefulset-broker" in names
    assert not names & {"api", "api-namespace", "mailer", "front", "night", "parent-namespace"}


def test_a_protected_environment_protects_namespaces_and_nothing_else(tmp_path: Path) -> None:
    of = release(tmp_path, shop())
    recorded = record(lambda: ParentApp("shop", parent_args(of, protect_namespaces=True)) and None)
    protected = {one.name for one in recorded.registrations if one.request.protect}
    assert protected == {f"{one.name}-namespace" for one in of.children}


def test_a_child_alone_is_not_protected(tmp_path: Path) -> None:
    world = shop()
    world.children = {"one": child("one", "worker")}
    world.environment["versions"] = {"one": "1.0.0"}
    of = release(tmp_path, world)
    recorded = record(lambda: ParentApp("shop", parent_args(of)) and None)
    assert not [one.name for one in recorded.registrations if one.request.protect]
