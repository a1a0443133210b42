"""``aoa status``: every child of every environment in one table."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import Environments, Project, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group

    from app_of_apps.deploy.status import ChildStatus, EnvironmentStatus

EPILOG = (
    "Examples: [bold]aoa status[/bold] · [bold]aoa status prod --watch[/bold] · [bold]aoa status --output json[/bold]"
)
_UNHEALTHY, _UNREACHABLE = 1, 4
_NO_VALUE = "–"


class StatusFormat(StrEnum):
    """How the status is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def status(
    envs: Environments = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.5)] = 2.0,
    output: Annotated[StatusFormat, typer.Option("--output", "-o", help="How to write it.")] = StatusFormat.TABLE,
    server: Server = None,
    project: Project = None,
) -> None:
    """Show what runs in the clusters now: child, type, team, version, pods, age, and the last release.

    Reads the clusters of the kubeconfig's contexts and never writes. Exit code 0: all is well, 1: something is
    unhealthy or absent, 4: a cluster could not be read and nothing is known to be wrong elsewhere.
    """
    from app_of_apps.deploy.status import Standing, read_status
    from app_of_apps.release.project import find_project, load_world

    if server is not None:
        from app_of_apps.cli.remote import statuses

        def read() -> tuple[EnvironmentStatus, ...]:
            return statuses(server, envs)
    else:
        releases = tuple(load_world(find_project(project), envs).releases.values())

        def read() -> tuple[EnvironmentStatus, ...]:
            return read_status(releases)

    if watch:
        _watch(read, output, interval)
        return
    found = read()
    _write(found, output)
    if any(child.standing not in {Standing.HEALTHY, Standing.UNKNOWN} for one in found for child in one.children):
        raise typer.Exit(_UNHEALTHY)
    if any(one.error for one in found):
        raise typer.Exit(_UNREACHABLE)


def _watch(read, output: StatusFormat, interval: float) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    from app_of_apps.cli.output import console

    screen = console()
    if output is not StatusFormat.TABLE or not screen.is_terminal:
        while True:
            _write(read(), output)
            time.sleep(interval)
    from rich.live import Live

    with Live(table(read(), datetime.now(UTC)), console=screen, auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(interval)
            live.update(table(read(), datetime.now(UTC)), refresh=True)


def _write(found: Sequence[EnvironmentStatus], output: StatusFormat) -> None:
    from app_of_apps.cli.output import answer, answer_json, answer_yaml, console
    from app_of_apps.deploy.status import to_json

    if output is StatusFormat.JSON:
        answer_json(to_json(found))
    elif output is StatusFormat.YAML:
        answer_yaml(to_json(found))
    elif console().is_terminal:
        console().print(table(found, datetime.now(UTC)))
    else:
        answer(text(found, datetime.now(UTC)))


HEADINGS = ("ENV", "CHILD", "TYPE", "TEAM", "VERSION", "READY", "AGE", "STATE", "RELEASE", "")
_STATE = HEADINGS.index("STATE")


def cells(one: EnvironmentStatus, child: ChildStatus, now: datetime) -> tuple[str, ...]:
    """Return the cells of one child, in the order of HEADINGS."""
    from app_of_apps.deploy.report import short

    version = child.version or _NO_VALUE
    if child.wanted and child.version and child.wanted != child.version:
        version = f"{child.version} (wants {child.wanted})"
    elif child.wanted and not child.version:
        version = f"(wants {child.wanted})"
    ready = f"{child.ready}/{child.desired}" if child.desired is not None else _NO_VALUE
    age = _age(child.since, now)
    release = short(one.release) if one.release else _NO_VALUE
    message = child.message or ("" if child.current or not child.version else "content differs from the working tree")
    return (one.name, child.child, child.type, child.team, version, ready, age, str(child.standing), release, message)


def table(found: Sequence[EnvironmentStatus], now: datetime) -> Group:
    """Return the status as rich renders it on a terminal."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    colours = {"healthy": "green", "progressing": "yellow", "unhealthy": "red", "absent": "red", "unknown": "yellow"}
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS[:-1]:
        grid.add_column(heading, no_wrap=True)
    news: list[str] = []
    for one in found:
        for child in one.children:
            *row, message = (escape(cell) for cell in cells(one, child, now))
            colour = colours[str(child.standing)]
            row[_STATE] = f"[{colour}]{row[_STATE]}[/]"
            grid.add_row(*row)
            if message:
                news.append(f"[{colour}]{escape(child.child)} in {escape(one.name)}[/]: {message}")
        grid.add_section()
    # Below the table, where a sentence has the whole width.
    news += [f"[red]{escape(line)}[/]" for line in unreachable(found)]
    return Group(grid, "", *news) if news else Group(grid)


def text(found: Sequence[EnvironmentStatus], now: datetime) -> str:
    """Return the status as plain aligned columns, one line per child whatever the width."""
    rows = [HEADINGS, *(cells(one, child, now) for one in found for child in one.children)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *unreachable(found)])


def unreachable(found: Sequence[EnvironmentStatus]) -> tuple[str, ...]:
    """Return one line per environment whose cluster could not be read."""
    return tuple(f"{one.name}: not known: {one.error}" for one in found if one.error)


def _age(since: datetime | None, now: datetime) -> str:
    if since is None:
        return _NO_VALUE
    seconds = max(0, int((now - since).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
