"""What pods ask of a namespace: how many there are, what they request, once and during a rollout."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.checks.foreign import listed, mapping
from app_of_apps.manifest.quantity import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.manifest.tenancy import Limits

PODS: Final = "pods"
CLAIMS: Final = "persistentvolumeclaims"
NODE_PORTS: Final = "services.nodeports"
COMPUTE: Final = ("cpu", "memory")
NOTHING: Final = Decimal(0)

Amounts = dict[str, Decimal]
"""A quota's key, such as ``requests.cpu`` → how much."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a set of objects needs. ``extra`` is what a rollout needs on top of ``steady``, for a while."""

    steady: Amounts = field(default_factory=dict)
    extra: Amounts = field(default_factory=dict)

    @property
    def rollout(self) -> Amounts:
        """All that is needed while the objects are rolled out."""
        return added(self.steady, self.extra)


def demand(objects: Iterable[Mapping[str, Any]], defaults: Limits | None) -> Demand:
    """Return what objects need together; ``defaults`` are what a container gets that does not say what it needs."""
    steady: Amounts = {}
    extra: Amounts = {}
    everything = tuple(objects)
    most = _autoscaled(everything)
    for one in everything:
        spec = mapping(one.get("spec"))
        kind = str(one.get("kind"))
        count, more = _pods(kind, spec, most.get((kind, _name(one))))
        pod = _pod(_pod_spec(kind, spec), defaults)
        steady = added(steady, times(pod, count))
        extra = added(extra, times(pod, more))
        templates = len(listed(spec.get("volumeClaimTemplates"))) if kind == "StatefulSet" else 0
        claims = count * templates + (kind == "PersistentVolumeClaim")
        ports = len(listed(spec.get("ports"))) if _opens_nodes(kind, spec) else 0
        steady = added(steady, {CLAIMS: Decimal(claims), NODE_PORTS: Decimal(ports)})
    return Demand(_present(steady), _present(extra))


def without_requests(one: Mapping[str, Any], defaults: Limits | None) -> Iterator[tuple[str, str]]:
    """Yield container and resource for all that a container neither requests nor gets by default."""
    pod = _pod_spec(str(one.get("kind")), mapping(one.get("spec")))
    for container in (*listed(pod.get("containers")), *listed(pod.get("initContainers"))):
        for resource in COMPUTE:
            if _asked(mapping(container), resource, defaults) is None:
                yield str(mapping(container).get("name")), resource


def added(one: Amounts, other: Amounts) -> Amounts:
    """Return the sums."""
    return {key: one.get(key, NOTHING) + other.get(key, NOTHING) for key in one.keys() | other.keys()}


def times(one: Amounts, count: int) -> Amounts:
    """Return a multiple."""
    return {key: value * count for key, value in one.items()}


def _present(amounts: Amounts) -> Amounts:
    return {key: value for key, value in amounts.items() if value}


def _autoscaled(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Return workload → the most pods that an autoscaler gives it."""
    found = {}
    for one in objects:
        spec = mapping(one.get("spec"))
        if one.get("kind") == "HorizontalPodAutoscaler":
            target = mapping(spec.get("scaleTargetRef"))
            found[str(target.get("kind")), str(target.get("name"))] = _number(spec.get("maxReplicas"), 1)
    return found


def _pods(kind: str, spec: Mapping[str, Any], autoscaled: int | None) -> tuple[int, int]:
    """Return how many pods a workload has, and how many more while it is rolled out.

    A Deployment's old pods that are still ending count beside the new ones; a StatefulSet's are gone before new ones
    come. A DaemonSet has one for each node, and nobody here knows how many there are: one is counted.
    """
    if kind in {"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"}:
        count = autoscaled if autoscaled is not None else _number(spec.get("replicas"), 1)
        rolls = kind == "Deployment" and mapping(spec.get("strategy")).get("type") != "Recreate"
        return count, count if rolls else 0
    if kind == "Job":
        return _number(spec.get("parallelism"), 1), 0
    if kind == "CronJob":
        count = _number(mapping(mapping(spec.get("jobTemplate")).get("spec")).get("parallelism"), 1)
        return count, 0 if spec.get("concurrencyPolicy") == "Forbid" else count
    return (1, 0) if kind in {"Pod", "DaemonSet"} else (0, 0)


def _pod_spec(kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    return spec if kind == "Pod" else mapping(mapping(spec.get("template")).get("spec"))


def _pod(pod: Mapping[str, Any], defaults: Limits | None) -> Amounts:
    """Return what one pod counts: its containers together, or its largest init container where that is more.

    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    found: Amounts = {PODS: Decimal(1)}
    inits = [mapping(one) for one in listed(pod.get("initContainers"))]
    sidecars = [one for one in inits if one.get("restartPolicy") == "Always"]
    containers = [mapping(one) for one in listed(pod.get("containers"))]
    for resource in COMPUTE:
        lasting = sum((_asked(one, resource, defaults) or NOTHING for one in (*containers, *sidecars)), NOTHING)
        largest = max((_asked(one, resource, defaults) or NOTHING for one in inits), default=NOTHING)
        found[f"requests.{resource}"] = max(lasting, largest)
    return found


def _asked(container: Mapping[str, Any], resource: str, defaults: Limits | None) -> Decimal | None:
    """Return what a container requests, the way the API server fills it in; None where nothing is said at all."""
    resources = mapping(container.get("resources"))
    said = [mapping(resources.get(key)).get(resource) for key in ("requests", "limits")]
    if defaults is not None:
        said += [getattr(defaults.requests, resource), getattr(defaults.limits, resource)]
    for quantity in said:
        if quantity is not None:
            try:
                return amount(str(quantity))
            except ValueError:  # a mistake that the API server tells
                return NOTHING
    return None


def _opens_nodes(kind: str, spec: Mapping[str, Any]) -> bool:
    """Whether a Service takes a port of every node for each of its own."""
    return (
        kind == "Service"
        and spec.get("type") == "LoadBalancer"
        and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _name(one: Mapping[str, Any]) -> str:
    return str(mapping(one.get("metadata")).get("name"))
