"""No child can take what the others need. Rules about the whole stack: quota, limits and pods are different objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps_policy.kubernetes import at, below, containers, kind_of, metadata_of, objects
from app_of_apps_policy.model import UNKNOWN, Rule, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app_of_apps.manifest.positions import Loc
    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "quotas"
_ASKED: Final = ("cpu", "memory")


def _quota(stack: Sequence[Seen], config: Config) -> Iterator[tuple[str, str]]:
    exempt = config.get("except") or ()
    with_quota = {metadata_of(found).get("namespace") for _, found in _every(stack, "ResourceQuota")}
    for seen, found in _every(stack, "Namespace"):
        name = metadata_of(found).get("name")
        if name is not UNKNOWN and name not in with_quota and name not in exempt:
            yield seen.urn, f"the namespace {name} has no ResourceQuota in this program"


def _requests(stack: Sequence[Seen], _: Config) -> Iterator[tuple[str, str]]:
    yield from _without(stack, "requests", "defaultRequest", _ASKED)


def _limit(stack: Sequence[Seen], _: Config) -> Iterator[tuple[str, str]]:
    yield from _without(stack, "limits", "default", ("memory",))


def _without(stack: Sequence[Seen], key: str, default: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield containers that do not say an amount, in a namespace whose LimitRange does not say it for them."""
    given = _defaults(stack, default)
    for seen in stack:
        for found in objects(seen):
            known = given.get(metadata_of(found).get("namespace"), frozenset())
            for loc, container in containers(found):
                amounts = below(container, "resources")
                # A request that is missing is the limit's amount.
                own = [amounts.get(one) for one in dict.fromkeys((key, "limits"))]
                said = known.union(*(one for one in own if isinstance(one, dict)))
                missing = [name for name in wanted if UNKNOWN not in own and name not in said]
                if missing:
                    place: Loc = (*loc, "resources", key)
                    yield seen.urn, at(place, f"the container says nothing about {' and '.join(missing)}")


def _defaults(stack: Sequence[Seen], key: str) -> dict[Any, frozenset[str]]:
    found: dict[Any, frozenset[str]] = {}
    for _, one in _every(stack, "LimitRange"):
        limits = below(one, "spec").get("limits")
        for entry in limits if isinstance(limits, list) else ():
            # Kubernetes takes the limit for a request that is missing, so a default limit is enough for both.
            names_ = {*below(entry, key), *below(entry, "default")} if isinstance(entry, dict) else set()
            namespace = metadata_of(one).get("namespace")
            found[namespace] = found.get(namespace, frozenset()) | names_
    return found


def _every(stack: Sequence[Seen], kind: str) -> Iterator[tuple[Seen, Mapping[str, Any]]]:
    for seen in stack:
        for found in objects(seen):
            if kind_of(found) == kind:
                yield seen, found


RULES: Final = (
    Rule(
        id="namespace-quota",
        group=GROUP,
        says="Every namespace of the program has a ResourceQuota.",
        why="One child that scales without bounds takes the nodes from all others.",
        mend="Declare a ResourceQuota in the namespace.",
        severity="medium",
        check_stack=_quota,
        settings={"except": names("Namespaces without pods.")},
    ),
    Rule(
        id="container-requests",
        group=GROUP,
        says="Every container requests CPU and memory, itself or by its namespace's LimitRange.",
        why="The scheduler packs what asks for nothing onto nodes that have nothing left.",
        mend="Set resources.requests, or declare a LimitRange with defaultRequest.",
        severity="medium",
        check_stack=_requests,
    ),
    Rule(
        id="container-memory-limit",
        group=GROUP,
        says="Every container has a limit of memory, itself or by its namespace's LimitRange.",
        why="A leak then ends its own container and not its neighbours.",
        mend="Set resources.limits.memory, or declare a LimitRange with a default.",
        severity="low",
        level="advisory",
        check_stack=_limit,
    ),
)
