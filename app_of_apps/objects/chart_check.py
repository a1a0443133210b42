"""A chart's rendered objects against what a child may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.escalation import rendered_faults
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.manifest.escalation import Boundary


def check_rendered(child: str, chart: str, rendered: Iterable[Mapping[str, Any]], boundary: Boundary) -> None:
    """Raise InvalidInput when an object that a chart makes escalates; every object is named with all of its faults."""
    problems = [problem for found in rendered for problem in problems_of(child, chart, found, boundary)]
    if problems:
        raise InvalidInput(problems)


def problems_of(child: str, chart: str, found: Mapping[str, Any], boundary: Boundary) -> Iterator[Problem]:
    """Yield what is wrong with one rendered object; the position is the chart's folder, for templates have no lines."""
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    for loc, message, hint in rendered_faults(found, boundary):
        what = f"the chart of {child} makes {found.get('kind')} {name}: {message}"
        yield Problem(Position(chart), path(loc), what, hint)
