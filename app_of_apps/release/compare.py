"""Say what distinguishes two releases, child by child and field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app_of_apps.manifest.positions import path
from app_of_apps.release.content import release_content, resolved_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.model import Release, ResolvedChild

_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field with two values; None stands for absent. The values are plain JSON and never secret ones."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Write the change in words: ``version 1.13.2 → 1.14.0``, ``spec.config.own.MODE added (live)``."""
        if self.before is None:
            return f"{self.path} added ({shown(self.after)})"
        if self.after is None:
            return f"{self.path} removed (was {shown(self.before)})"
        return f"{self.path} {shown(self.before)} → {shown(self.after)}"


@dataclass(frozen=True, slots=True)
class ChildChange:
    """What happened to one child; ``fields`` are those of a changed one."""

    name: str
    change: Literal["added", "removed", "changed"]
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that distinguishes two releases; both parts are empty where the content is the same."""

    release: tuple[FieldChange, ...]
    """Differences outside the children: parent's labels, teams, scope in Vault, version of the program."""
    children: tuple[ChildChange, ...]
    """Sorted by name."""

    def __bool__(self) -> bool:
        """Say whether there is any difference."""
        return bool(self.release or self.children)


def compare(before: Release, after: Release) -> Comparison:
    """Return what changes from ``before`` to ``after``. Children are matched by name, and by digest without a look."""
    old = {child.name: child for child in before.children}
    new = {child.name: child for child in after.children}
    return Comparison(
        release=differences(release_content(before), release_content(after)),
        children=tuple(
            change for name in sorted(old.keys() | new.keys()) if (change := _child(name, old.get(name), new.get(name)))
        ),
    )


def differences(before: Any, after: Any) -> tuple[FieldChange, ...]:  # noqa: ANN401 - JSON values
    """Return the fields in which two pieces of plain data differ, in order of their paths."""
    return tuple(_differences((), before, after))


def _child(name: str, before: ResolvedChild | None, after: ResolvedChild | None) -> ChildChange | None:
    if before is None:
        return ChildChange(name, "added")
    if after is None:
        return ChildChange(name, "removed")
    if before.digest == after.digest:
        return None
    return ChildChange(name, "changed", differences(resolved_content(before), resolved_content(after)))


def _differences(at: Loc, before: Any, after: Any) -> Iterator[FieldChange]:  # noqa: ANN401 - JSON values
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _differences((*at, name), before.get(name), after.get(name))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences((*at, index), old, new)
    elif before != after:
        yield FieldChange(path(at), before, after)


def shown(value: Any) -> str:  # noqa: ANN401 - JSON values
    """Write a value in one line, shortened where it is long."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
