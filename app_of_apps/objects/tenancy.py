"""What keeps a child to itself: quota, default limits, and a network that denies everything but the known edges."""

from __future__ import annotations

from decimal import ROUND_CEILING
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child import ChartChild, JobChild, ManifestsChild, PodChild, ScaledChild, ServiceChild
from app_of_apps.manifest.quantity import UNITS, amount
from app_of_apps.objects.metadata import SKIP_AWAIT
from app_of_apps.objects.model import KubernetesObject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from app_of_apps.manifest.template import ResourceAmounts
    from app_of_apps.manifest.tenancy import Limits, Network, Quota, Way
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import Release, ResolvedChild

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""Set by the API server on every namespace, so nobody can pretend to be another one."""
SPARE_PODS: Final = 2


def tenancy_objects(release: Release, child: ResolvedChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return quota, default limits and network policy of a child's namespace, as far as the parent wants them."""
    tenancy = release.tenancy
    objects = []
    if tenancy.quota is not None:
        objects.append(_quota(tenancy.quota, tenancy.limits, child, metadata))
    if tenancy.limits is not None and (limits := _limits(tenancy.limits, metadata)) is not None:
        objects.append(limits)
    if tenancy.network is not None:
        objects.append(_network(release, tenancy.network, child, metadata))
    return tuple(objects)


def called(child: ResolvedChild) -> tuple[str, ...]:
    """Return the children that a child may call."""
    return tuple(sorted({*child.spec.depends_on, *child.spec.network.calls}))


def _quota(quota: Quota, limits: Limits | None, child: ResolvedChild, metadata: Metadata) -> KubernetesObject:
    """Return the ResourceQuota: the parent's numbers, or what the child itself declares where that is more.

    During a rollout old pods that are still ending count as well, so a child may have each of its pods twice.
    """
    pods = max(quota.pods, _most_pods(child))
    cpu, memory = amount(quota.cpu), amount(quota.memory)
    if isinstance(child.spec, PodChild) and child.spec.resources is not None:
        asked = child.spec.resources.requests
        default = limits.requests if limits is not None else None
        per_pod = {
            "cpu": asked.cpu or (default.cpu if default is not None else None),
            "memory": asked.memory or (default.memory if default is not None else None),
        }
        own = _most_pods(child)
        cpu = max(cpu, own * amount(per_pod["cpu"] or "0"))
        memory = max(memory, own * amount(per_pod["memory"] or "0"))
    hard = {
        "pods": str(pods),
        "requests.cpu": _cpu(cpu),
        "requests.memory": _memory(memory),
        "persistentvolumeclaims": str(quota.volume_claims),
        # The way in is an Ingress or a route; a port on every node passes the network policy of nobody.
        "services.nodeports": "0",
    }
    manifest = metadata.object("v1", "ResourceQuota", "quota", annotations=SKIP_AWAIT, spec={"hard": hard})
    return KubernetesObject(name="quota", group="identity", manifest=manifest)


def _most_pods(child: ResolvedChild) -> int:
    spec = child.spec
    if isinstance(spec, ScaledChild):
        replicas = spec.autoscaling.max_replicas if spec.autoscaling is not None else spec.replicas
        surge = 0 if spec.rollout is None else _count(spec.rollout.max_surge, replicas)
        return 2 * replicas + surge + SPARE_PODS
    return 2 * spec.parallelism + SPARE_PODS if isinstance(spec, JobChild) else 0


def _count(amount: int | str, of: int) -> int:
    return amount if isinstance(amount, int) else -(-int(amount.removesuffix("%")) * of // 100)


def _cpu(amount: Decimal) -> str:
    """Write CPUs the way the API server does, so that what is there is what was asked for."""
    milli = int((amount * 1000).to_integral_value(rounding=ROUND_CEILING))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def _memory(amount: Decimal) -> str:
    """Write bytes the way the API server does, rounded up to whole mebibytes."""
    number = int((amount / UNITS["Mi"]).to_integral_value(rounding=ROUND_CEILING))
    for unit in ("Mi", "Gi", "Ti", "Pi"):
        if number % 1024 or unit == "Pi":
            return f"{number}{unit}"
        number //= 1024
    return f"{number}Ei"


def _limits(limits: Limits, metadata: Metadata) -> KubernetesObject | None:
    item: dict[str, Any] = {"type": "Container"}
    item |= {
        key: amounts
        for key, amounts in (("defaultRequest", _named(limits.requests)), ("default", _named(limits.limits)))
        if amounts
    }
    if len(item) == 1:
        return None
    manifest = metadata.object("v1", "LimitRange", "defaults", spec={"limits": [item]})
    return KubernetesObject(name="limit-range", group="identity", manifest=manifest)


def _named(amounts: ResourceAmounts) -> dict[str, str]:
    named = {"cpu": amounts.cpu, "memory": amounts.memory, "ephemeral-storage": amounts.ephemeral_storage}
    return {name: quantity for name, quantity in named.items() if quantity is not None}


def _network(release: Release, network: Network, child: ResolvedChild, metadata: Metadata) -> KubernetesObject:
    """Return one NetworkPolicy that holds for every pod of the namespace and lists all that is not denied."""
    ways = {name: network.ways[name] for name in sorted(set(child.spec.network.ways)) if name in network.ways}
    near = [release.child(name).namespace for name in release.callers[child.name]] if _listens(child) else []
    ingress = [
        _rule("from", _namespaces(near), _ports(child)),
        *_exposed(network, child),
        *(_way(way, "from") for way in ways.values() if way.direction == "ingress"),
    ]
    egress = [
        _rule("to", _namespaces(network.dns_namespaces), [_port(53, "UDP"), _port(53, "TCP")]),
        *(
            _rule("to", _namespaces([other.namespace]), _ports(other))
            for other in map(release.child, called(child))
            if _listens(other)
        ),
        *(_way(way, "to") for way in ways.values() if way.direction == "egress"),
    ]
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [rule for rule in [*_within(child, "from"), *ingress] if rule],
        "egress": [rule for rule in [*_within(child, "to"), *egress] if rule],
    }
    manifest = metadata.object("networking.k8s.io/v1", "NetworkPolicy", "edges", spec=spec)
    return KubernetesObject(name="network-policy", group="identity", manifest=manifest)


def _within(child: ResolvedChild, key: str) -> list[dict[str, Any]]:
    """Pods that somebody else put together may be several that talk to each other, such as a broker's."""
    if isinstance(child.spec, ChartChild | ManifestsChild):
        return [{key: [{"podSelector": {}}]}]
    return []


def _listens(child: ResolvedChild) -> bool:
    return not isinstance(child.spec, PodChild) or (isinstance(child.spec, ScaledChild) and bool(child.spec.ports))


def _ports(child: ResolvedChild) -> list[dict[str, Any]]:
    """Return the ports where a child's pods listen; none, which means all, where nobody here knows them."""
    return [_port(p.port, p.protocol) for p in child.spec.ports] if isinstance(child.spec, ScaledChild) else []


def _exposed(network: Network, child: ResolvedChild) -> list[dict[str, Any]]:
    spec = child.spec
    if not isinstance(spec, ServiceChild) or spec.expose is None:
        return []
    wanted = spec.expose.port
    ports = [_port(p.port, p.protocol) for p in spec.ports if wanted in {p.name, str(p.service_port or p.port)}]
    if network.exposed_from:
        return [_rule("from", _namespaces(network.exposed_from), ports)]
    return [{"ports": ports}]


def _way(way: Way, key: str) -> dict[str, Any]:
    peers = [*_namespaces(way.namespaces), *(_block(cidr, way.excluding) for cidr in way.cidrs)]
    return _rule(key, peers, [_port(port, way.protocol) for port in way.ports])


def _block(cidr: str, excluding: Iterable[str]) -> dict[str, Any]:
    """Return a peer; Kubernetes takes only exceptions that lie inside of the block."""
    whole = ip_network(cidr)
    inside = [one for one in excluding if _is_inside(ip_network(one), whole)]
    return {"ipBlock": {"cidr": cidr, **({"except": inside} if inside else {})}}


def _is_inside(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    if isinstance(part, IPv4Network) and isinstance(whole, IPv4Network):
        return part.subnet_of(whole) and part != whole
    if isinstance(part, IPv6Network) and isinstance(whole, IPv6Network):
        return part.subnet_of(whole) and part != whole
    return False


def _namespaces(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}} for name in names]


def _port(number: int, protocol: str) -> dict[str, Any]:
    return {"port": number, "protocol": protocol}


def _rule(key: str, peers: list[dict[str, Any]], ports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a rule; nothing where nobody is meant, for a rule without peers means everybody."""
    if not peers:
        return {}
    return {key: peers, **({"ports": ports} if ports else {})}
