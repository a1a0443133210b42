"""What a cluster says about a release: kinds that it does not serve, quotas with too little left. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.checks.demand import NOTHING, Amounts, demand
from app_of_apps.checks.foreign import listed, mapping
from app_of_apps.checks.quota import written
from app_of_apps.checks.removals import removal, version
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.errors import Problem, Unavailable
from app_of_apps.manifest.child import ChartChild, ManifestsChild
from app_of_apps.manifest.positions import path, shortened
from app_of_apps.manifest.quantity import amount
from app_of_apps.objects.render import release_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from app_of_apps.checks.offline import Subject
    from app_of_apps.checks.removals import Version
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.errors import Position
    from app_of_apps.manifest.positions import Loc

_OUR_QUOTA: Final = "quota"
_API_VERSION: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]*")
_KEYS: Final = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}
_PLACES: Final[Mapping[str, Loc]] = {
    "gateway.networking.k8s.io": ("expose",),
    "secrets.hashicorp.com": ("secrets",),
    "external-secrets.io": ("secrets",),
}
Served = dict[str, frozenset[str] | None]
"""API version → the kinds that the cluster serves of it, None where it serves none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One kind that a child needs, and where it says so."""

    child: str
    api_version: str
    kind: str
    position: Position
    path: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was read from a cluster."""

    version: Version
    served: Served
    quotas: Mapping[str, Sequence[Mapping[str, Any]]]
    """Namespace → its ResourceQuotas."""


def read_cluster(subject: Subject, kube: KubeReader) -> Cluster:
    """Ask a cluster what is needed to judge a release. Raises Unavailable, also where it is another cluster."""
    uid = subject.release.cluster.uid
    if uid is not None:
        home = kube.get("/api/v1/namespaces/kube-system") or {}
        if mapping(home.get("metadata")).get("uid") != uid:
            msg = f"context {kube.context!r} leads to another cluster than the one of {subject.name}"
            raise Unavailable(msg)
    said = kube.get("/version") or {}
    try:
        server = version(f"{said['major']}.{said['minor']}")
    except (KeyError, ValueError):
        msg = f"the cluster of context {kube.context!r} does not say which version it has"
        raise Unavailable(msg) from None
    versions = sorted({one.api_version for one in asked_kinds(subject)})
    return Cluster(server, {one: _kinds(kube, one) for one in versions}, _quotas(subject, kube))


def asked_kinds(subject: Subject) -> Iterator[Asked]:
    """Yield each kind that the release needs of the cluster, with the child that needs it."""
    for described in release_objects(subject.release):
        for one in described.kubernetes:
            api_version, kind = str(one.manifest["apiVersion"]), str(one.manifest["kind"])
            loc = _PLACES.get(api_version.rpartition("/")[0], ())
            position = subject.manifest.position(described.child, loc)
            yield Asked(described.child, api_version, kind, position, path(loc))
    for found in subject.objects:
        yield Asked(found.child, found.api_version, found.kind, found.at(("apiVersion",)), "apiVersion")


def check_served(asked: Iterable[Asked], cluster: Cluster, environment: str) -> Iterator[Problem]:
    """Yield what the cluster does not serve; what its Kubernetes has dropped is named by another rule."""
    first: dict[tuple[str, str, str, str], list[Asked]] = {}
    for one in asked:
        # All children of ours that need an operator that is missing are one problem.
        key = (one.api_version, one.kind, *(("", "") if one.path != "apiVersion" else (str(one.position), one.child)))
        first.setdefault(key, []).append(one)
    for (api_version, kind, *_), users in first.items():
        kinds = cluster.served.get(api_version)
        known = removal(api_version, kind)
        if (kinds is not None and kind in kinds) or (known is not None and cluster.version >= known.removed):
            continue
        what = f"{api_version} {kind}" if kinds is not None else f"{api_version} at all, and so no {kind}"
        names = list(dict.fromkeys(one.child for one in users))
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        message = f"the cluster of {environment} does not serve {shortened(what)}, needed by {names[0]}{others}"
        hint = "install what defines it, or use an API version that the cluster has (`kubectl api-resources`)"
        yield Problem(users[0].position, users[0].path, message, hint, "kind-not-served")


def check_room(subject: Subject, quotas: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Problem]:
    """Yield the quotas that what is used and what a rollout adds are too much for."""
    release = subject.release
    foreign: dict[str, list[Mapping[str, Any]]] = {}
    for found in subject.objects:
        foreign.setdefault(found.child, []).append(found.manifest)
    for described in release_objects(release):
        child = release.child(described.child)
        there = quotas.get(child.namespace)
        if not there:
            continue
        ours = [one.manifest for one in described.kubernetes]
        extra = demand([*ours, *foreign.get(child.name, ())], release.tenancy.limits).extra
        wanted: Mapping[str, str] = next((one["spec"]["hard"] for one in ours if one["kind"] == "ResourceQuota"), {})
        loc: Loc = _where(child.spec)
        position = subject.manifest.position(child.name, loc)
        for quota in there:
            for key, used, hard in _exhausted(quota, wanted, extra):
                name = mapping(quota.get("metadata")).get("name")
                left = written(key, max(hard - used, NOTHING))
                message = (
                    f"ResourceQuota {child.namespace}/{name} has {left} of {key} left in {subject.name}, "
                    f"and a rollout of {child.name} may need {written(key, extra[key])} more"
                )
                yield Problem(position, path(loc), message, "free some of it, or raise the quota", "quota-in-use")


def _exhausted(
    quota: Mapping[str, Any], wanted: Mapping[str, str], extra: Amounts
) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield key, what is used and what is allowed of all that is too little; ``wanted`` is our quota's next content."""
    spec, status = mapping(quota.get("spec")), mapping(quota.get("status"))
    if spec.get("scopes") or spec.get("scopeSelector"):  # holds for some pods alone
        return
    ours = mapping(quota.get("metadata")).get("name") == _OUR_QUOTA and bool(wanted)
    hard = wanted if ours else mapping(status.get("hard")) or mapping(spec.get("hard"))
    used = mapping(status.get("used"))
    for name, most in sorted(hard.items()):
        key = _KEYS.get(name, name)
        if not extra.get(key):
            continue
        try:
            now, allowed = amount(str(used.get(name, "0"))), amount(str(most))
        except ValueError:  # not a number that the API server would have taken
            continue
        if now + extra[key] > allowed:
            yield key, now, allowed


def _kinds(kube: KubeReader, api_version: str) -> frozenset[str] | None:
    if not _API_VERSION.fullmatch(api_version):  # what somebody wrote must not become another question
        return None
    found = kube.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
    return None if found is None else frozenset(str(one.get("kind")) for one in listed(found.get("resources")))


def _quotas(subject: Subject, kube: KubeReader) -> dict[str, list[dict[str, Any]]]:
    """Return namespace → its quotas, with one question where that is allowed, else with one for each namespace."""
    names = [child.namespace for child in subject.release.children]
    try:
        everything = kube.list("/api/v1/resourcequotas")
    except Forbidden:
        return {name: kube.list(f"/api/v1/namespaces/{name}/resourcequotas") for name in names}
    found: dict[str, list[dict[str, Any]]] = {}
    for one in everything:
        found.setdefault(str(one["metadata"]["namespace"]), []).append(one)
    return {name: found.get(name, []) for name in names}


def _where(spec: object) -> Loc:
    if isinstance(spec, ChartChild):
        return ("chart",)
    return ("files",) if isinstance(spec, ManifestsChild) else ("resources",)
