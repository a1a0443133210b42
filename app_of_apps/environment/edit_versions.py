"""Changing versions in the text of a stack file, by position: everything else stays, byte for byte.

A YAML library that writes what it has read would move comments, blanks and quotes. Here only the characters of a value
are replaced, and the result is read again: what it says must be what the file said, with exactly these versions.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.environment.layers import IN_STACK_FILE
from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.positions import path
from app_of_apps.manifest.scalars import resolve_plain
from app_of_apps.manifest.source import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.reader import Document

_VERSIONS: Final[Loc] = (*IN_STACK_FILE, "versions")
_QUOTES: Final = ("'", '"')
_ANCHOR: Final = re.compile(r"&\S+\s+")


@dataclass(frozen=True, slots=True)
class _Edit:
    """Characters of one line (both from 0) and what takes their place."""

    line: int
    start: int
    end: int
    text: str


def with_versions(text: str, file: str, wanted: Mapping[str, str]) -> str:
    """Return the text of a stack file with these versions (child → version) and nothing else changed.

    A value keeps its quotes, and gets some where it could be read as anything but text; a child without a version gets
    one behind the last. ``file`` is the name that problems carry. Raises InvalidInput when the text cannot be read,
    when a version does not stand alone on a line, or when changing it would change something else too (an anchor).
    """
    document = _document(text, file)
    lines = text.split("\n")
    present = _at(document.data, _VERSIONS)
    if not isinstance(present, dict):
        hint = "write it as a mapping, one line per child: `<child>: <version>`"
        raise InvalidInput([Problem(document.positions.at(_VERSIONS), path(_VERSIONS), "has no versions yet", hint)])
    flow = any(_char(lines, document.positions.at(_VERSIONS[:depth])) == "{" for depth in range(len(_VERSIONS) + 1))
    edits = []
    for child in (name for name in wanted if name in present):
        old = _token(document, lines, child)
        edits.append(_Edit(old.line, old.start, old.end, _scalar(old.text[:1], wanted[child], flow=flow)))
    if missing := [name for name in wanted if name not in present]:
        edits.append(_added(document, lines, list(present), {name: wanted[name] for name in missing}, flow=flow))
    # From the end, so that positions before stay true. What is added behind a value comes first.
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.start), reverse=True):
        line = lines[edit.line]
        lines[edit.line] = line[: edit.start] + edit.text + line[edit.end :]
    result = "\n".join(lines)
    _check(document, result, file, wanted)
    return result


def _document(text: str, file: str) -> Document:
    parsed = parse(text, file)
    if not parsed.documents:
        raise InvalidInput(parsed.problems)
    return parsed.documents[0]


def _token(document: Document, lines: list[str], child: str) -> _Edit:
    """Return where the value of a version stands, and its text, without an anchor before it."""
    loc = (*_VERSIONS, child)
    position = document.positions.at(loc)
    line, start = position.line - 1, position.column - 1
    end = len(lines[line]) - len(document.positions.behind(loc))
    if anchor := _ANCHOR.match(lines[line], start, max(start, end)):
        start = anchor.end()
    if end <= start:
        what = "does not stand on the line of its key"
        raise InvalidInput([Problem(position, path(loc), what, f"write it as `{child}: <version>`")])
    return _Edit(line, start, end, lines[line][start:end])


def _scalar(like: str, value: str, *, flow: bool) -> str:
    """Return a value in the quotes of its predecessor, or in quotes where it needs some."""
    if like in _QUOTES:
        return f"{like}{value}{like}"
    # Old readers take a colon in a flow mapping for the end of a key.
    plain = isinstance(resolve_plain(value), str) and not value.startswith("@") and not (flow and ":" in value)
    return value if plain else f'"{value}"'


def _added(
    document: Document, lines: list[str], present: list[str], missing: Mapping[str, str], *, flow: bool
) -> _Edit:
    """Return the edit that adds entries behind the last one."""
    if not present:
        position = document.positions.at(_VERSIONS)
        what = "holds no version to put another one behind"
        raise InvalidInput([Problem(position, path(_VERSIONS), what, "add one line `<child>: <version>` by hand")])
    last = _token(document, lines, present[-1])
    key = document.positions.key_at((*_VERSIONS, present[-1]))
    quote = _char(lines, key)
    entries = [
        f"{_scalar(quote, name, flow=flow)}: {_scalar(last.text[:1], version, flow=flow)}"
        for name, version in missing.items()
    ]
    if flow:
        return _Edit(last.line, last.end, last.end, "".join(f", {entry}" for entry in entries))
    blank = lines[key.line - 1][: key.column - 1]
    at = len(lines[last.line])
    return _Edit(last.line, at, at, "".join(f"\n{blank}{entry}" for entry in entries))


def _check(document: Document, result: str, file: str, wanted: Mapping[str, str]) -> None:
    """Raise InvalidInput unless the result says the same as the document with the wanted versions, and no more."""
    expected = copy.deepcopy(document.data)
    _at(expected, _VERSIONS).update(wanted)
    parsed = parse(result, file)
    if not parsed.documents or parsed.documents[0].data != expected:
        hint = "write each version on the line of its child, without an anchor, or change the file by hand"
        what = "cannot be changed here without changing something else"
        raise InvalidInput([Problem(document.positions.at(_VERSIONS), path(_VERSIONS), what, hint)])


def _at(value: Any, loc: Loc) -> Any:  # noqa: ANN401 - what a YAML file holds
    for step in loc:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _char(lines: list[str], position: Position) -> str:
    """Return the character at a position."""
    return lines[position.line - 1][position.column - 1 : position.column]
