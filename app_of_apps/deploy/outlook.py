"""What a release would change in an environment, for somebody who is asked to approve it, and what is not known.

Compared with the last release that succeeded, whose content stands in its record. Where that cannot be read, or no
preview can be made with the login that asks, the outlook says so instead of leaving it out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.errors import Refused
from app_of_apps.objects.access_table import changes, permissions
from app_of_apps.release.compare import compare
from app_of_apps.release.stored import stored_release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.approval.authors import Change
    from app_of_apps.deploy.preview_digest import Preview
    from app_of_apps.objects.access_table import Change as AccessChange
    from app_of_apps.release.model import Release

_LINES: Final = 60
"""Lines of one section before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything that somebody sees before they sign."""

    parent: str
    environment: str
    digest: str
    base: str | None
    base_name: str
    """Name of the record that stands; empty where none does."""
    changes: tuple[str, ...]
    """Child by child and field by field."""
    access: tuple[str, ...]
    """Who gains or loses what."""
    deletions: tuple[str, ...]
    """Children that go."""
    change: Change
    preview: Preview | None = None
    unknown: tuple[str, ...] = field(default=())
    """What could not be found out, and why."""


def outlook_of(release: Release, record: Mapping[str, Any] | None, change: Change) -> Outlook:
    """Return the outlook of ``release`` without a preview; ``record`` is the ConfigMap of what stands."""
    before, unknown = None, []
    if record is not None:
        try:
            before = stored_release(record)
        except Refused as error:
            unknown.append(f"single fields and access: {error}")
    children = _children(record)
    gone = tuple(sorted(children.keys() - release.by_name.keys()))
    exact = tuple(_fields(before, release)) if before is not None else tuple(_coarse(children, release))
    access: tuple[str, ...] = ()
    if before is not None or record is None:
        old = permissions(before) if before is not None else frozenset()
        access = tuple(map(_words, changes(old, permissions(release))))
    return Outlook(
        parent=release.parent,
        environment=release.environment,
        digest=release.digest,
        base=str(record["data"]["digest"]) if record is not None else None,
        base_name=str(record["metadata"]["name"]) if record is not None else "",
        changes=exact,
        access=access,
        deletions=gone,
        change=change,
        unknown=tuple(unknown),
    )


def render(outlook: Outlook) -> str:
    """Return the outlook as text."""
    on = f"on top of {outlook.base_name} ({outlook.base})" if outlook.base else "where nothing stands yet"
    preview = outlook.preview
    sections = {
        "CHANGES": outlook.changes or ("none",),
        "ACCESS": outlook.access or (() if outlook.unknown and outlook.base else ("nobody gains or loses anything",)),
        "DELETIONS": tuple(f"{child}, with its namespace" for child in outlook.deletions) or ("none",),
        "POLICIES": (preview.policies or ("none is violated",)) if preview is not None else (),
        "PREVIEW": _previewed(preview) if preview is not None else (),
        "UNKNOWN": outlook.unknown or ("nothing",),
        "AUTHORS": tuple(sorted(outlook.change.authors)) or ("nobody: no commit since",),
    }
    lines = [
        f"{outlook.environment} of {outlook.parent}: release {outlook.digest}",
        f"  at commit {outlook.change.commit}, {on}",
    ]
    for title, found in sections.items():
        if found:
            lines += ["", title, *(f"  {line}" for line in found[:_LINES])]
        if len(found) > _LINES:
            lines.append(f"  and {len(found) - _LINES} more")
    return "\n".join(lines)


def _previewed(preview: Preview) -> tuple[str, ...]:
    counts = ", ".join(f"{count} {op}" for op, count in preview.counts) or "nothing to do"
    steps = [
        f"{op} {kind} {name}{f': {chr(44).join(names)}' if names else ''}" for op, kind, name, names in preview.steps
    ]
    return (f"{counts}; digest {preview.digest}", *steps)


def _fields(before: Release, after: Release) -> Iterator[str]:
    found = compare(before, after)
    yield from map(str, found.release)
    for child in found.children:
        if child.change != "changed":
            yield f"{child.name}: {child.change}"
        for one in child.fields:
            yield f"{child.name}: {one}"


def _words(one: AccessChange) -> str:
    children = ", ".join(one.children)
    return f"{one.subject} {one.change} {', '.join(one.verbs)} on {one.where} {one.target} of {children}"


def _coarse(children: Mapping[str, Mapping[str, Any]], after: Release) -> Iterator[str]:
    """Yield what digests and versions alone tell."""
    for name in sorted(children.keys() | after.by_name.keys()):
        old, new = children.get(name), after.by_name.get(name)
        if old is None or new is None:
            yield f"{name}: {'added' if old is None else 'removed'}"
        elif old.get("digest") != new.digest:
            versions = "" if old.get("version") == new.version else f" (version {old.get('version')} → {new.version})"
            yield f"{name}: changed{versions}"


def _children(record: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    found = json.loads((record or {}).get("data", {}).get("children") or "{}")
    return found if isinstance(found, dict) else {}
