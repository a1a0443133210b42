"""What a record says about the release that an attempt is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.errors import Refused
from app_of_apps.evidence.record import Change, ChildRef, ReleaseRef
from app_of_apps.manifest.child import PodChild
from app_of_apps.objects.record import record_name, record_number
from app_of_apps.objects.secrets import secret_paths
from app_of_apps.release.compare import compare
from app_of_apps.release.digest import digest
from app_of_apps.release.stored import stored_release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.release.compare import FieldChange
    from app_of_apps.release.model import Release

_MOST_WORDS: Final = 12


def about(release: Release, last: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of a record that say which release it is about; ``last`` records the last that succeeded."""
    number = record_number(release, last)
    return {
        "release": ReleaseRef(digest=release.digest, number=number, name=record_name(release.digest, number)),
        "children": child_refs(release),
        "changes": changes(last, release),
    }


def child_refs(release: Release) -> dict[str, ChildRef]:
    """Return child → what a record says of it."""
    return {
        child.name: ChildRef(
            digest=child.digest, type=child.spec.type, team=child.spec.team, version=child.version, image=child.image
        )
        for child in release.children
    }


def changes(record: Mapping[str, Any] | None, after: Release) -> tuple[Change, ...]:
    """Return what changes since the release of a record's ConfigMap: in each child and, as the child "", outside.

    Everything is added without such a record.
    """
    try:
        before = None if record is None else stored_release(record)
    except Refused:  # a record without content still knows the digests
        return _by_digest(record or {}, after)
    if before is None:
        return tuple(Change(child=child.name, change="added") for child in after.children)
    found = compare(before, after)
    outside = [Change(child="", change="changed", words=_words(found.release))] if found.release else []
    inside = (Change(child=one.name, change=one.change, words=_words(one.fields)) for one in found.children)
    return (*outside, *inside)


def _words(fields: Sequence[FieldChange]) -> tuple[str, ...]:
    return tuple(map(str, fields[:_MOST_WORDS]))


def _by_digest(record: Mapping[str, Any], after: Release) -> tuple[Change, ...]:
    try:
        old = {name: str(one["digest"]) for name, one in json.loads(record["data"]["children"]).items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        old = {}
    new = {child.name: child.digest for child in after.children}
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(Change(child=name, change="removed"))
        elif old.get(name) != new[name]:
            found.append(Change(child=name, change="changed" if name in old else "added"))
    return tuple(found)


def secret_folders(release: Release) -> tuple[str, ...]:
    """Return the paths in the kv-v2 engine that the release's children refer to, sorted."""
    specs = [child.spec for child in release.children]
    return tuple(sorted({path for spec in specs if isinstance(spec, PodChild) for path in secret_paths(spec)}))


def snapshot(release: Release, versions: Mapping[str, int]) -> dict[str, Any]:
    """Return the release together with the versions of its secrets at one moment: path with mount → version."""
    return {"release": release.digest, "secrets": dict(versions)}


def snapshot_digest(release: Release, versions: Mapping[str, int]) -> str:
    """Return the digest over `snapshot`."""
    return digest(snapshot(release, versions))
