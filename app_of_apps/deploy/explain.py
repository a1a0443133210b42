"""Finds the words in which a cluster says why one object is not healthy: container, Job, scheduler, quota, operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.health import Level, Object, condition, health
from app_of_apps.deploy.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_EVENTS = 3
_IMAGE_REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an object is not healthy: one line, and lines that say more."""

    message: str
    details: tuple[str, ...] = ()
    logs: str | None = None
    """The ``kubectl`` arguments after which the container's own log is on the screen."""
    serious: bool = False
    """Whether waiting alone will probably not help: a container failed, an image or a place is missing."""


def explain(item: Object, pods: Iterable[Object], events: Sequence[Object]) -> Explanation:
    """Return the best words for an unhealthy object.

    ``pods`` and ``events`` are those of its namespace; which of them belong to it is found here. The order of belief:
    a container's own termination message, then why it waits, then the scheduler, then what kept pods from being made,
    then the object's conditions, then its events.
    """
    mine = [pod for pod in pods if _owned(pod, item)]
    # The newest first: after a failed update the old pods are healthy and have nothing to say.
    mine.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    troubled = [pod for pod in mine if health(pod).level is not Level.HEALTHY]
    about = _events_about(item, troubled, events)
    own = health(item)
    verdict = f"{item.get('kind')}: {one_line(own.message)}" if own.message else ""
    for find in (_terminated, _waiting, _unscheduled):
        for pod in troubled:
            found = find(pod)
            if found is not None:
                message, container = found
                namespace, name = pod["metadata"].get("namespace", ""), pod["metadata"]["name"]
                logs = f"logs -n {namespace} {name} -c {container}" if container and find is _terminated else None
                return Explanation(message, _details(verdict, f"Pod {namespace}/{name}", *about), logs, serious=True)
    if own.level is Level.FAILED:
        return Explanation(one_line(own.message), _details(*about))
    creation = next(
        (event for event in events if event.get("reason") == "FailedCreate" and _concerns(event, item)), None
    )
    if creation is not None:
        return Explanation(
            f"its pods cannot be created: {one_line(str(creation.get('message', '')))}", _details(verdict)
        )
    if about:
        return Explanation(about[0], _details(verdict, *about[1:]))
    unready = next(iter(troubled), None)
    if unready is not None:
        return Explanation(_unready(unready), _details(verdict))
    return Explanation(one_line(own.message) or "it is not healthy, and the cluster does not say why")


def _details(*lines: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for line in lines if line))


def _containers(pod: Object) -> Iterator[tuple[str, dict[str, Any]]]:
    status = pod.get("status") or {}
    for kind, key in (("init container", "initContainerStatuses"), ("container", "containerStatuses")):
        for entry in status.get(key) or ():
            yield f"{kind} {entry.get('name')}", entry


def _terminated(pod: Object) -> tuple[str, str | None] | None:
    """A container that ended badly, by its own words where it left some."""
    for who, entry in _containers(pod):
        state, last = entry.get("state") or {}, entry.get("lastState") or {}
        ended = state.get("terminated") or (last.get("terminated") if not entry.get("ready") else None)
        if ended is None or ended.get("exitCode", 0) == 0:
            continue
        reason = str(ended.get("reason") or "")
        how = f"{who} ended with exit code {ended.get('exitCode')}"
        if reason not in {"", "Error"}:
            how += f" ({reason})"
        restarts = int(entry.get("restartCount", 0))
        if restarts:
            how += f", {restarts} restart{'s' if restarts > 1 else ''}"
        words = one_line(str(ended.get("message") or ""))
        return (f"{how}: “{words}”" if words else f"{how} and left no message"), str(entry.get("name"))
    return None


def _waiting(pod: Object) -> tuple[str, str | None] | None:
    """A container that cannot start: no image, no configuration, no secret."""
    for who, entry in _containers(pod):
        waiting = (entry.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        if reason in {"", "ContainerCreating", "PodInitializing"}:
            continue
        words = one_line(str(waiting.get("message") or ""))
        what = f"the image {entry.get('image')} cannot be pulled" if reason in _IMAGE_REASONS else f"{who} cannot start"
        return f"{what} ({reason}){': ' + words if words else ''}", str(entry.get("name"))
    return None


def _unscheduled(pod: Object) -> tuple[str, str | None] | None:
    found = condition(pod, "PodScheduled")
    if found is None or found.get("status") != "False":
        return None
    return f"its pod cannot be scheduled: {one_line(str(found.get('message') or found.get('reason')))}", None


def _unready(pod: Object) -> str:
    found = condition(pod, "Ready")
    words = one_line(str((found or {}).get("message") or ""))
    name = pod["metadata"]["name"]
    return f"the pod {name} runs and does not become ready{': ' + words if words else ''}"


def _owned(pod: Object, item: Object) -> bool:
    name = str(item["metadata"].get("name", ""))
    if item.get("kind") == "Pod":
        return bool(pod["metadata"].get("name") == name)
    owners = pod["metadata"].get("ownerReferences") or ()
    if any(owner.get("uid") == item["metadata"].get("uid") for owner in owners):
        return True
    if item.get("kind") == "CronJob":
        return any(owner.get("kind") == "Job" and owner.get("name", "").startswith(f"{name}-") for owner in owners)
    wanted = ((item.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _concerns(event: Object, item: Object) -> bool:
    """Whether an event is about an object, or about the ReplicaSet or Job that it made (named after it)."""
    about = event.get("involvedObject") or {}
    name = str(item["metadata"].get("name", ""))
    if about.get("kind") == item.get("kind"):
        return bool(about.get("name") == name)
    return about.get("kind") in {"ReplicaSet", "Job"} and str(about.get("name", "")).startswith(f"{name}-")


def _events_about(item: Object, pods: Sequence[Object], events: Sequence[Object]) -> tuple[str, ...]:
    names = {pod["metadata"]["name"] for pod in pods}
    latest: dict[tuple[str, str], str] = {}  # of each reason one: the rest differ in the names of pods
    for event in events:
        about = event.get("involvedObject") or {}
        if _concerns(event, item) or (about.get("kind") == "Pod" and about.get("name") in names):
            reason = str(event.get("reason"))
            latest.setdefault((str(about.get("kind")), reason), f"{reason}: {one_line(str(event.get('message', '')))}")
    return tuple(dict.fromkeys(latest.values()))[:_MOST_EVENTS]
