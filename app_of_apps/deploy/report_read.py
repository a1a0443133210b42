"""Reads a report back from its JSON shape, so that whoever gets it from elsewhere tells it in the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.report import CameBack, Cause, ChildOutcome, Report, State

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_json(shape: Mapping[str, Any]) -> Report:
    """Return the report that ``app_of_apps.deploy.report.to_json`` wrote; raises KeyError or ValueError for others.

    What to do next is in the shape as a whole, so here it belongs to the first cause.
    """
    causes = [_cause(one) for one in shape["causes"]]
    if causes:
        causes[0] = replace(causes[0], next_steps=tuple(shape.get("next", ())))
    return Report(
        operation=shape["operation"],
        parent=shape["parent"],
        environment=shape["environment"],
        ok=shape["ok"],
        causes=tuple(causes),
        children=tuple(_child(one) for one in shape["children"]),
        release=shape["release"],
        notes=tuple(shape.get("notes", ())),
        seconds=shape["seconds"],
        interrupted=shape["interrupted"],
        came_back=_came_back(shape.get("cameBack")),
        deletions=tuple(shape.get("deletions", ())),
        warnings=tuple(shape.get("warnings", ())),
    )


def _cause(one: Mapping[str, Any]) -> Cause:
    about = one["object"]
    return Cause(
        message=one["message"],
        child=one["child"],
        team=one["team"],
        contact=one["contact"],
        kind=about["kind"],
        namespace=about["namespace"],
        name=about["name"],
        details=tuple(one["details"]),
    )


def _child(one: Mapping[str, Any]) -> ChildOutcome:
    return ChildOutcome(
        child=one["name"],
        team=one["team"],
        type=one["type"],
        state=State(one["state"]),
        version=one["version"],
        standing=one["standing"],
        because=tuple(one["because"]),
        changes=tuple(one["changes"].items()),
        detail=one["detail"],
        seconds=one["seconds"],
    )


def _came_back(found: Mapping[str, Any] | None) -> CameBack | None:
    if found is None:
        return None
    return CameBack(
        number=found["number"] or 0,
        release=found["release"] or "",
        ok=found["ok"],
        children=tuple(found["children"]),
        causes=tuple(Cause(sentence) for sentence in found["causes"]),
        seconds=found["seconds"],
        interrupted=found["interrupted"],
        refused=found["refused"] or "",
    )
