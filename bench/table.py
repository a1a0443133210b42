"""The table, for the screen and for docs/benchmarks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.measure import Result, Row

HEADER = ("what", "best of", "seconds", "compared with", "seconds", "ratio", "promise", "")


def cells(row: Row) -> tuple[str, ...]:
    """The texts of one line."""
    met = {True: "met", False: "missed", None: ""}[row.met]
    baseline = "" if row.baseline_seconds is None else f"{row.baseline_seconds:.2f}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}×"
    return (row.name, str(row.runs), f"{row.seconds:.2f}", row.baseline, baseline, ratio, row.limit, met)


def plain(results: Iterable[Result]) -> str:
    """One table for the terminal, notes below it."""
    every = list(results)
    lines = [HEADER, *(cells(row) for result in every for row in result.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join([*text, "", *(f"{result.title}: {note}" for result in every for note in result.notes)])


def markdown(result: Result, machine: Mapping[str, str]) -> str:
    """One measurement for the document: its table, what has to be said about it, when and on what it was taken."""
    rows: Sequence[str] = [_line(cells(row)) for row in result.rows]
    head = [_line(HEADER), _line(["---"] * len(HEADER))]
    facts = "; ".join(f"{name}: {value}" for name, value in machine.items())
    return "\n".join([*head, *rows, "", *result.notes, "", f"*{facts}*"])


def marks(name: str) -> tuple[str, str]:
    """The lines of the document between which a measurement's figures stand."""
    return f"<!-- figures of {name}: written by `make bench` -->", f"<!-- end of figures of {name} -->"


def replaced(document: str, name: str, figures: str) -> str:
    """The document with new figures of one measurement; raises ValueError when it has no place for them."""
    start, end = marks(name)
    before, found_start, rest = document.partition(start)
    _, found_end, after = rest.partition(end)
    if not found_start or not found_end:
        message = f"the document needs the lines {start} and {end}"
        raise ValueError(message)
    return f"{before}{start}\n\n{figures}\n\n{end}{after}"


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |"
