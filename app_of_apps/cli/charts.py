"""Looks at what charts make, at validation, where there is a ``helm`` on PATH to render them.

Without one, the same look is taken by the program, in every preview and before anything is declared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from app_of_apps.checks.foreign import Rendered
    from app_of_apps.objects.model import ChildObjects
    from app_of_apps.release.model import Release


@dataclass(frozen=True, slots=True)
class Charts:
    """What the charts of a release make, and what is wrong with it."""

    rendered: Mapping[str, Rendered]
    """Child → its chart's objects; of a chart that cannot be rendered there is a problem instead."""
    problems: tuple[Problem, ...]


def look_at_charts(project: Path, release: Release, *, pinned: bool = False) -> Charts | None:
    """Render the charts of a release; None when helm is not there to do it.

    ``pinned`` is the environment's rule that images carry their digest.
    """
    names = [child.name for child in release.children if child.spec.type == "chart"]
    if not names:
        return Charts({}, ())
    from app_of_apps.checks.foreign import Rendered
    from app_of_apps.objects.render import child_objects

    rendered: dict[str, Rendered] = {}
    problems: list[Problem] = []
    for name in names:
        described = child_objects(release, release.child(name))
        if described.chart is None:
            continue
        place = str(project / str(described.chart["chart"]))
        try:
            found = _rendered(described.chart, project)
        except Unavailable as error:
            message = f"the chart of {name} cannot be rendered: {error}"
            problems.append(Problem(Position(place), "", message, rule="invalid-chart"))
            continue
        if found is None:
            return None
        rendered[name] = Rendered(place, found)
        problems += _problems(described, place, found, pinned=pinned)
    return Charts(rendered, tuple(problems))


def _rendered(chart: Mapping[str, Any], project: Path) -> tuple[dict[str, Any], ...] | None:
    from app_of_apps.cli.helm import template

    text = template(chart, project)
    return None if text is None else tuple(_objects(text))


def _problems(described: ChildObjects, place: str, found: tuple[dict[str, Any], ...], *, pinned: bool) -> list[Problem]:
    from app_of_apps.objects.chart_check import check_rendered

    if described.boundary is None:
        return []
    problems: list[Problem] = []
    # Asked one after the other, for each is a rule of its own.
    for rule, asks_for_digests in (("privilege-escalation", False), ("image-unpinned", True)):
        if asks_for_digests and not pinned:
            continue
        try:
            check_rendered(described.child, place, found, described.boundary, pinned=asks_for_digests)
        except InvalidInput as error:
            known = {(one.path, one.message) for one in problems}
            new = (one for one in error.problems if (one.path, one.message) not in known)
            problems += [replace(one, rule=rule) for one in new]
    return problems


def _objects(text: str) -> Iterator[dict[str, Any]]:
    import yaml

    # What helm prints was made by a program; the exactness that hand-written files are held to would be misplaced.
    for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(document, dict):
            items = document.get("items")
            if document.get("kind") == "List" and isinstance(items, list):
                yield from (item for item in items if isinstance(item, dict))
            else:
                yield document
