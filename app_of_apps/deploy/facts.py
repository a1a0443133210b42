"""What one cluster holds for one parent: its children's workloads, pods, warnings and the latest release record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.objects.record import SELECTOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app_of_apps.deploy.health import Object

CHILD_DIGEST = "app-of-apps/child-digest"

_WORKLOADS: Mapping[str, str] = {
    "VaultStaticSecret": "/apis/secrets.hashicorp.com/v1beta1/{}vaultstaticsecrets",
    "VaultDynamicSecret": "/apis/secrets.hashicorp.com/v1beta1/{}vaultdynamicsecrets",
    "ExternalSecret": "/apis/external-secrets.io/v1/{}externalsecrets",
    "StatefulSet": "/apis/apps/v1/{}statefulsets",
    "DaemonSet": "/apis/apps/v1/{}daemonsets",
    "Deployment": "/apis/apps/v1/{}deployments",
    "Job": "/apis/batch/v1/{}jobs",
    "CronJob": "/apis/batch/v1/{}cronjobs",
}
SECRET_KINDS = frozenset({"VaultStaticSecret", "VaultDynamicSecret", "ExternalSecret"})
"""From which an operator makes Kubernetes Secrets."""
_KINDS: Mapping[str, str] = {**_WORKLOADS, "Pod": "/api/v1/{}pods"}


class Reader(Protocol):
    """What is needed of a cluster; `KubeReader` is one."""

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the items of a list."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Objects by namespace, as plain dicts with ``kind`` set."""

    workloads: Mapping[str, tuple[Object, ...]]
    pods: Mapping[str, tuple[Object, ...]]
    records: tuple[Object, ...]
    """The ConfigMaps of the releases that became healthy, the latest first."""

    def of(self, namespace: str) -> tuple[Object, ...]:
        """Return the workloads in a namespace, in the order in which a child needs them."""
        return self.workloads.get(namespace, ())


def read(kube: Reader, parent: str, namespaces: Iterable[str], *, foreign: Iterable[str] = ()) -> Facts:
    """Read everything that is to be known of a parent's children.

    ``foreign`` are the namespaces of children whose objects do not all carry our labels (charts, plain YAML). Raises
    Unavailable when the cluster cannot be read.
    """
    wanted, unlabelled = tuple(dict.fromkeys(namespaces)), tuple(dict.fromkeys(foreign))
    found = {kind: _all(kube, kind, parent=parent, wanted=wanted, unlabelled=unlabelled) for kind in _KINDS}
    workloads: dict[str, list[Object]] = {}
    for kind in _WORKLOADS:
        for item in found[kind]:
            workloads.setdefault(_namespace(item), []).append(item)
    pods: dict[str, list[Object]] = {}
    for item in found["Pod"]:
        pods.setdefault(_namespace(item), []).append(item)
    return Facts(
        workloads={name: tuple(items) for name, items in workloads.items() if name in wanted},
        pods={name: tuple(items) for name, items in pods.items() if name in wanted},
        records=_records(kube, parent),
    )


def warnings(kube: Reader, namespace: str) -> tuple[Object, ...]:
    """Return the Warning events of a namespace, the latest first."""
    found = kube.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning")
    return tuple(sorted(found, key=_time, reverse=True))


def digest_of(item: Object) -> str | None:
    """Return the digest of the child that an object was last applied for."""
    value = (item.get("metadata", {}).get("annotations") or {}).get(CHILD_DIGEST)
    return str(value) if value else None


def _all(kube: Reader, kind: str, *, parent: str, wanted: tuple[str, ...], unlabelled: tuple[str, ...]) -> list[Object]:
    path = _KINDS[kind]
    try:
        # Only the parent's own, so that a shared cluster with thousands of pods costs nothing.
        items = kube.list(path.format(""), labelSelector=f"app.kubernetes.io/part-of={parent}")
        rest = unlabelled
    except Forbidden:  # not allowed to look cluster-wide: one namespace at a time
        items, rest = [], tuple(dict.fromkeys((*wanted, *unlabelled)))
    for namespace in rest:
        items += kube.list(path.format(f"namespaces/{namespace}/"))
    unique = {(_namespace(item), item["metadata"]["name"]): {**item, "kind": kind} for item in items}
    return list(unique.values())


def _records(kube: Reader, parent: str) -> tuple[Object, ...]:
    try:
        # Only these: the records of all attempts are in the same namespace.
        found = kube.list(f"/api/v1/namespaces/{parent}-parent/configmaps", labelSelector=SELECTOR)
    except Forbidden:
        return ()
    return tuple(sorted(found, key=_age, reverse=True))


def _age(record: Object) -> tuple[int, str]:
    """Return what is larger for a later release; the time alone does not tell two of one second apart."""
    number = str((record.get("data") or {}).get("number", ""))
    return int(number) if number.isdecimal() else 0, str(record["metadata"].get("creationTimestamp", ""))


def _namespace(item: Object) -> str:
    return str(item.get("metadata", {}).get("namespace", ""))


def _time(event: Object) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((time for time in times if time), event.get("metadata", {}).get("creationTimestamp", "")))
