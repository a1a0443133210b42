"""Says of one Kubernetes object whether it is healthy at the generation that was asked for. Pure.

The rules are those of Kubernetes' own ``kubectl rollout status`` and of the Job controller: a status that speaks of an
earlier generation is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = Mapping[str, Any]


class Level(StrEnum):
    """What an object is like, from best to worst."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one object. ``ready`` of ``desired`` pods (completions of a Job) where it has any."""

    level: Level
    message: str = ""
    ready: int | None = None
    desired: int | None = None


def health(item: Object) -> Health:
    """Return the health of an object; one of a kind without health is healthy by being there."""
    rule = _RULES.get(str(item.get("kind")))
    if rule is None:
        return Health(Level.HEALTHY)
    observed = _status(item).get("observedGeneration")
    generation = item.get("metadata", {}).get("generation")
    if observed is not None and generation is not None and observed < generation:
        known = rule(item)
        return Health(
            Level.PROGRESSING, "the change has not been seen by its controller yet", known.ready, known.desired
        )
    return rule(item)


def rolled_out(item: Object) -> bool:
    """Whether a Deployment has once brought up what is asked for now, however its pods are doing since."""
    status = _status(item)
    desired = int(item.get("spec", {}).get("replicas", 1))
    moving = condition(item, "Progressing")
    return (
        item.get("kind") == "Deployment"
        and status.get("observedGeneration") == item.get("metadata", {}).get("generation")
        and status.get("replicas", 0) == status.get("updatedReplicas", 0) == desired
        and moving is not None
        and moving.get("reason") == "NewReplicaSetAvailable"
    )


def condition(item: Object, kind: str) -> Object | None:
    """Return the condition of that type, None when the status has none."""
    return next((entry for entry in _status(item).get("conditions") or () if entry.get("type") == kind), None)


def is_true(item: Object, kind: str) -> bool:
    """Whether the condition of that type stands and is true."""
    found = condition(item, kind)
    return found is not None and found.get("status") == "True"


def _status(item: Object) -> Object:
    status = item.get("status")
    return status if isinstance(status, Mapping) else {}


def _deployment(item: Object) -> Health:
    status = _status(item)
    desired = int(item.get("spec", {}).get("replicas", 1))
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    total = int(status.get("replicas", 0))
    ready = int(status.get("readyReplicas", 0))
    denied = condition(item, "ReplicaFailure")
    if denied is not None and denied.get("status") == "True":
        words = f"its pods cannot be created: {denied.get('message') or denied.get('reason')}"
        return Health(Level.FAILED, words, ready, desired)
    moving = condition(item, "Progressing")
    if moving is not None and moving.get("reason") == "ProgressDeadlineExceeded":
        return Health(Level.FAILED, str(moving.get("message", "the rollout does not move")), ready, desired)
    if updated < desired:
        return Health(Level.PROGRESSING, f"{updated} of {desired} pods are at the new version", ready, desired)
    if total > updated:
        return Health(Level.PROGRESSING, f"{total - updated} pods of the old version are still there", ready, desired)
    if available < updated:
        return Health(Level.PROGRESSING, f"{available} of {updated} pods are available", ready, desired)
    return Health(Level.HEALTHY, "", ready, desired)


def _stateful_set(item: Object) -> Health:
    spec, status = item.get("spec", {}), _status(item)
    desired, ready = int(spec.get("replicas", 1)), int(status.get("readyReplicas", 0))
    updated = int(status.get("updatedReplicas", 0))
    partition = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0))
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    if ready < desired:
        return Health(Level.PROGRESSING, f"{ready} of {desired} pods are ready", ready, desired)
    if (
        not on_delete
        and updated < desired - partition
        and status.get("currentRevision") != status.get("updateRevision")
    ):
        return Health(Level.PROGRESSING, f"{updated} of {desired} pods are at the new version", ready, desired)
    return Health(Level.HEALTHY, "", ready, desired)


def _daemon_set(item: Object) -> Health:
    status = _status(item)
    desired, ready = int(status.get("desiredNumberScheduled", 0)), int(status.get("numberReady", 0))
    updated, available = int(status.get("updatedNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    if updated < desired or available < desired:
        fewest = min(updated, available)
        return Health(Level.PROGRESSING, f"{fewest} of {desired} pods are available at the new version", ready, desired)
    return Health(Level.HEALTHY, "", ready, desired)


def _job(item: Object) -> Health:
    spec, status = item.get("spec", {}), _status(item)
    desired, done = int(spec.get("completions") or 1), int(status.get("succeeded", 0))
    failed = condition(item, "Failed")
    if failed is not None and failed.get("status") == "True":
        reason = failed.get("reason", "")
        return Health(Level.FAILED, f"{failed.get('message', 'the Job failed')} ({reason})", done, desired)
    if is_true(item, "Complete"):
        return Health(Level.HEALTHY, "", done, desired)
    if spec.get("suspend"):
        return Health(Level.PROGRESSING, "the Job is suspended", done, desired)
    return Health(Level.PROGRESSING, f"{done} of {desired} completions", done, desired)


def _pod(item: Object) -> Health:
    phase = _status(item).get("phase")
    if phase == "Failed":
        return Health(Level.FAILED, str(_status(item).get("message", "the pod failed")))
    if phase == "Succeeded" or is_true(item, "Ready"):
        return Health(Level.HEALTHY)
    return Health(Level.PROGRESSING, f"the pod is {phase or 'Pending'} and not ready")


def _vault_static_secret(item: Object) -> Health:
    """The operator notes the generation it has synced; it reports trouble as events only, up to 0.10 at least."""
    status = _status(item)
    generation = item.get("metadata", {}).get("generation", 0)
    if int(status.get("lastGeneration", 0)) < int(generation):
        return Health(Level.PROGRESSING, "the secret has not been copied from Vault")
    for kind in ("Synced", "Ready", "Healthy"):
        found = condition(item, kind)
        if found is not None and found.get("status") == "False":
            return Health(Level.FAILED, str(found.get("message") or found.get("reason") or f"{kind} is False"))
    return Health(Level.HEALTHY)


def _external_secret(item: Object) -> Health:
    """The operator writes ``<generation>-<hash>`` of what it has synced, and says why not in the condition Ready."""
    generation = item.get("metadata", {}).get("generation", 0)
    ready = condition(item, "Ready")
    if ready is not None and ready.get("status") == "False":
        return Health(Level.FAILED, str(ready.get("message") or ready.get("reason") or "Ready is False"))
    if ready is None or not str(_status(item).get("syncedResourceVersion", "")).startswith(f"{generation}-"):
        return Health(Level.PROGRESSING, "the secret has not been copied from Vault")
    return Health(Level.HEALTHY)


def _claim(item: Object) -> Health:
    phase = _status(item).get("phase", "Pending")
    if phase == "Bound":
        return Health(Level.HEALTHY)
    level = Level.FAILED if phase == "Lost" else Level.PROGRESSING
    return Health(level, f"the volume claim is {phase}")


_RULES: Mapping[str, Callable[[Object], Health]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "VaultStaticSecret": _vault_static_secret,
    "VaultDynamicSecret": _vault_static_secret,
    "ExternalSecret": _external_secret,
}
