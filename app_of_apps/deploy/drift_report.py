"""Writes what `aoa drift` has found, for people and for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.drift_compare import What
from app_of_apps.deploy.drift_values import shown, written
from app_of_apps.deploy.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.deploy.drift import Difference, Drift, Thing
    from app_of_apps.deploy.drift_deployed import Deployed

DRIFT_FORMAT: Final = "app-of-apps/drift/v1"


@dataclass(frozen=True, slots=True)
class Fixed:
    """What `--fix` has done."""

    ok: bool
    """Whether the release became healthy again."""
    before: int
    """How many things differed before."""


def render(deployed: Deployed, drift: Drift, fixed: Fixed | None = None) -> str:
    """Return the answer in words: child by child, object by object."""
    release = deployed.release
    head = f"{release.parent} in {release.environment}, {deployed.record}"
    lines: list[str] = []
    if fixed is not None:
        brought = max(fixed.before - len(drift.differences), 0)
        lines.append(f"{head}: {brought} of {fixed.before} differences are gone.")
    if drift.clean:
        lines.append(f"{head}: no drift.")
    else:
        lines.append(f"{head}: {_count(len(drift.differences), 'difference')}.")
        last: tuple[str | None, Thing] | None = None
        for one in drift.differences:
            if (one.child, one.thing) != last:
                last = (one.child, one.thing)
                lines += ["", f"{one.child or release.parent}: {_place(one.thing)}"]
            lines += [f"  {line}" for line in _words(one)]
        lines += ["", *_next(deployed, drift)]
    if drift.tolerated:
        lines.append(f"No drift, though it differs ({len(drift.tolerated)}):")
        counts: dict[str, int] = {}
        for passed in drift.tolerated:
            words = f"{passed.child}: {passed.passed.why}"
            counts[words] = counts.get(words, 0) + 1
        lines += [f"  {words}{f' ({count}×)' if count > 1 else ''}" for words, count in counts.items()]
    lines += [f"Note: {note}" for note in (*deployed.notes, *drift.notes, *drift.unread)]
    return "\n".join(lines)


def _place(thing: Thing) -> str:
    where = "Vault" if thing.where == "vault" else thing.namespace
    return f"{thing}{f' in {where}' if where else ''}"


def _words(one: Difference) -> Iterator[str]:
    drift = one.drift
    field = written(drift.path)
    match drift.what:
        case What.MISSING:
            yield "is not there"
        case What.UNDECLARED:
            yield "is declared by nobody"
        case What.REMOVED:
            yield f"{field} is gone (was {_text(drift.path, drift.wanted)})"
        case What.ADDED:
            goes = " (goes with --fix, which writes the object again)" if one.mends else ""
            yield f"{field} was added: {_text(drift.path, drift.there)}{goes}"
        case What.CHANGED:
            yield f"{field}: {_text(drift.path, drift.wanted)} → {_text(drift.path, drift.there)}"
    if drift.by:
        yield f"  by {', '.join(one_line(str(who)) for who in drift.by)}"


def _text(path: Any, value: Any) -> str:  # noqa: ANN401 - JSON
    if value is None:
        return "nothing"
    found = shown(path, value)
    return one_line(found if isinstance(found, str) else str(found), 200)


def _next(deployed: Deployed, drift: Drift) -> Iterator[str]:
    mendable = sum(one.mends for one in drift.differences)
    env = deployed.release.environment
    if mendable:
        yield f"{_count(mendable, 'difference')} can be mended: aoa drift {env} --fix"
    if mendable < len(drift.differences):
        yield (
            f"{_count(len(drift.differences) - mendable, 'difference')} cannot: what nobody declared is left alone. "
            "Declare it, or remove it by hand"
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def to_json(deployed: Deployed, drift: Drift, fixed: Fixed | None = None) -> dict[str, Any]:
    """Return the answer as plain data, in the shape of DRIFT_FORMAT."""
    release = deployed.release
    return {
        "format": DRIFT_FORMAT,
        "parent": release.parent,
        "environment": release.environment,
        "release": release.digest,
        "record": deployed.record,
        "basis": deployed.basis,
        "clean": drift.clean,
        "differences": [_shape(one) for one in drift.differences],
        "tolerated": [
            {
                "child": one.child,
                "object": _object(one.thing),
                "field": written(one.passed.path) or None,
                "why": one.passed.why,
            }
            for one in drift.tolerated
        ],
        "unread": list(drift.unread),
        "notes": [*deployed.notes, *drift.notes],
        "fixed": None if fixed is None else {"ok": fixed.ok, "before": fixed.before, "left": len(drift.differences)},
    }


def _shape(one: Difference) -> dict[str, Any]:
    drift = one.drift
    return {
        "child": one.child,
        "object": _object(one.thing),
        "what": str(drift.what),
        "field": written(drift.path) or None,
        "declared": shown(drift.path, drift.wanted),
        "live": shown(drift.path, drift.there),
        "by": [who.shape() for who in drift.by],
        "fixable": one.mends,
    }


def _object(thing: Thing) -> dict[str, Any]:
    return {"where": thing.where, "kind": thing.kind, "namespace": thing.namespace or None, "name": thing.name}
