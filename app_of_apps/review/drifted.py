"""What differs between the world and the release that stands, for whoever reads what comes on top of it. Pure.

What counts as drift is what `aoa drift` calls so. Values are others': of what may be secret it is only said that it
differs, by the rules for the fields of a preview and those of `aoa drift` together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.drift_compare import What
from app_of_apps.deploy.drift_values import shown, written
from app_of_apps.deploy.redact import one_line
from app_of_apps.review.fields import LONGEST, is_credential, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.deploy.drift import Difference, Drift, Thing
    from app_of_apps.deploy.drift_values import Path
    from app_of_apps.review.model import Resource

_WRITES: Final = frozenset({"update", "replace", "delete"})
# Something that looks like a secret, as `drift_values.shown` writes it.
_HIDDEN: Final = "[not shown"


@dataclass(frozen=True, slots=True)
class Drifted:
    """One thing that is not as it was deployed."""

    child: str | None
    """None for what belongs to the whole parent, such as a group in Vault."""
    where: str
    """``kubernetes`` or ``vault``."""
    kind: str
    namespace: str
    name: str
    what: str
    """``changed``, ``removed``, ``added`` (a field), ``missing``, ``undeclared`` (an object)."""
    field: str = ""
    """Empty where the whole object is meant."""
    declared: str | None = None
    """What was deployed; None where there is none, and where it may not be shown."""
    live: str | None = None
    secret: bool = False
    by: tuple[str, ...] = ()
    """What the clients call themselves that wrote it, the last one first."""
    touched: bool = False
    """Whether the release that is previewed writes the object, too."""

    @property
    def place(self) -> str:
        """Return ``Kind namespace/name``; of Vault, that it is there."""
        kind = f"Vault {self.kind}" if self.where == "vault" else self.kind
        return f"{kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Reality:
    """What was found when the world was compared with the release that stands."""

    differences: tuple[Drifted, ...] = ()
    unread: tuple[str, ...] = ()
    """What could not be compared, and why."""
    notes: tuple[str, ...] = ()
    """What one should know beside it, such as an attempt since that has not succeeded."""

    @property
    def counts(self) -> tuple[tuple[str, tuple[Drifted, ...]], ...]:
        """Child → what differs, sorted; what belongs to no child stands under "" at the end."""
        found: dict[str, list[Drifted]] = {}
        for one in self.differences:
            found.setdefault(one.child or "", []).append(one)
        return tuple((name, tuple(found[name])) for name in sorted(found, key=lambda name: (not name, name)))


def reality(drift: Drift, resources: Mapping[str | None, Iterable[Resource]], *, notes: Iterable[str] = ()) -> Reality:
    """Return what `aoa drift` has found; ``resources`` are those that the release which is previewed touches."""
    written_too = {
        (one.kind, one.namespace, one.name) for every in resources.values() for one in every if one.op in _WRITES
    }
    found = sorted((_drifted(one, written_too) for one in drift.differences), key=_order)
    return Reality(tuple(found), tuple(sorted(drift.unread)), tuple(dict.fromkeys((*notes, *drift.notes))))


def _drifted(one: Difference, written_too: set[tuple[str, str, str]]) -> Drifted:
    drift, thing = one.drift, one.thing
    secret = _is_secret(thing, drift.path, drift.wanted, drift.there)
    return Drifted(
        child=one.child,
        where=thing.where,
        kind=thing.kind,
        namespace=thing.namespace,
        name=thing.name,
        what=str(drift.what),
        field=written(drift.path),
        declared=None if secret else _text(drift.path, drift.wanted),
        live=None if secret else _text(drift.path, drift.there),
        secret=secret,
        by=tuple(dict.fromkeys(one_line(who.manager) for who in drift.by)),
        touched=_called(thing) in written_too,
    )


def _called(thing: Thing) -> tuple[str, str, str]:
    """Return what a preview calls the same resource."""
    match (thing.where, thing.kind):
        case ("vault", "role"):  # it has a name of its own for the engine alone
            return ("Vault AuthBackendRole", "", f"{thing.name}-role")
        case ("vault", kind):
            return (f"Vault {kind.title()}", "", thing.name)
        case (_, kind):
            return (kind, thing.namespace, thing.name)


def _is_secret(thing: Thing, path: Path, *values: Any) -> bool:  # noqa: ANN401 - JSON
    names = tuple(_names(path))
    if is_secret(thing.kind, names, *values):
        return True
    # A variable of a container carries its name beside its value, and the path names it by that.
    if names[-1:] == ("value",) and any(is_credential(name) for name in names[:-1]):
        return True
    return any(_HIDDEN in (_text(path, value) or "") for value in values)


def _names(path: Path) -> Iterator[str]:
    for step in path:
        if isinstance(step, tuple):
            yield from (str(value) for _, value in step)
        elif isinstance(step, str):
            yield step


def _text(path: Path, value: Any) -> str | None:  # noqa: ANN401 - JSON
    if value is None:
        return None
    found = shown(path, value)
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, sort_keys=True)
    return one_line(text, LONGEST)


def _order(one: Drifted) -> tuple[Any, ...]:
    return (one.child is None, one.child or "", one.where, one.kind, one.namespace, one.name, one.field, one.what)


def words(one: Drifted) -> str:
    """Say where something differs, without any value."""
    match one.what:
        case What.MISSING:
            return f"{one.place} is not there"
        case What.UNDECLARED:
            return f"{one.place} is declared by nobody"
        case _:
            return f"{one.place} {one.field}"
