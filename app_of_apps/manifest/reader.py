"""One pass of libyaml's events over a text: plain values, their places, and what is wrong with them."""

# ruff: noqa: ANN401 - libyaml's events and the values in a YAML file are of any type
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs leave it out
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from app_of_apps.errors import Position, Problem
from app_of_apps.manifest.positions import Loc, Place, PositionIndex, Positions, path, shortened
from app_of_apps.manifest.scalars import Ambiguity, described, resolve_plain

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 64
MAX_NODES = 100_000


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as plain Python, and where everything in it stands."""

    data: Any
    positions: Positions


@dataclass(slots=True)
class Parsed:
    """What could be read of a file, and what is wrong with it.

    ``spoilt`` are paths (within the document of that index) whose value is a guess because of a problem reported
    already: later checks say nothing more about them.
    """

    file: str
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[tuple[int, Loc]] = field(default_factory=set)


class GiveUp(Exception):
    """The rest of the file cannot be read; a problem says why."""


@dataclass(slots=True)
class _Anchor:
    value: Any
    place: Place
    size: int


class Reader:
    """One pass over the events of a text."""

    def __init__(self, text: str, parsed: Parsed) -> None:
        """Prepare to read a text into ``parsed``."""
        self._next: Callable[[], Any] = CParser(text).get_event
        self._parsed = parsed
        self._lines = tuple(text.split("\n"))
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = 0
        self._loc: list[str | int] = []

    def read(self, *, several: bool) -> None:
        """Read the stream's documents into ``parsed``."""
        next_event = self._next
        next_event()
        while not isinstance(event := next_event(), StreamEndEvent):
            if not isinstance(event, DocumentStartEvent):
                continue
            if self._parsed.documents and not several:
                self._problem(event.start_mark, "a second document begins here", "keep one document in this file")
                raise GiveUp
            self._anchors.clear()
            value, place = self._node(next_event())
            if value is not None or not several:
                positions = PositionIndex(self._parsed.file, place, self._lines)
                self._parsed.documents.append(Document(value, positions))
            next_event()

    def _node(self, event: Any) -> tuple[Any, Place]:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._problem(event.start_mark, f"more than {MAX_NODES:,} values in one file", "split it")
            raise GiveUp
        if kind is ScalarEvent:
            value: Any = self._scalar(event)
            start, end = event.start_mark, event.end_mark
            after = (start.line, start.column) if event.style in {"|", ">"} else (end.line, end.column)
            place = Place(start.line, start.column, after)
            if event.anchor:
                self._anchors[event.anchor] = _Anchor(value, place, 1)
            return value, place
        if len(self._loc) >= MAX_DEPTH:
            self._problem(event.start_mark, f"nested more than {MAX_DEPTH} levels deep", "")
            raise GiveUp
        if event.tag:
            self._tag(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        before = self._nodes
        value, place = self._mapping(event) if kind is MappingStartEvent else self._sequence(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(value, place, self._nodes - before + 1)
        return value, place

    def _mapping(self, start: Any) -> tuple[dict[str, Any], Place]:
        result: dict[str, Any] = {}
        below: dict[str, tuple[int, int, Place]] = {}
        mark, loc, next_event = start.start_mark, self._loc, self._next
        while type(event := next_event()) is not MappingEndEvent:
            key_mark = event.start_mark
            key = self._key(event)
            loc.append(key if key is not None else "?")
            value, place = self._node(next_event())
            if key is None:
                pass
            elif key in result:
                first = below[key][0] + 1
                hint = f"it is first set in line {first}; keep one of the two"
                self._problem(key_mark, f"the key `{shortened(key)}` is set twice", hint)
            else:
                result[key] = value
                below[key] = (key_mark.line, key_mark.column, place)
            loc.pop()
        return result, Place(mark.line, mark.column, (mark.line, mark.column), below)

    def _sequence(self, start: Any) -> tuple[list[Any], Place]:
        result: list[Any] = []
        below: list[Place] = []
        mark, loc, next_event = start.start_mark, self._loc, self._next
        while type(event := next_event()) is not SequenceEndEvent:
            loc.append(len(result))
            value, place = self._node(event)
            loc.pop()
            result.append(value)
            below.append(place)
        return result, Place(mark.line, mark.column, (mark.line, mark.column), below)

    def _key(self, event: Any) -> str | None:
        """Return a mapping's key, or None (and a problem) when it is none that JSON could hold."""
        self._nodes += 1
        if not isinstance(event, ScalarEvent):
            self._problem(event.start_mark, "a key must be text", "write a plain name before the `:`", spoils=())
            raise GiveUp
        key = str(event.value)
        if event.anchor:
            marks: Any = event
            start, end = marks.start_mark, marks.end_mark
            place = Place(start.line, start.column, (end.line, end.column))
            self._anchors[event.anchor] = _Anchor(key, place, 1)
        if event.tag:
            self._tag(event, spoils=(key,))
        elif event.implicit[0]:
            if key == "<<":
                hint = "repeat the keys, or share them by a template or a shared set"
                self._problem(event.start_mark, "merge keys (`<<`) are no part of YAML 1.2", hint, spoils=())
                return None
            meaning = resolve_plain(key)
            if isinstance(meaning, Ambiguity):
                self._problem(event.start_mark, f"as a key: {meaning.message}", "put the key in quotes", spoils=(key,))
            elif not isinstance(meaning, str):
                what = f"a key must be text, not {described(meaning)}"
                self._problem(event.start_mark, what, "put the key in quotes", spoils=(key,))
        return key

    def _scalar(self, event: Any) -> Any:
        if event.tag:
            self._tag(event)
            return event.value
        if not event.implicit[0]:
            return event.value
        meaning = resolve_plain(event.value)
        if isinstance(meaning, Ambiguity):
            self._problem(event.start_mark, meaning.message, meaning.hint)
            return event.value
        return meaning

    def _tag(self, event: Any, spoils: Loc | None = None) -> None:
        hint = "remove the tag; put text in quotes"
        self._problem(event.start_mark, "YAML tags (`!…`) are not read", hint, spoils=spoils)

    def _alias(self, event: Any) -> tuple[Any, Place]:
        if event.anchor not in self._anchors:
            hint = "put text that begins with `*` in quotes"
            self._problem(event.start_mark, "the alias names an anchor that is not defined above it", hint)
            return None, Place(event.start_mark.line, event.start_mark.column, (0, 0))
        anchor = self._anchors[event.anchor]
        if anchor is None:
            self._problem(event.start_mark, "the anchor contains itself", "write the value out")
            raise GiveUp
        self._nodes += anchor.size
        if self._nodes > MAX_NODES:
            self._problem(event.start_mark, f"the anchors expand to more than {MAX_NODES:,} values", "write them out")
            raise GiveUp
        mark, end = event.start_mark, event.end_mark
        place = Place(mark.line, mark.column, (end.line, end.column), anchor.place.below)
        if len(self._loc) + _depth(anchor.value) > MAX_DEPTH:
            self._problem(mark, f"nested more than {MAX_DEPTH} levels deep", "write the value out")
            raise GiveUp
        return _copied(anchor.value), place

    def _problem(self, mark: Any, message: str, hint: str, spoils: Loc | None = None) -> None:
        """Note a problem. ``spoils`` is the path below the current one that it makes worthless; None: this one."""
        position = Position(self._parsed.file, mark.line + 1, mark.column + 1)
        loc = (*self._loc, *(spoils or ()))
        self._parsed.problems.append(Problem(position, path(loc), message, hint))
        if spoils != ():
            self._parsed.spoilt.add((len(self._parsed.documents), loc))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_copied(below) for below in value]
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
