"""Where each value of a YAML document stands in its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from app_of_apps.errors import Position

if TYPE_CHECKING:
    from collections.abc import Iterable

Loc = tuple[str | int, ...]
"""A key's path: names of mapping keys and indices of list entries, such as ``("ports", 0, "port")``."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,39}")
_LONGEST_KEY = 60
_LONGEST_PATH = 240


class Place(NamedTuple):
    """One node: where it begins, where a comment behind it would begin, and what is below it (lines count from 0)."""

    line: int
    column: int
    after: tuple[int, int]
    below: dict[str, tuple[int, int, Place]] | list[Place] | None = None


def path(loc: Iterable[str | int]) -> str:
    """Write a key's path the way people do: ``ports[0].port``, ``labels["example.com/tier"]``."""
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step) and len(step) <= _LONGEST_KEY:
            text += f".{step}" if text else step
        else:
            text += f'["{shortened(step)}"]'
    return text if len(text) <= _LONGEST_PATH else f"{text[:_LONGEST_PATH]}…"


def called(name: str) -> str:
    """Return a reference's name in backquotes, or no more than that it is one: what is no name may be a secret."""
    return f"`{name}`" if _NAME.fullmatch(name) else "of this name"


def shortened(name: str) -> str:
    """Return a name that is fit for one line of a message."""
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable if len(printable) <= _LONGEST_KEY else f"{printable[: _LONGEST_KEY - 1]}…"


class Positions(Protocol):
    """Where the values of a document stand, in one file or in several that were laid over each other."""

    def at(self, loc: Loc) -> Position:
        """Return where the value of a path begins."""

    def key_at(self, loc: Loc) -> Position:
        """Return where the key of a path stands."""

    def known(self, loc: Loc) -> int:
        """Return how many steps of a path exist."""

    def behind(self, loc: Loc) -> str:
        """Return what stands behind a value on its line."""


@dataclass(frozen=True, slots=True)
class PositionIndex:
    """Positions of one document. A path that leads nowhere gives the place of its nearest ancestor that is there."""

    file: str
    root: Place
    lines: tuple[str, ...] = ()

    def at(self, loc: Loc) -> Position:
        """Return where the value of a path begins."""
        place = self._walk(loc)[1]
        return Position(self.file, place.line + 1, place.column + 1)

    def key_at(self, loc: Loc) -> Position:
        """Return where the key of a path stands; for a list's entry and for the document, where the value begins."""
        key, place = self._walk(loc)
        line, column = key or (place.line, place.column)
        return Position(self.file, line + 1, column + 1)

    def known(self, loc: Loc) -> int:
        """Return how many steps of a path exist in the document."""
        place = self.root
        for count, step in enumerate(loc):
            below = _step(place, step)
            if below is None:
                return count
            place = below[1]
        return len(loc)

    def behind(self, loc: Loc) -> str:
        """Return what stands behind a value on its line: the place of a comment that speaks of it."""
        line, column = self._walk(loc)[1].after
        return self.lines[line][column:].rstrip("\r") if line < len(self.lines) else ""

    def _walk(self, loc: Loc) -> tuple[tuple[int, int] | None, Place]:
        key: tuple[int, int] | None = None
        place = self.root
        for step in loc:
            below = _step(place, step)
            if below is None:
                break
            key, place = below
        return key, place


def _step(place: Place, step: str | int) -> tuple[tuple[int, int] | None, Place] | None:
    if isinstance(place.below, dict):
        found = place.below.get(step) if isinstance(step, str) else None
        return None if found is None else ((found[0], found[1]), found[2])
    if isinstance(place.below, list) and isinstance(step, int) and 0 <= step < len(place.below):
        return None, place.below[step]
    return None
