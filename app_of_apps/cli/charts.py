"""Looks at what charts make, at validation, where there is a ``helm`` on PATH to render them.

Without one, the same look is taken by the program, in every preview and before anything is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app_of_apps.objects.model import ChildObjects
    from app_of_apps.release.model import Release


def chart_problems(project: Path, release: Release, *, pinned: bool = False) -> tuple[Problem, ...] | None:
    """Return what is wrong with the charts of a release as they are rendered; None when helm is not there to ask.

    ``pinned`` is the environment's rule that images carry their digest.
    """
    from app_of_apps.objects.render import child_objects

    problems: list[Problem] = []
    for child in release.children:
        if child.spec.type != "chart":
            continue
        found = _problems(project, child_objects(release, child), pinned=pinned)
        if found is None:
            return None
        problems += found
    return tuple(problems)


def _problems(project: Path, described: ChildObjects, *, pinned: bool) -> list[Problem] | None:
    from app_of_apps.cli.helm import template
    from app_of_apps.objects.chart_check import check_rendered

    chart, boundary = described.chart, described.boundary
    if chart is None or boundary is None:
        return []
    place = str(project / str(chart["chart"]))
    try:
        text = template(chart, project)
    except Unavailable as error:
        return [Problem(Position(place), "", f"the chart of {described.child} cannot be rendered: {error}")]
    if text is None:
        return None
    try:
        check_rendered(described.child, place, _objects(text), boundary, pinned=pinned)
    except InvalidInput as error:
        return list(error.problems)
    return []


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
