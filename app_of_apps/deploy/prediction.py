"""What a preview foretold, small enough to be kept: operations and names of properties, never a value. Pure.

A prediction is bound to the release that was looked at and to the record of what stood then. Reading one trusts
nothing: it may come from a pull request's artifact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

PREDICTION_FORMAT: Final = "app-of-apps/prediction/v1"

Op = Literal["create", "update", "replace", "delete"]

OPS: Final[dict[str, Op]] = {
    "create": "create",
    "import": "create",
    "update": "update",
    "delete": "delete",
    "create-replacement": "replace",
    "replace": "replace",
    "delete-replaced": "replace",
}
"""What people call the engine's steps; those that are not here change nothing."""
CONFIDENCES: Final = ("exact", "assumed", "unknown")

_MOST: Final = 20_000
"""Resources of one prediction, and properties of all of them together."""
_LONGEST: Final = 1000
_RELEASE: Final = re.compile(r"sha256:[0-9a-f]{64}")
_BASE: Final = re.compile(r"release-(?:[0-9]{1,9}-)?[0-9a-f]{12}")
# What every object carries of its release: it follows from the run, from who approved for example.
_MARK: Final = re.compile(r'(?:^|\.|\[")(?:app-of-apps|app\.kubernetes\.io|pulumi\.com)/[^"\]]*(?:"\])?$')
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Foretold:
    """What would be done to one resource."""

    id: str
    """``<type>::<logical name>``: what stays of a URN without stack, project and parents."""
    child: str | None
    """None for what belongs to no child."""
    op: Op
    confidence: str
    """``exact``, ``assumed`` or ``unknown``."""
    fields: tuple[str, ...] = ()
    """The engine's paths of the properties that differ, sorted, of an update or a replacement."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a preview foretold of one environment."""

    parent: str
    environment: str
    release: str
    """Digest of the release that was looked at."""
    base: str | None
    """Name of the record of what stood; None where nothing did."""
    digest: str
    """Of the preview."""
    resources: tuple[Foretold, ...]

    def shape(self) -> dict[str, Any]:
        """Return it as plain data, in the shape of PREDICTION_FORMAT."""
        return {
            "format": PREDICTION_FORMAT,
            "parent": self.parent,
            "environment": self.environment,
            "release": self.release,
            "base": self.base,
            "digest": self.digest,
            "resources": [
                {
                    "id": one.id,
                    "child": one.child,
                    "op": one.op,
                    "confidence": one.confidence,
                    "fields": list(one.fields),
                }
                for one in self.resources
            ],
        }


def resource_id(token: str, name: str) -> str:
    """Return by what a resource is found again in another run."""
    return f"{token}::{name}"


def without_marks(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of properties that say more than of which release and run an object is, sorted."""
    return tuple(sorted({path for path in paths if not _MARK.search(path)}))


def prediction_of(shape: object) -> Prediction:
    """Return the prediction that plain data holds; raises ValueError, in words, for anything else."""
    said = _mapping(shape, "it")
    if said.get("format") != PREDICTION_FORMAT:
        msg = f"it is no {PREDICTION_FORMAT}"
        raise ValueError(msg)
    release, base = _text(said, "release"), said.get("base")
    if not _RELEASE.fullmatch(release) or not _RELEASE.fullmatch(_text(said, "digest")):
        msg = "release or digest is no digest"
        raise ValueError(msg)
    if base is not None and not (isinstance(base, str) and _BASE.fullmatch(base)):
        msg = "base is not the name of a record"
        raise ValueError(msg)
    listed = _list(said.get("resources"), "resources")
    found = tuple(_foretold(_mapping(one, "a resource")) for one in listed)
    if len({one.id for one in found}) != len(found):
        msg = "a resource stands there twice"
        raise ValueError(msg)
    if sum(len(one.fields) for one in found) > _MOST:
        msg = f"it names more than {_MOST} properties"
        raise ValueError(msg)
    return Prediction(_text(said, "parent"), _text(said, "environment"), release, base, _text(said, "digest"), found)


def _foretold(said: dict[str, Any]) -> Foretold:
    confidence, child = said.get("confidence"), said.get("child")
    op = next((known for known in OPS.values() if known == said.get("op")), None)
    if op is None or confidence not in CONFIDENCES:
        msg = "a resource has no operation or no confidence"
        raise ValueError(msg)
    fields = tuple(_plain(one) for one in _list(said.get("fields"), "fields"))
    return Foretold(_text(said, "id"), None if child is None else _text(said, "child"), op, confidence, fields)


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{what} is no object"
        raise ValueError(msg)  # noqa: TRY004 - bad data, not a bad call
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        msg = f"{what} is no list, or a list of more than {_MOST}"
        raise ValueError(msg)
    return value


def _text(said: dict[str, Any], key: str) -> str:
    return _plain(said.get(key))


def _plain(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST or _UNSEEN.search(value):
        msg = "a name is missing, endless, or holds control characters"
        raise ValueError(msg)
    return value
