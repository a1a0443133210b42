"""Reads which children stand in a cluster, and what is in the namespaces of those that a release would remove.

Reads only, by GET. Of Secrets and claims the API server is asked for metadata alone, so no value comes this way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from app_of_apps.approval.standing import last_record, standing_of
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.objects.metadata import MANAGER
from app_of_apps.objects.record import record_namespace
from app_of_apps.release.deletions import Contents, Deletions, Removal, Standing, deletions_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from app_of_apps.release.model import Release

_NAMESPACES: Final = "/api/v1/namespaces"
_WORKLOADS: Final = (
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/apps/v1/namespaces/{}/daemonsets",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/apis/batch/v1/namespaces/{}/cronjobs",
)
_STATEFUL_SETS: Final = "/apis/apps/v1/namespaces/{}/statefulsets"


class Reader(Protocol):
    """What is needed of a cluster; `KubeReader` is one."""

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the items of a list."""

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names of the items of a list, without reading the items."""


def read_deletions(kube: Reader, release: Release) -> Deletions:
    """Return what deploying ``release`` would delete in the cluster; raises Unavailable when that cannot be read."""
    record = last_record(kube, release.parent)
    last = None if record is None else frozenset(json.loads(record["data"]["children"]))
    rules = None if record is None else standing_of(record).gates
    standing = read_standing(kube, release.parent, last or ())
    gone = [one for one in standing if one.child not in release.by_name]
    return deletions_of(
        standing, release, {one.child: _contents(kube, one.namespace) for one in gone}, last=last, rules=rules
    )


def read_everything(kube: Reader, parent: str) -> Deletions:
    """Return what removing all of a parent's children deletes; raises Unavailable when that cannot be read."""
    record = last_record(kube, parent)
    last = () if record is None else json.loads(record["data"]["children"])
    return Deletions(tuple(Removal(one, _contents(kube, one.namespace)) for one in read_standing(kube, parent, last)))


def read_standing(kube: Reader, parent: str, last: Collection[str] = ()) -> tuple[Standing, ...]:
    """Return the children whose namespaces stand: those that say so, and those of ``last`` that do not say it."""
    selector = f"app.kubernetes.io/part-of={parent},app.kubernetes.io/managed-by={MANAGER}"
    found = {one.child: one for one in _labelled(kube.list(_NAMESPACES, labelSelector=selector), parent)}
    for child in sorted(set(last) - found.keys()):
        namespace = f"{parent}-{child}"
        item = kube.get(f"{_NAMESPACES}/{namespace}")
        if item is not None and not _going(item):
            found[child] = Standing(child, namespace, labelled=False)
    return tuple(found[child] for child in sorted(found))


def _labelled(items: Iterable[dict[str, Any]], parent: str) -> Iterator[Standing]:
    for item in items:
        meta = item["metadata"]
        labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
        prefix, _, child = meta["name"].partition(f"{parent}-")
        if child and not prefix and meta["name"] != record_namespace(parent) and not _going(item):
            yield Standing(
                child=child,
                namespace=meta["name"],
                type=labels.get("app.kubernetes.io/component", ""),
                team=annotations.get("app-of-apps/team", ""),
                version=labels.get("app.kubernetes.io/version"),
            )


def _going(namespace: dict[str, Any]) -> bool:
    return bool(namespace["metadata"].get("deletionTimestamp"))


def _contents(kube: Reader, namespace: str) -> Contents:
    images = {
        str(container["image"])
        for path in _WORKLOADS
        for item in kube.list(path.format(namespace))
        for container in _containers(item)
    }
    return Contents(
        stateful_sets=kube.names(_STATEFUL_SETS.format(namespace)),
        claims=kube.names(f"{_NAMESPACES}/{namespace}/persistentvolumeclaims"),
        secrets=_count(kube, f"{_NAMESPACES}/{namespace}/secrets"),
        images=tuple(sorted(images)),
    )


def _count(kube: Reader, path: str) -> int | None:
    """Return how many there are; None where that may not be known, as by an identity that only previews."""
    try:
        return len(kube.names(path))
    except Forbidden:
        return None


def _containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    spec = workload["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return list(template["spec"]["containers"])
