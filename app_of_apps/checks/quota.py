"""Whether what the children's pods request fits into what their namespaces may use.

The quota of a child whose pods the program describes grows with what the child declares (see
`app_of_apps.objects.tenancy`), so it always fits. That of charts and plain manifests is the parent's, as it stands.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from app_of_apps.checks.demand import CLAIMS, COMPUTE, NODE_PORTS, NOTHING, PODS, demand, without_requests
from app_of_apps.errors import Position, Problem
from app_of_apps.manifest.child import ChartChild, ManifestsChild, PodChild
from app_of_apps.manifest.positions import path, shortened
from app_of_apps.manifest.quantity import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.checks.demand import Amounts
    from app_of_apps.checks.foreign import ForeignObject
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.tenancy import Limits, Quota
    from app_of_apps.release.model import Release, ResolvedChild

_TENTH = Decimal("0.1")


def check_quota(
    manifest: Manifest, release: Release, objects: Iterable[ForeignObject]
) -> Iterator[tuple[Problem, bool]]:
    """Yield what does not fit, and whether it does not even without a rollout."""
    quota, limits = release.tenancy.quota, release.tenancy.limits
    if quota is None:
        return
    hard = _hard(quota)
    brought: dict[str, list[ForeignObject]] = {}
    for one in objects:
        brought.setdefault(one.child, []).append(one)
    for name, theirs in brought.items():
        needed = demand((one.manifest for one in theirs), limits)
        loc = _where(release.child(name))
        position = theirs[0].at(()) if loc == ("chart",) else manifest.position(name, loc)
        for key in sorted(hard):
            steady, rollout = needed.steady.get(key, NOTHING), needed.rollout.get(key, NOTHING)
            if rollout > hard[key]:
                message, hint = _too_much(key, steady, rollout, hard[key])
                problem = Problem(position, path(loc), f"{name}: {message}", hint, "quota-exceeded")
                yield problem, steady > hard[key]


def check_requests(manifest: Manifest, release: Release, objects: Iterable[ForeignObject]) -> Iterator[Problem]:
    """Yield the containers that a quota keeps from starting because they do not say what they request."""
    quota, limits = release.tenancy.quota, release.tenancy.limits
    if quota is None or (limits is not None and all(_default(limits, resource) for resource in COMPUTE)):
        return
    for child in release.children:
        spec = child.spec
        if isinstance(spec, PodChild):
            given = spec.resources
            for resource in COMPUTE:
                own = given is not None and (
                    getattr(given.requests, resource) is not None or getattr(given.limits, resource) is not None
                )
                if not own and (limits is None or not _default(limits, resource)):
                    loc: Loc = ("resources", "requests", resource)
                    yield _silent(child.name, child.name, resource, manifest.position(child.name, loc), loc)
    for one in objects:
        for container, resource in without_requests(one.manifest, limits):
            yield _silent(f"{one} of {one.child}", container, resource, one.at(("spec",)), ("spec",))


def written(key: str, number: Decimal) -> str:
    """Write an amount of a quota's key for people: ``12``, ``1.5``, ``8.2 GiB``."""
    if not key.endswith("memory"):
        return f"{number.normalize():f}"
    gibi = number / amount("1Gi")
    return f"{gibi.quantize(_TENTH).normalize():f} GiB" if gibi >= 1 else f"{number / amount('1Mi'):.0f} MiB"


def _too_much(key: str, steady: Decimal, rollout: Decimal, hard: Decimal) -> tuple[str, str]:
    """Return what is wrong and what to do."""
    if key == NODE_PORTS:
        hint = "write allocateLoadBalancerNodePorts: false, or expose the Service by an Ingress or HTTPRoute"
        return f"load balancers take {written(key, steady)} ports of the nodes, and none may be taken", hint
    needed = f"{written(key, steady)} of {key}" if steady > hard else f"{written(key, rollout)} of {key} in a rollout"
    field = {PODS: "pods", CLAIMS: "volumeClaims"}.get(key, key.removeprefix("requests."))
    hint = f"raise tenancy: quota: {field} in the parent, or ask for less"
    return f"needs {needed}, and the namespace may use {written(key, hard)}", hint


def _silent(who: str, container: str, resource: str, position: Position, loc: Loc) -> Problem:
    whose = f"container {shortened(container)} of {who}"
    message = f"{whose} does not say how much {resource} it requests, and the quota asks for it"
    hint = f"write resources: requests: {resource}, or a default under tenancy: limits in the parent"
    return Problem(position, path(loc), message, hint, "quota-needs-requests")


def _hard(quota: Quota) -> Amounts:
    return {
        PODS: Decimal(quota.pods),
        "requests.cpu": amount(quota.cpu),
        "requests.memory": amount(quota.memory),
        CLAIMS: Decimal(quota.volume_claims),
        NODE_PORTS: NOTHING,
    }


def _where(child: ResolvedChild) -> Loc:
    if isinstance(child.spec, ChartChild):
        return ("chart",)
    return ("files",) if isinstance(child.spec, ManifestsChild) else ()


def _default(limits: Limits, resource: str) -> bool:
    return getattr(limits.requests, resource) is not None or getattr(limits.limits, resource) is not None
