"""Hosts and ports that two children of one environment would both answer for.

Every child has a namespace and a Service of its own, so its ports are nobody else's. What the children share is the way
in: the hosts of ingress controllers and Gateways, and the addresses of load balancers. (Ports of the nodes are refused
for all of them.)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app_of_apps.checks.foreign import listed, mapping
from app_of_apps.errors import Position, Problem
from app_of_apps.manifest.child import ServiceChild
from app_of_apps.manifest.positions import path, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from app_of_apps.checks.foreign import ForeignObject
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.model import Release

ANY_HOST: Final = "*"
# Those of TCP and UDP have no hosts: they belong to a listener of their Gateway.
_ROUTES: Final = ("HTTPRoute", "GRPCRoute", "TLSRoute")


@dataclass(frozen=True, slots=True)
class Claim:
    """What one child wants to answer for. ``door`` is the ingress class or the Gateways that lead to it."""

    child: str
    what: tuple[str, ...]
    door: str
    words: str
    position: Position
    loc: Loc


def host_claims(
    manifest: Manifest, environment: LoadedEnvironment, release: Release, objects: Iterable[ForeignObject]
) -> Iterator[Claim]:
    """Yield each host and path that a child answers for."""
    for child in release.children:
        spec = child.spec
        if not isinstance(spec, ServiceChild) or spec.expose is None:
            continue
        expose = spec.expose
        loc: Loc = ("expose", "host")
        position = manifest.position(child.name, loc)
        override = environment.settings.children.get(child.name)
        if override is not None and override.host is not None:
            loc = ("children", child.name, "host")
            position = environment.positions.at(loc)
        door = f"Gateway {expose.gateway}" if expose.kind == "HTTPRoute" else _class(expose.ingress_class)
        yield _claim(child.name, (expose.host, expose.path, ""), door, position, loc)
    for one in objects:
        group = one.api_version.rpartition("/")[0]
        if one.kind == "Ingress" and group in {"networking.k8s.io", "extensions"}:
            yield from _ingress(one)
        elif group == "gateway.networking.k8s.io" and one.kind in _ROUTES:
            yield from _route(one)


def port_claims(objects: Iterable[ForeignObject]) -> Iterator[Claim]:
    """Yield each port of a load balancer's address that a child asks for."""
    for one in objects:
        if one.kind != "Service" or one.spec.get("type") != "LoadBalancer":
            continue
        address = one.spec.get("loadBalancerIP")
        for index, port in enumerate(listed(one.spec.get("ports")) if isinstance(address, str) else ()):
            given = mapping(port)
            number, protocol = given.get("port"), given.get("protocol", "TCP")
            loc: Loc = ("spec", "ports", index, "port")
            words = shortened(f"port {number}/{protocol} of {address}")
            yield Claim(one.child, (str(address), str(number), str(protocol)), "", words, one.at(loc), loc)


def check_collisions(claims: Iterable[Claim], rule: str) -> Iterator[tuple[Problem, bool]]:
    """Yield a problem for each child that claims what another one has, and whether both stand behind the same door."""
    taken: dict[tuple[str, ...], list[Claim]] = {}
    for claim in claims:
        others = taken.setdefault(claim.what, [])
        # What one child says twice is its own business.
        if all(other.child != claim.child for other in others):
            others.append(claim)
    for first, *others in taken.values():
        for other in others:
            same = other.door == first.door
            where = "" if same else f" (here behind {other.door}, there behind {first.door})"
            message = f"{other.child} answers for {other.words}, and so does {first.child}{where}"
            hint = f"the other one stands at {first.position}"
            yield Problem(other.position, path(other.loc), message, hint, rule), same


def _ingress(one: ForeignObject) -> Iterator[Claim]:
    door = _class(one.spec.get("ingressClassName"))
    for index, rule in enumerate(listed(one.spec.get("rules"))):
        host = str(mapping(rule).get("host") or ANY_HOST)
        loc: Loc = ("spec", "rules", index)
        for number, entry in enumerate(listed(mapping(mapping(rule).get("http")).get("paths"))):
            given = mapping(entry)
            kind = "" if given.get("pathType", "Prefix") != "Exact" else "Exact"
            at: Loc = (*loc, "http", "paths", number)
            yield _claim(one.child, (host, str(given.get("path") or "/"), kind), door, one.at(at), at)


def _route(one: ForeignObject) -> Iterator[Claim]:
    parents = [mapping(parent) for parent in listed(one.spec.get("parentRefs"))]
    door = f"Gateway {', '.join(sorted(map(_listener, parents)))}"
    hosts = [str(host) for host in listed(one.spec.get("hostnames"))] or [ANY_HOST]
    for host in hosts:
        for index, rule in enumerate(listed(one.spec.get("rules"))):
            loc: Loc = ("spec", "rules", index)
            matches: Sequence[Mapping[str, object]] = listed(mapping(rule).get("matches")) or [{}]
            for match in map(mapping, matches):
                given = mapping(match.get("path"))
                kind = "" if given.get("type", "PathPrefix") == "PathPrefix" else str(given.get("type"))
                kind += "" if one.kind == "HTTPRoute" else one.kind
                # Methods and headers tell requests of the same path apart.
                more = {key: value for key, value in match.items() if key != "path"}
                if more:
                    kind += json.dumps(more, sort_keys=True)
                yield _claim(one.child, (host, str(given.get("value") or "/"), kind), door, one.at(loc), loc)


def _listener(parent: Mapping[str, object]) -> str:
    """Write what a route attaches to: the Gateway, and the one of its listeners that it names."""
    namespace, section = parent.get("namespace"), parent.get("sectionName") or parent.get("port")
    whole = f"{namespace}/{parent.get('name')}" if namespace else str(parent.get("name"))
    return f"{whole} ({section})" if section else whole


def _claim(child: str, what: tuple[str, str, str], door: str, position: Position, loc: Loc) -> Claim:
    host, below, kind = what
    below = f"/{below.strip('/')}"
    words = f"{'every host' if host == ANY_HOST else host}{below}"
    return Claim(child, (host, below, kind), shortened(door), shortened(words), position, loc)


def _class(name: object) -> str:
    return f"ingress class {name}" if name else "the default ingress class"
