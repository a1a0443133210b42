"""Compares one object as a release declares it with the one in the cluster, field by field. Pure.

Two questions: which declared fields say something else now, and which fields did somebody set that nobody declared.
What the API server fills in is nobody's field, so it is never looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app_of_apps.deploy.drift_defaults import is_default
from app_of_apps.deploy.drift_owners import Owned, Who, items_of, key_of_item, owned, owners
from app_of_apps.deploy.drift_values import Path, Value, keyed, same, says_nothing

PROVENANCE: Final = frozenset(
    f"app-of-apps/{name}" for name in ("release-digest", "git-commit", "author", "approvals", "retained")
)
"""Annotations that tell of the run that deployed an object and follow from no release."""

_CONTROLLERS: Final = (
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "cloud-controller-manager",
    "vault-secrets-operator",
    "external-secrets",
    "cert-manager",
)
"""Beginnings of the names of managers that may note what they do in labels and annotations, and only there."""

_RESTARTS: Final[Mapping[str, str]] = {
    "kubectl.kubernetes.io/restartedAt": "a restart by hand changes nothing of what runs",
    "vso.secrets.hashicorp.com/restartedAt": "the secrets operator restarts what uses a changed secret",
}
_BOOKKEEPING: Final = frozenset(
    {"deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"}
)
_OPEN: Final = frozenset({"metadata", "labels", "annotations", "data", "binaryData"})
"""Mappings whose entries are said one by one, not as a whole."""
_ABSENT: Final = object()


class What(StrEnum):
    """In which way something differs."""

    CHANGED = "changed"
    """A declared field has another value."""
    REMOVED = "removed"
    """A declared field is gone."""
    ADDED = "added"
    """A field was set that nobody declared."""
    MISSING = "missing"
    """A declared object is not there."""
    UNDECLARED = "undeclared"
    """An object is there that nobody declared."""


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that differs."""

    what: What
    path: Path
    wanted: Value
    there: Value
    by: tuple[Who, ...] = ()
    """Who wrote it, the last one first; nobody where the API server keeps no account."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A field that differs and is no drift."""

    path: Path
    why: str


def compare_object(
    wanted: Mapping[str, Any], there: Mapping[str, Any], *, scaled: bool = False
) -> tuple[tuple[FieldDrift, ...], tuple[Passed, ...]]:
    """Return what differs between a declared object and the live one, and what differs without being drift.

    ``scaled`` says that an autoscaler decides about the replicas.
    """
    comparison = _Comparison(owned(there), there, scaled)
    desired, live = _content(wanted), _content(there)
    found = [*comparison.declared((), desired, live)]
    fields: dict[Path, FieldDrift] = {one.path: one for one in found}
    passed: dict[Path, Passed] = {}
    for one in comparison.managers or (Owned(Who("unknown", "Update", ""), _everything(live)),):
        for path, value in _undeclared((), one.fields, desired, live):
            # What a manager wrote inside of something that was said to differ already needs no second word.
            if is_default(path, value) or any(path[: len(known)] == known for known in fields):
                continue
            why = comparison.excuse(path, one.who)
            if why is None:
                by = owners(comparison.managers, there, path)
                fields[path] = FieldDrift(What.ADDED, path, None, value, by)
            elif why:
                passed.setdefault(path, Passed(path, why))
    return tuple(fields.values()), tuple(passed.values())


@dataclass(frozen=True, slots=True)
class _Comparison:
    managers: tuple[Owned, ...]
    there: Mapping[str, Any]
    scaled: bool

    def declared(self, path: Path, wanted: Value, live: Value) -> Iterator[FieldDrift]:
        """Yield each declared field at or below a path that says something else."""
        if live is _ABSENT or live is None:
            if not says_nothing(path, wanted):
                yield FieldDrift(What.REMOVED, path, wanted, None)
        elif isinstance(wanted, Mapping) and isinstance(live, Mapping):
            for key, below in wanted.items():
                if below is not None:
                    yield from self.declared((*path, key), below, live.get(key, _ABSENT))
        elif isinstance(wanted, list | tuple) and isinstance(live, list):
            yield from self._list(path, wanted, live)
        elif not same(path, wanted, live):
            yield FieldDrift(What.CHANGED, path, wanted, live, self._by(path))

    def _list(self, path: Path, wanted: Sequence[Value], live: Sequence[Value]) -> Iterator[FieldDrift]:
        by_keys = keyed(path, wanted, live)
        if by_keys is not None:
            for key, item in by_keys[0].items():
                found = by_keys[1].get(key, _ABSENT)
                if found is _ABSENT:
                    yield FieldDrift(What.REMOVED, (*path, key), item, None, ())
                else:
                    yield from self.declared((*path, key), item, found)
            return
        if len(wanted) != len(live):
            yield FieldDrift(What.CHANGED, path, wanted, live, self._by(path))
            return
        if path[-1] == "metrics":  # the API server sorts them when it converts versions
            live = _aligned(self, path, wanted, live)
        inside = [
            one
            for index, (item, found) in enumerate(zip(wanted, live, strict=True))
            for one in self.declared((*path, index), item, found)
        ]
        yield from inside
        # A plain list is written as a whole: who has written it may have put more into its items than was declared.
        writers = owners(self.managers, self.there, path)
        if not inside and writers and not any(who.is_engine for who in writers) and _more(path, wanted, live):
            yield FieldDrift(What.CHANGED, path, wanted, live, writers)

    def _by(self, path: Path) -> tuple[Who, ...]:
        return owners(self.managers, self.there, path)

    def excuse(self, path: Path, who: Who) -> str | None:
        """Say why a field that nobody declared is no drift, "" where that is not worth a word; None when it is one."""
        last = path[-1]
        if path == ("spec", "replicas") and self.scaled:
            return "the autoscaler decides about the replicas"
        in_metadata = "metadata" in path
        if in_metadata and last in _RESTARTS:
            return _RESTARTS[str(last)]
        if in_metadata and last in _BOOKKEEPING:
            return ""
        if in_metadata and who.manager.startswith(_CONTROLLERS):
            return f"{who.manager} notes what it does"
        if who.is_engine and (last in PROVENANCE or str(last).startswith("pulumi.com/")):
            return ""
        return None


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wanted of an object: neither its identity nor its status."""
    content = {key: value for key, value in item.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    metadata = item.get("metadata") or {}
    return {**content, "metadata": {key: metadata.get(key) or {} for key in ("labels", "annotations")}}


def _undeclared(path: Path, fields: Mapping[str, Any], wanted: Value, live: Value) -> Iterator[tuple[Path, Value]]:
    """Yield what a manager has written and nobody declared, each at its topmost place."""
    if isinstance(live, Mapping):
        for key, below in fields.items():
            kind, _, name = key.partition(":")
            if kind != "f" or name not in live:
                continue
            at, value = (*path, name), live[name]
            declared = wanted.get(name) if isinstance(wanted, Mapping) else None
            if declared is None and not (name in _OPEN and isinstance(value, Mapping)):
                yield at, value
            else:
                yield from _undeclared(at, below, declared, value)
    elif isinstance(live, list):
        by_keys = keyed(path, live, wanted if isinstance(wanted, list | tuple) else ())
        if by_keys is None:
            return  # a list as a whole: compared as one
        for item, below in items_of(fields, live):
            step = key_of_item(path, live, item)
            if step in by_keys[1]:
                yield from _undeclared((*path, step), below, by_keys[1][step], item)
            else:
                yield (*path, step), item


def _everything(value: Value, path: Path = ()) -> dict[str, Any]:
    """Return a value as if somebody had written all of it: what is known where the managers are not."""
    if isinstance(value, Mapping):
        return {f"f:{key}": _everything(below, (*path, key)) for key, below in value.items()}
    if isinstance(value, list) and (by_keys := keyed(path, value)) is not None:
        return {f"k:{_json(dict(key), item)}": _everything(item, (*path, key)) for key, item in by_keys[0].items()}
    return {}


def _json(key: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    return json.dumps({name: item.get(name, value) for name, value in key.items()})


def _aligned(comparison: _Comparison, path: Path, wanted: Sequence[Value], live: Sequence[Value]) -> list[Value]:
    """Return the live items in the order of those that they are equal to; the others where they fit."""
    left, found = list(live), []
    for item in wanted:
        equal = [one for one in left if not any(True for _ in comparison.declared((*path, 0), item, one))]
        found.append((equal or left)[0])
        left.remove(found[-1])
    return found


def _more(path: Path, wanted: Value, live: Value) -> bool:
    """Say whether a value has more in it than was declared and than the API server fills in."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        known = {key for key, below in wanted.items() if below is not None}
        return any(
            _more((*path, key), wanted[key], below) if key in known else not is_default((*path, key), below)
            for key, below in live.items()
        )
    if isinstance(wanted, list | tuple) and isinstance(live, list) and len(wanted) == len(live):
        return any(_more(path, one, other) for one, other in zip(wanted, live, strict=True))
    return False
