"""What belongs to one environment belongs to no other: the files of a project are compared with each other.

A stack file that was copied and half changed is the commonest way into the wrong environment, and no cluster is needed
to find it. Of the other environments no more is read than this comparison needs; whether they are valid is their own
business.
"""

# ruff: noqa: ANN401 - the values in a YAML file are of any type
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_of_apps.environment.layers import IN_STACK_FILE, LayeredPositions
from app_of_apps.errors import InvalidInput, Problem
from app_of_apps.manifest.positions import path
from app_of_apps.manifest.source import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.reader import Document

_CLUSTER = ("context", "server", "uid")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another environment of the project: its value, overlay included, unjudged."""

    name: str
    value: Mapping[str, Any]
    positions: LayeredPositions

    def texts(self) -> Iterator[tuple[str, Loc]]:
        """Yield each text that belongs to this environment alone, and where it is said."""
        found = _below(self.value, "lane", "texts")
        for index, text in enumerate(found if isinstance(found, list) else ()):
            if isinstance(text, str) and text:
                yield text, ("lane", "texts", index)


def neighbours(name: str, names: Iterable[str], project: Path, overlay: Path | None) -> tuple[Neighbour, ...]:
    """Return the environments among ``names`` that are not ``name`` and can be read, in their order."""
    found = []
    for other in names:
        stack = None if other == name else _document(project / f"Pulumi.{other}.yaml")
        value = None if stack is None else _below(stack.data, *map(str, IN_STACK_FILE))
        if stack is None or not isinstance(value, dict):
            continue
        added = None if overlay is None else _document(overlay / f"{other}.yaml")
        positions = LayeredPositions(stack.positions, None if added is None else added.positions)
        found.append(Neighbour(other, value if added is None else _merged(value, added.data), positions))
    return tuple(found)


def shared_with(others: Iterable[Neighbour], value: Mapping[str, Any], own: LayeredPositions) -> list[Problem]:
    """Return a problem for each thing of this environment that another one claims too, with both places."""
    problems = []
    mine = dict(_claims(value))
    for other in others:
        elsewhere = _other_vault(value, other.value)
        theirs = {claim: loc for loc, claim in _claims(other.value)}
        for loc, claim in mine.items():
            if claim in theirs and not (elsewhere and claim[0] in {"auth", "mount"}):
                what = f"{claim[-1]} is that of {other.name} too ({other.positions.at(theirs[claim])})"
                hint = "each environment has a cluster and a scope in Vault of its own: correct the one that is wrong"
                problems.append(Problem(own.at(loc), path(loc), what, hint))
    return problems


def _claims(value: Mapping[str, Any]) -> Iterator[tuple[Loc, tuple[str, ...]]]:
    """Yield what an environment claims for itself: where it says so, and in which space which name."""
    for key in _CLUSTER:
        found = _below(value, "cluster", key)
        if isinstance(found, str):
            yield ("cluster", key), ("cluster", key, found.rstrip("/"))
    scope = str(_below(value, "vault", "namespace") or "")
    mounts = _below(value, "vault", "mounts")
    for loc, mount in _texts(mounts, ("vault", "mounts")):
        yield loc, ("auth" if loc[-1] == "jwt" else "mount", scope, mount)
    people = _below(value, "identity", "oidcMount")
    if isinstance(people, str):
        yield ("identity", "oidcMount"), ("auth", scope, people)


def _other_vault(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether both name a Vault and not the same: an address that is not known yet is no difference."""
    mine, theirs = _below(one, "vault", "address"), _below(other, "vault", "address")
    return isinstance(mine, str) and isinstance(theirs, str) and mine.rstrip("/") != theirs.rstrip("/")


def _texts(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(below, (*loc, key))


def _below(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _merged(base: Any, added: Any) -> Any:
    if isinstance(base, dict) and isinstance(added, dict):
        return {**base, **{key: _merged(base[key], below) if key in base else below for key, below in added.items()}}
    return base


def _document(file: Path) -> Document | None:
    try:
        parsed = parse(read_text(file, str(file)), str(file)) if file.exists() else None
    except InvalidInput:
        return None
    return parsed.documents[0] if parsed is not None and parsed.documents else None
