"""Shows the children while an operation runs: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import IO, TYPE_CHECKING, Protocol

from app_of_apps.deploy.progress import Doing, Row
from app_of_apps.deploy.report import duration
from app_of_apps.progress_events import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.live import Live
    from rich.table import Table

    from app_of_apps.release.model import Release


class View(Protocol):
    """Where progress goes."""

    def show(self, rows: tuple[Row, ...]) -> None:
        """Show how all children stand now."""

    def say(self, text: str) -> None:
        """Show a line."""


class Lines:
    """One line for each change of a child, with the time since the start; for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        """Start the clock."""
        self._stream, self._start = stream, time.monotonic()
        self._known: dict[str, str] = {}

    def show(self, rows: tuple[Row, ...]) -> None:
        """Write the children whose state is another one than before."""
        for row in rows:
            if self._known.get(row.child) == row.key or (row.doing is Doing.WAITING and row.text == "not begun"):
                continue
            self._known[row.child] = row.key
            self._line(f"{row.child}: {_without_time(row)}")

    def say(self, text: str) -> None:
        """Write a line."""
        self._line(text)

    def _line(self, text: str) -> None:
        self._stream.write(f"{duration(time.monotonic() - self._start):>6}  {text}\n")
        self._stream.flush()


class Events:
    """What ``app_of_apps.progress_events`` says, beside another view."""

    def __init__(self, view: View, stream: IO[str]) -> None:
        """Write to a stream; what another view shows stays as it is."""
        self._view, self._stream = view, stream
        self._known: dict[str, str] = {}

    def show(self, rows: tuple[Row, ...]) -> None:
        """Write the children whose state is another one than before."""
        for row in rows:
            if self._known.get(row.child) != row.key:
                self._known[row.child] = row.key
                told = {"child": row.child, "team": row.team, "doing": str(row.doing), "text": _without_time(row)}
                self._write({"kind": "child", **told})
        self._view.show(rows)

    def say(self, text: str) -> None:
        """Show a line; it goes the way that lines go."""
        self._view.say(text)

    def _write(self, told: dict[str, str]) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more
            self._stream.write(json.dumps(told) + "\n")
            self._stream.flush()


class Screen:
    """A table that is drawn anew in place; for terminals."""

    def __init__(self, live: Live) -> None:
        """Draw on a running live display."""
        self._live = live

    def show(self, rows: tuple[Row, ...]) -> None:
        """Draw all children."""
        self._live.update(_table(rows), refresh=True)

    def say(self, text: str) -> None:
        """Write a line above the table."""
        self._live.console.print(text, markup=False, highlight=False)


@contextlib.contextmanager
def view(operation: str, release: Release, stream: IO[str]) -> Iterator[View]:
    """Give the view that fits the stream, with a first line that says what begins."""
    head = f"{operation} of {release.parent} in {release.environment}: {len(release.children)} children"
    if not stream.isatty():
        lines = Lines(stream)
        lines.say(head)
        with _beside(lines) as found:
            yield found
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, highlight=False)
    console.print(head, markup=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Screen(live)


@contextlib.contextmanager
def _beside(view: View) -> Iterator[View]:
    """Give a view that also tells the process that started this one, where it has asked for that."""
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        yield view
        return
    with os.fdopen(int(number), "w", closefd=False) as stream:
        yield Events(view, stream)
    os.environ[VARIABLE] = number  # for an operation that follows, such as a rollback


def _without_time(row: Row) -> str:
    """Return what a row says without how long it has taken: a line stands for the moment in which it was written."""
    if row.doing is not Doing.WORKING:
        return row.text
    if row.key == "working":
        return "begins"
    what, _, rest = row.text.partition(", ")
    return f"{what}:{rest.partition(':')[2]}" if ":" in row.key else what


_MARKS = {
    Doing.WAITING: ("·", "dim"),
    Doing.WORKING: ("▸", "cyan"),
    Doing.DONE: ("✓", "green"),
    Doing.FAILED: ("✗", "red"),
    Doing.BLOCKED: ("■", "yellow"),
}


def _table(rows: tuple[Row, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        mark, style = _MARKS[row.doing]
        table.add_row(Text(mark, style), row.child, Text(row.team, "dim"), Text(row.text, style))
    return table
