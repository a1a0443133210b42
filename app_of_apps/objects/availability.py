"""What keeps enough pods of a child alive: its disruption budget and its autoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.objects.metadata import SKIP_AWAIT
from app_of_apps.objects.model import KubernetesObject

if TYPE_CHECKING:
    from app_of_apps.manifest.child import Autoscaling, DisruptionBudget, ScaledChild
    from app_of_apps.objects.metadata import Metadata


def disruption_budget(spec: ScaledChild, budget: DisruptionBudget, metadata: Metadata) -> KubernetesObject:
    """Return the PodDisruptionBudget of a child."""
    limit: dict[str, Any] = (
        {"maxUnavailable": budget.max_unavailable}
        if budget.min_available is None
        else {"minAvailable": budget.min_available}
    )
    manifest = metadata.object(
        "policy/v1",
        "PodDisruptionBudget",
        spec.name,
        annotations=SKIP_AWAIT,
        spec={**limit, "selector": {"matchLabels": dict(metadata.selector)}},
    )
    return KubernetesObject(name="disruption-budget", group="exposure", manifest=manifest)


def autoscaler(spec: ScaledChild, scaling: Autoscaling, metadata: Metadata) -> KubernetesObject:
    """Return the HorizontalPodAutoscaler of a child's Deployment."""
    targets = (("cpu", scaling.cpu_utilization), ("memory", scaling.memory_utilization))
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": percent}},
        }
        for name, percent in targets
        if percent is not None
    ]
    manifest = metadata.object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec.name,
        annotations=SKIP_AWAIT,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": spec.name},
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": metrics,
        },
    )
    return KubernetesObject(name="autoscaler", group="exposure", manifest=manifest)
