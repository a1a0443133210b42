"""What the children say about each other and about the parent: teams, templates, shared sets, versions, edges, cycles.

All of it is read from the plain data, so that a child with a mistake elsewhere is still checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app_of_apps.manifest.edges import cycles
from app_of_apps.manifest.positions import called
from app_of_apps.manifest.validation import listed, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.positions import Loc

NO_VERSION = frozenset({"manifests"})


@dataclass(slots=True)
class Named:
    """A child that has a name: its plain data and where to note what is wrong with it."""

    name: str
    data: Mapping[str, Any]
    findings: Findings
    has_health: bool = True
    """False when nothing of the child ever becomes healthy."""


@dataclass(frozen=True, slots=True)
class Known:
    """The names that children may use. None stands for "cannot be said", after a mistake in the parent."""

    teams: Collection[str] | None
    templates: Collection[str] | None
    shared: Collection[str] | None
    children: Mapping[str, Named] = field(default_factory=dict)
    complete: bool = True
    """Whether every child's name is known; when not, an unknown name may well be that of a broken file."""


def check_references(known: Known) -> None:
    """Note every reference to something that does not exist, every edge that means nothing, and every cycle."""
    for child in known.children.values():
        _check_names(child, known)
        _check_version_from(child, known)
        _check_edges(child, known)
    _check_cycles(known.children)


def depends_on(child: Named) -> Iterator[tuple[int, str]]:
    """Yield the children that a child waits for, each with its place in the list."""
    needs = child.data.get("dependsOn")
    for index, name in enumerate(needs if isinstance(needs, list) else ()):
        if isinstance(name, str):
            yield index, name


def _check_names(child: Named, known: Known) -> None:
    data = child.data
    _check_known(child, ("team",), data.get("team"), "team", known.teams)
    _check_known(child, ("template",), data.get("template"), "template", known.templates)
    config = data.get("config")
    shared = config.get("shared") if isinstance(config, dict) else None
    seen: set[str] = set()
    for index, name in enumerate(shared if isinstance(shared, list) else ()):
        loc: Loc = ("config", "shared", index)
        _check_known(child, loc, name, "shared set", known.shared)
        if isinstance(name, str) and name in seen:
            child.findings.at(loc, "it is listed twice", "remove one of the two")
        seen.add(name if isinstance(name, str) else "")


def _check_known(child: Named, loc: Loc, name: object, what: str, known: Collection[str] | None) -> None:
    if isinstance(name, str) and known is not None and name not in known:
        hint = suggestion(name, known) or f"the parent has: {listed(known)}"
        child.findings.at(loc, f"the parent has no {what} {called(name)}", hint)


def _check_version_from(child: Named, known: Known) -> None:
    name = child.data.get("versionFrom")
    loc: Loc = ("versionFrom",)
    if not isinstance(name, str):
        return
    target = known.children.get(name)
    if name == child.name:
        child.findings.at(loc, "a child cannot take the version from itself", "remove versionFrom")
    elif target is None:
        if known.complete:
            child.findings.at(loc, f"there is no child {called(name)}", _children_hint(name, known, child))
    elif target.data.get("type") in NO_VERSION:
        child.findings.at(loc, f"`{name}` has no version: it is of type {target.data['type']}")
    elif isinstance(target.data.get("versionFrom"), str):
        hint = f"write versionFrom: {target.data['versionFrom']}" if target.data["versionFrom"] != child.name else ""
        child.findings.at(loc, f"`{name}` takes its own version from another child", hint)


def _check_edges(child: Named, known: Known) -> None:
    seen: set[str] = set()
    for index, name in depends_on(child):
        loc: Loc = ("dependsOn", index)
        target = known.children.get(name)
        if name in seen:
            child.findings.at(loc, "it is listed twice", "remove one of the two")
        elif name == child.name:
            child.findings.at(loc, "a child cannot depend on itself", "remove it")
        elif target is None:
            if known.complete:
                child.findings.at(loc, f"there is no child {called(name)}", _children_hint(name, known, child))
        elif target.data.get("type") == "cronjob":
            hint = "depend on what it works for, or make it a migration if it must run first"
            message = (
                f"there is nothing to wait for: `{name}` is a cron job, which runs later and is never healthy itself"
            )
            child.findings.at(loc, message, hint)
        elif not target.has_health:
            hint = "remove it, or give an object of that child the annotation pulumi.com/waitFor"
            child.findings.at(loc, f"there is nothing to wait for: no object of `{name}` ever becomes healthy", hint)
        seen.add(name)


def _children_hint(name: str, known: Known, child: Named) -> str:
    others = [other for other in known.children if other != child.name]
    return suggestion(name, others) or f"children: {listed(others)}"


def _check_cycles(children: Mapping[str, Named]) -> None:
    edges: dict[str, Sequence[str]] = {
        name: [needed for _, needed in depends_on(child) if needed != name] for name, child in children.items()
    }
    for cycle in cycles(edges):
        steps = []
        for name, needed in pairwise(cycle):
            position = children[name].findings.positions.at(_edge(children[name], needed))
            steps.append(f"`{name}` waits for `{needed}` ({position})")
        first = children[cycle[0]]
        findings = first.findings.under("dependency-cycle")
        message = f"the children wait for each other in a circle: {' → '.join(cycle)}"
        findings.at(_edge(first, cycle[1]), message, f"remove one of: {'; '.join(steps)}")


def _edge(child: Named, needed: str) -> Loc:
    return ("dependsOn", next(index for index, name in depends_on(child) if name == needed))
