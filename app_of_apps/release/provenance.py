"""Where the content of each child came from: the release that last changed it, its commit, author and approvals.

A child that a release does not change keeps what it has, so that a change of one child touches no object of another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release


DIRTY: Final = "-dirty"
"""Behind a commit that the working tree differed from."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """One release as the origin of a child's content."""

    release: str
    """Its digest."""
    number: int
    commit: str | None = None
    """With `DIRTY` behind it when the working tree differed from it."""
    author: str | None = None
    approvals: tuple[str, ...] = ()
    """Names of whoever approved the release, sorted."""

    @property
    def annotations(self) -> dict[str, str]:
        """Return what stands on every object of the child; what nobody knows is left out."""
        found = {
            "app-of-apps/release-digest": self.release,
            "app-of-apps/git-commit": self.commit,
            "app-of-apps/author": self.author,
            "app-of-apps/approvals": ", ".join(self.approvals),
        }
        return {name: value for name, value in found.items() if value}

    def shape(self) -> dict[str, Any]:
        """Return it as plain data, as a release's record keeps it."""
        return {
            "release": self.release,
            "number": self.number,
            "commit": self.commit,
            "author": self.author,
            "approvals": list(self.approvals),
        }

    @classmethod
    def of(cls, shape: Mapping[str, Any]) -> Provenance:
        """Return what `shape` returned."""
        return cls(
            release=str(shape["release"]),
            number=int(shape["number"]),
            commit=shape.get("commit"),
            author=shape.get("author"),
            approvals=tuple(map(str, shape.get("approvals") or ())),
        )


def carried(release: Release, record: Mapping[str, Any] | None, now: Provenance) -> dict[str, Provenance]:
    """Return child → where its content came from; ``record`` is the ConfigMap of the last release that succeeded."""
    before = _kept(record)
    found = {}
    for child in release.children:
        digest, origin = before.get(child.name, ("", None))
        found[child.name] = origin if origin is not None and digest == child.digest else now
    return found


def _kept(record: Mapping[str, Any] | None) -> dict[str, tuple[str, Provenance | None]]:
    try:
        children = json.loads(((record or {}).get("data") or {})["children"])
        return {
            name: (str(one["digest"]), Provenance.of(one["provenance"]) if one.get("provenance") else None)
            for name, one in children.items()
        }
    except (KeyError, ValueError, TypeError, AttributeError):  # a record of before, or none
        return {}
