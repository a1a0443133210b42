"""A chart's rendered objects against what a child may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.escalation import rendered_faults
from app_of_apps.manifest.positions import path
from app_of_apps.release.pinning import unpinned_images

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.manifest.escalation import Boundary


def check_rendered(
    child: str, chart: str, rendered: Iterable[Mapping[str, Any]], boundary: Boundary, *, pinned: bool = False
) -> None:
    """Raise InvalidInput when an object that a chart makes escalates; every object is named with all of its faults.

    With ``pinned`` an image without a digest is a fault too.
    """
    objects = tuple(rendered)
    problems = [problem for found in objects for problem in problems_of(child, chart, found, boundary)]
    if pinned:
        problems += [problem for found in objects for problem in _unpinned(child, chart, found)]
    if problems:
        raise InvalidInput(problems)


def problems_of(child: str, chart: str, found: Mapping[str, Any], boundary: Boundary) -> Iterator[Problem]:
    """Yield what is wrong with one rendered object; the position is the chart's folder, for templates have no lines."""
    name = _name(found)
    for loc, message, hint in rendered_faults(found, boundary):
        what = f"the chart of {child} makes {found.get('kind')} {name}: {message}"
        yield Problem(Position(chart), path(loc), what, hint)


def _unpinned(child: str, chart: str, found: Mapping[str, Any]) -> Iterator[Problem]:
    for image in unpinned_images(found):
        what = f"the chart of {child} makes {found.get('kind')} {_name(found)}, which runs {image} without a digest"
        hint = "the environment takes images by digest alone (images: pinned): set it in the chart's values"
        yield Problem(Position(chart), "", what, hint)


def _name(found: Mapping[str, Any]) -> str | None:
    metadata = found.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None
