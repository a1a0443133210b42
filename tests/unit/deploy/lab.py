"""What the tests of the reports share: recorded objects and events, and a cluster that holds what a test puts in it.

`Cluster` is a fake because unit tests have no API server; `KubeReader` itself is tested over HTTP.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.errors import Unavailable
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest

if TYPE_CHECKING:
    from app_of_apps.release.model import Release

RECORDED = Path(__file__).parent / "recorded"
_PATH = re.compile(r"/apis?/.*?(?:namespaces/(?P<namespace>[^/]+)/)?(?P<plural>[a-z]+)$")
_PLURALS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "pods": "Pod",
    "configmaps": "ConfigMap",
    "vaultstaticsecrets": "VaultStaticSecret",
}


def recorded() -> dict[str, dict[str, list[dict[str, Any]]]]:
    return json.loads((RECORDED / "cluster.json").read_text())


def workload(kind: str, name: str) -> dict[str, Any]:
    """Return one recorded object."""
    for namespace in recorded().values():
        for item in namespace["workloads"]:
            if (item["kind"], item["metadata"]["name"]) == (kind, name):
                return item
    raise LookupError(kind, name)


def shop() -> Release:
    """A release whose children have the names of the recorded run's."""
    plain = {"replicas": 1}
    return resolve(
        manifest(
            child(name="catalog", team="storefront", **plain),
            child(name="orders-migration", type="migration", team="orders", image="registry.example.com/shop/orders"),
            child(name="orders", team="orders", dependsOn=["catalog", "orders-migration"], **plain),
            child(name="mailer", type="worker", team="orders", dependsOn=["orders"], **plain),
            child(name="settlement", type="cronjob", team="platform", dependsOn=["orders"]),
            child(name="storefront", team="storefront", dependsOn=["catalog", "orders"], **plain),
            teams={team: {"contact": f"#team-{team}"} for team in ("storefront", "orders", "platform")},
        ),
        environment(
            versions={
                "catalog": "2.9.0",
                "orders-migration": "1.17.0",
                "orders": "1.17.0",
                "mailer": "1.3.2",
                "settlement": "0.8.1",
                "storefront": "3.1.0",
            }
        ),
    )


@dataclass
class Cluster:
    """Holds objects and answers like `KubeReader`."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    uid: str = "11111111-2222-3333-4444-555555555555"
    unreachable: str = ""
    narrow: bool = False
    """Whether lists over all namespaces are forbidden."""
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if self.unreachable:
            raise Unavailable(self.unreachable)
        assert path == "/api/v1/namespaces/kube-system"
        return {"metadata": {"uid": self.uid}}

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        if self.unreachable:
            raise Unavailable(self.unreachable)
        found = _PATH.fullmatch(path)
        assert found, path
        namespace, plural = found["namespace"], found["plural"]
        if self.narrow and namespace is None:
            raise Forbidden(path)
        if plural == "events":
            assert query["fieldSelector"] == "type=Warning"
            return [event for event in self.events if event["involvedObject"].get("namespace", namespace) == namespace]
        label, _, value = query.get("labelSelector", "").partition("=")
        # The API leaves out the kind in the items of a list.
        return [
            {key: part for key, part in item.items() if key != "kind"}
            for item in self.objects
            if item["kind"] == _PLURALS.get(plural)
            and namespace in {None, item["metadata"]["namespace"]}
            and (not label or item["metadata"].get("labels", {}).get(label) == value)
        ]


def placed(
    item: dict[str, Any],
    release: Release,
    child_name: str,
    *,
    name: str,
    at: str | None = None,
    version: str | None = None,
) -> dict[str, Any]:
    """Return a recorded object as that of a child, applied for the release's content or for another digest."""
    one = release.child(child_name)
    item = json.loads(json.dumps(item))
    item["metadata"] |= {
        "name": name,
        "namespace": one.namespace,
        "labels": {
            **item["metadata"].get("labels", {}),
            "app.kubernetes.io/part-of": release.parent,
            "app.kubernetes.io/version": version or one.version or "",
        },
        "annotations": {"app-of-apps/child-digest": at or one.digest},
    }
    return item
