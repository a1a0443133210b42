"""The parts of a page, with values apart from our own words.

A `Value` is text of others; every form defuses it in its own way. A plain string in a line is ours, and is written as
it is: nothing that comes from a file, the cluster, Vault or the engine may be one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """Text of others."""

    text: str


Piece = str | Value


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list; ``level`` is how deep it stands, from 0."""

    pieces: tuple[Piece, ...]
    level: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Details that can be folded, and left out where there is no room."""

    title: tuple[Piece, ...]
    rows: tuple[Row, ...]
    importance: int
    """What is least important is left out first."""
    unfolded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Everything there is to read about one environment."""

    parent: str
    environment: str
    title: tuple[Piece, ...]
    facts: tuple[Row, ...]
    """Release, gate, confidence."""
    children: tuple[Row, ...]
    """One line for each child that is touched."""
    sections: tuple[Section, ...]
