"""Writes what is foreseen as JSON, beside the report that ``aoa preview --format json`` has always been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.report import to_json
from app_of_apps.review.model import Foreseen
from app_of_apps.review.risks import risks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.errors import Position
    from app_of_apps.review.drifted import Reality
    from app_of_apps.review.model import Child, Field, Halted, Outcome, Resource
    from app_of_apps.review.risks import Risk
    from app_of_apps.review.waiting import Span, Waiting

PREVIEW_FORMAT: Final = "app-of-apps/preview/v1"
PREVIEWS_FORMAT: Final = "app-of-apps/previews/v1"
HALTED_FORMAT: Final = "app-of-apps/no-preview/v1"


def shape(outcome: Outcome) -> dict[str, Any]:
    """Return one outcome: the report with a key ``preview`` more, or why there is none."""
    if isinstance(outcome, Foreseen):
        return {**to_json(outcome.report), "preview": _preview(outcome)}
    return _halted(outcome)


def shapes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return several outcomes, in the order in which the environments were named."""
    return {"format": PREVIEWS_FORMAT, "environments": [shape(one) for one in outcomes]}


def _preview(found: Foreseen) -> dict[str, Any]:
    return {
        "format": PREVIEW_FORMAT,
        "release": found.release,
        "digest": found.digest,
        "base": found.base,
        "gate": {"state": str(found.gate.state), "lines": list(found.gate.lines)},
        "confidence": {str(word): count for word, count in found.confidence},
        "risks": [_risk(one) for one in risks(found)],
        "children": [_child(one) for one in found.children],
        "around": [_resource(one) for one in found.around],
        "words": list(found.words),
        "access": [one.shape() for one in found.access],
        "leftOver": list(found.left_over),
        "policies": [one.words for one in found.policies],
        "warnings": list(found.warnings),
        "unknown": list(found.unknown),
        "drift": _drift(found.reality) if found.reality is not None else None,
        "waiting": _waiting(found.waiting) if found.waiting is not None else None,
        "prediction": found.prediction.shape() if found.prediction is not None else None,
    }


def _drift(reality: Reality) -> dict[str, Any]:
    return {
        "differences": [
            {
                "child": one.child,
                "object": {
                    "where": one.where,
                    "kind": one.kind,
                    "namespace": one.namespace or None,
                    "name": one.name,
                },
                "what": one.what,
                "field": one.field or None,
                "declared": one.declared,
                "live": one.live,
                "secret": one.secret,
                "by": list(one.by),
                "touched": one.touched,
            }
            for one in reality.differences
        ],
        "unread": list(reality.unread),
        "notes": list(reality.notes),
    }


def _waiting(found: Waiting) -> dict[str, Any]:
    return {
        "deployment": _span(found.deployment),
        "path": list(found.path),
        "children": [{"name": name, **(_span(span) or {})} for name, span in found.children],
        "unmeasured": list(found.unmeasured),
        "approvalsWanted": found.asked,
        "approvals": _span(found.approvals),
    }


def _span(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"seconds": span.seconds, "low": span.low, "high": span.high, "samples": span.samples}


def _halted(halted: Halted) -> dict[str, Any]:
    return {
        "format": HALTED_FORMAT,
        "parent": halted.parent or None,
        "environment": halted.environment,
        "exitCode": halted.exit_code,
        "kind": halted.kind,
        "message": halted.message,
        "problems": [
            {**_position(one.position), "path": one.path, "message": one.message, "hint": one.hint}
            for one in halted.problems
        ],
    }


def _child(child: Child) -> dict[str, Any]:
    return {
        "name": child.name,
        "team": child.team,
        "type": child.type,
        "change": child.change,
        "version": child.version,
        "dependsOn": list(child.needs),
        "words": list(child.words),
        "pods": child.pods or None,
        "confidence": str(child.confidence),
        "secrets": [{"path": one.path, "key": one.key, "change": one.change} for one in child.secrets],
        "resources": [_resource(one) for one in child.resources],
        "at": _position(child.position),
    }


def _resource(one: Resource) -> dict[str, Any]:
    return {
        "op": one.op,
        "kind": one.kind,
        "namespace": one.namespace or None,
        "name": one.name,
        "confidence": str(one.confidence),
        "why": one.why,
        "restarts": one.restarts,
        "kept": one.kept,
        "replacedFor": list(one.reasons),
        "fields": [_field(field) for field in one.fields],
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "path": field.path,
        "change": field.change,
        "before": field.before,
        "after": field.after,
        "secret": field.secret,
        "unknown": field.unknown,
    }


def _risk(one: Risk) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "level": one.rule.level,
        "child": one.child,
        "message": one.message,
        "at": _position(one.position),
    }


def _position(position: Position) -> dict[str, Any]:
    return {"file": position.file, "line": position.line or None, "column": position.column or None}
