"""The Deployment of a service or a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.template import Rollout
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.objects.pod import pod_template

if TYPE_CHECKING:
    from app_of_apps.manifest.child import ScaledChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild


def deployment(child: ResolvedChild, spec: ScaledChild, metadata: Metadata) -> KubernetesObject:
    """Return the child's Deployment; a dependent waits for it.

    It declares no replicas where an autoscaler owns them, so that an update does not fight with it.
    """
    rollout = spec.rollout or Rollout()
    deadline = seconds(spec.deadline or "5m")
    strategy: dict[str, Any] = {"type": rollout.strategy}
    if rollout.strategy == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable}
    body: dict[str, Any] = {
        "selector": {"matchLabels": dict(metadata.selector)},
        "strategy": strategy,
        "minReadySeconds": rollout.min_ready_seconds,
        "progressDeadlineSeconds": deadline,
        "revisionHistoryLimit": rollout.revision_history_limit,
        "template": pod_template(child, spec, metadata, labels=metadata.labels),
    }
    if spec.autoscaling is None:
        body["replicas"] = spec.replicas
    return KubernetesObject(
        name="deployment",
        group="workload",
        manifest=metadata.object("apps/v1", "Deployment", spec.name, spec=body),
        wait=spec.replicas > 0,
        deadline=deadline,
    )
