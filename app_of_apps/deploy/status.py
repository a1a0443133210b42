"""How every child of every environment stands right now, read from the clusters and from nothing else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.diagnose import MAIN_KINDS, read_facts
from app_of_apps.deploy.explain import explain
from app_of_apps.deploy.facts import SECRET_KINDS, Facts, digest_of
from app_of_apps.deploy.health import Level, Object, condition, health
from app_of_apps.deploy.redact import Redactor, one_line
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import AppOfAppsError, WrongEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from app_of_apps.release.model import Release, ResolvedChild

STATUS_FORMAT = "app-of-apps/status/v1"
_KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


class Standing(StrEnum):
    """How one child stands."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    UNHEALTHY = "unhealthy"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """One child in one environment."""

    child: str
    type: str
    team: str
    standing: Standing
    version: str | None = None
    """What runs; None where nothing does, or where nobody says."""
    wanted: str | None = None
    """The version that the environment's file names."""
    current: bool = False
    """Whether exactly the working tree's content of the child is what runs."""
    ready: int | None = None
    desired: int | None = None
    since: datetime | None = None
    """When what runs was last changed."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """One environment. ``error`` says why its cluster could not be read; there are no facts then."""

    name: str
    context: str
    children: tuple[ChildStatus, ...]
    wanted: str
    """The digest of the working tree's release."""
    release: str | None = None
    """The digest of the last release that became healthy as a whole."""
    released: datetime | None = None
    commit: str | None = None
    error: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether every child is known to be well."""
        return self.error is None and all(child.standing is Standing.HEALTHY for child in self.children)


def read_status(
    releases: Iterable[Release], *, connect: Callable[[str], KubeReader] = KubeReader
) -> tuple[EnvironmentStatus, ...]:
    """Return the status of every environment, in order; clusters are read at the same time, and only read."""
    wanted = tuple(releases)
    if not wanted:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(wanted), 16)) as pool:
        return tuple(pool.map(lambda release: _environment(release, connect), wanted))


def _environment(release: Release, connect: Callable[[str], KubeReader]) -> EnvironmentStatus:
    cluster = release.cluster
    try:
        with connect(cluster.context) as kube:
            check_identity(release, kube)
            facts = read_facts(release, kube)
    except AppOfAppsError as error:
        unknown = tuple(_unknown(child) for child in release.children)
        return EnvironmentStatus(
            release.environment, cluster.context, unknown, release.digest, error=Redactor()(str(error))
        )
    record = _record(facts, release)
    annotations = (record or {}).get("metadata", {}).get("annotations") or {}
    return EnvironmentStatus(
        name=release.environment,
        context=cluster.context,
        children=tuple(_child(child, facts) for child in release.children),
        wanted=release.digest,
        release=str((record.get("data") or {}).get("digest") or "") or None if record else None,
        released=_time(record["metadata"].get("creationTimestamp")) if record else None,
        commit=annotations.get("app-of-apps/git-commit"),
    )


def check_identity(release: Release, kube: KubeReader) -> None:
    """Refuse to show one cluster as another environment; what is not registered cannot be compared."""
    if release.cluster.uid is None:
        return
    uid = ((kube.get(_KUBE_SYSTEM) or {}).get("metadata") or {}).get("uid")
    if uid != release.cluster.uid:
        msg = (
            f"context {release.cluster.context!r} leads to another cluster: its kube-system is {uid}, "
            f"the environment {release.environment!r} names {release.cluster.uid}"
        )
        raise WrongEnvironment(msg)


def _child(child: ResolvedChild, facts: Facts) -> ChildStatus:
    items = facts.of(child.namespace)
    kinds = MAIN_KINDS.get(child.spec.type)
    main = [item for item in items if (kinds is None or item.get("kind") in kinds) and not _made_by_cron_job(item)]
    if child.spec.type == "migration" and main:
        # Jobs of earlier releases may still be there: the one of this release, else the latest, is the child.
        at_digest = [item for item in main if digest_of(item) == child.digest]
        main = at_digest or [max(main, key=lambda item: str(item["metadata"].get("creationTimestamp", "")))]
    if not main and not items:
        return _plain(child, Standing.ABSENT)
    standing, message = (Standing.HEALTHY, "") if main else (Standing.ABSENT, "its workload has not been started")
    for item in (*(item for item in items if item.get("kind") in SECRET_KINDS), *main):
        found = health(item)
        if found.level is Level.HEALTHY:
            continue
        troubled = explain(item, facts.pods.get(child.namespace, ()), ())
        stuck = found.level is Level.FAILED or troubled.serious
        words = Redactor()(troubled.message if stuck or item.get("kind") in SECRET_KINDS else found.message)
        if standing is Standing.HEALTHY or (stuck and standing is not Standing.UNHEALTHY):
            standing, message = Standing.UNHEALTHY if stuck else Standing.PROGRESSING, words
        elif standing is Standing.ABSENT:
            message = words
    if standing is Standing.HEALTHY and child.spec.type == "cronjob" and (failed := _last_run_failed(main, items)):
        standing, message = Standing.UNHEALTHY, failed
    counts = [found for item in main if (found := health(item)).desired is not None]
    return ChildStatus(
        child=child.name,
        type=child.spec.type,
        team=child.spec.team,
        standing=standing,
        version=_version(main[0]) if main and child.version is not None else None,
        wanted=child.version,
        current=bool(main) and all(digest_of(item) == child.digest for item in main),
        ready=sum(found.ready or 0 for found in counts) if counts else None,
        desired=sum(found.desired or 0 for found in counts) if counts else None,
        since=max((time for item in main if (time := _changed(item))), default=None),
        message=message,
    )


def _plain(child: ResolvedChild, standing: Standing, message: str = "") -> ChildStatus:
    return ChildStatus(child.name, child.spec.type, child.spec.team, standing, wanted=child.version, message=message)


def _unknown(child: ResolvedChild) -> ChildStatus:
    return _plain(child, Standing.UNKNOWN)


def _version(item: Object) -> str | None:
    """Return the version that runs: what stands behind the image's name, which a label may have cut short."""
    spec = item.get("spec") or {}
    if item.get("kind") == "CronJob":
        spec = ((spec.get("jobTemplate") or {}).get("spec")) or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    image = str(containers[0].get("image", "")) if containers else ""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "@".join(part for part in (tag, digest) if part) or None


def _made_by_cron_job(item: Object) -> bool:
    owners = item["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == "CronJob" for owner in owners)


def _last_run_failed(main: Iterable[Object], items: Iterable[Object]) -> str:
    """Return what the latest run of a cron job failed of, nothing when it did not."""
    uids = {item["metadata"].get("uid") for item in main}
    runs = [
        item
        for item in items
        if item.get("kind") == "Job"
        and any(owner.get("uid") in uids for owner in item["metadata"].get("ownerReferences") or ())
    ]
    if not runs:
        return ""
    last = max(runs, key=lambda item: str(item["metadata"].get("creationTimestamp", "")))
    failed = condition(last, "Failed")
    if failed is None or failed.get("status") != "True":
        return ""
    words = one_line(Redactor()(str(failed.get("message") or failed.get("reason"))))
    return f"its last run {last['metadata']['name']} failed: {words}"


def _changed(item: Object) -> datetime | None:
    """Return when somebody last changed what is wanted of an object; its own controller's status does not count."""
    metadata = item["metadata"]
    times = [
        entry.get("time")
        for entry in metadata.get("managedFields") or ()
        if not entry.get("subresource") and entry.get("time")
    ]
    return _time(max(times, default=metadata.get("creationTimestamp")))


def _record(facts: Facts, release: Release) -> Object | None:
    """Return the record of what runs: the one whose children are those in the cluster, else the latest.

    A record is made once per release, so after a rollback the latest one is not the one that runs.
    """
    live = {
        child.name: digest
        for child in release.children
        for item in facts.of(child.namespace)
        if not _made_by_cron_job(item) and item.get("kind") not in SECRET_KINDS and (digest := digest_of(item))
    }
    if not live:
        return None  # records are kept when everything else is gone
    for record in facts.records:
        children = _children(record)
        if all(children.get(name) == digest for name, digest in live.items()):
            return record
    return facts.records[0] if facts.records else None


def _children(record: Object) -> Mapping[str, Any]:
    try:
        found = json.loads((record.get("data") or {}).get("children") or "{}")
    except ValueError:
        return {}
    return {name: entry.get("digest") for name, entry in found.items() if isinstance(entry, dict)}


def _time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    if not value:
        return None
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return None


def to_json(statuses: Iterable[EnvironmentStatus]) -> dict[str, Any]:
    """Return the status in its versioned JSON shape; see docs/cli-reference.md."""
    found = tuple(statuses)
    return {
        "format": STATUS_FORMAT,
        "healthy": all(status.healthy for status in found),
        "environments": [
            {
                "name": status.name,
                "context": status.context,
                "healthy": status.healthy,
                "error": status.error,
                "release": status.release,
                "released": status.released.isoformat() if status.released else None,
                "commit": status.commit,
                "wanted": status.wanted,
                "children": [
                    {
                        "name": child.child,
                        "type": child.type,
                        "team": child.team,
                        "state": str(child.standing),
                        "version": child.version,
                        "wanted": child.wanted,
                        "current": child.current,
                        "ready": child.ready,
                        "desired": child.desired,
                        "since": child.since.isoformat() if child.since else None,
                        "message": child.message,
                    }
                    for child in status.children
                ],
            }
            for status in found
        ],
    }
