"""``aoa history``: who changed what in an environment, who approved it, and how it ended."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app_of_apps.environment.settings import Environment
    from app_of_apps.evidence.attempts import Approver, Attempt
    from app_of_apps.evidence.reading import Reading

EPILOG = (
    'Examples: [bold]aoa history prod --on "last tuesday"[/bold] · '
    '[bold]aoa history prod --since "3 days ago" --child orders[/bold] · '
    "[bold]aoa history prod --since 2026-10 --until 2026-12 -o json[/bold]"
)
HISTORY_FORMAT = "app-of-apps/history/v1"
_BROKEN = 1
_HEADINGS = ("WHEN", "NO", "WHAT", "CHANGES", "RUN BY", "APPROVED BY", "RESULT")
_NOTHING = "–"
_PARENT = "(parent)"
_LONGEST = 72
_MINUTE = 60


class HistoryFormat(StrEnum):
    """How the history is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def history(
    env: EnvironmentArgument,
    *,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="From then on: a date, 'last tuesday', 2h.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Up to then, that day included.")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="That day, week or month alone.")] = None,
    child: Annotated[str | None, typer.Option("--child", metavar="CHILD", help="Only what touched it.")] = None,
    output: Annotated[HistoryFormat, typer.Option("--output", "-o", help="How to write it.")] = HistoryFormat.TABLE,
    project: Project = None,
) -> None:
    """Show what was done in an environment: when, what changed, who ran it, who approved it, and the result.

    Reads the chain of evidence in the cluster, and checks signatures and links while reading. Times are those of this
    machine's zone; an attempt belongs to a time when any part of it does.

    Exit code 0: done, 1: the chain is not as it was signed, 2: invalid input, 3: not the environment that its file
    names, 4: the cluster does not answer.
    """
    from app_of_apps.cli.output import answer, answer_json, answer_yaml, note
    from app_of_apps.evidence.attempts import attempts, between
    from app_of_apps.evidence.reading import read_chain

    start, end = chosen_time(since=since, until=until, on=on)
    settings, parent = settings_of(env, project)
    reading = read_chain(settings, parent, os.environ)
    found = between(attempts(reading.records), start, end)
    if child is not None:
        found = tuple(each for each in found if each.touches(child))
    if output is HistoryFormat.TABLE:
        answer(_table(found) if found else _nothing(reading, child))
        for line in standing_lines(reading, env):
            note(line)
    else:
        shape = {
            "format": HISTORY_FORMAT,
            "parent": parent,
            "environment": env,
            "since": iso(start),
            "until": iso(end),
            "chain": chain_shape(reading),
            "attempts": [_shape(each) for each in found],
        }
        (answer_json if output is HistoryFormat.JSON else answer_yaml)(shape)
    if reading.findings:
        raise typer.Exit(_BROKEN)


def settings_of(env: str, project: Path | None) -> tuple[Environment, str]:
    """Return the settings of an environment and the parent's name; raises InvalidInput when they cannot be read."""
    from app_of_apps.environment.load import load_environment
    from app_of_apps.manifest.load import load_manifest
    from app_of_apps.release.project import PARENT_FILE, chosen_environments, find_project

    folder = find_project(project)
    chosen_environments(folder, [env])
    return load_environment(env, folder).settings, load_manifest(folder / PARENT_FILE).parent.name


def chosen_time(
    *, since: str | None, until: str | None, on: str | None = None, names: tuple[str, str] = ("--since", "--until")
) -> tuple[datetime | None, datetime | None]:
    """Return where a time begins and ends; raises InvalidInput for each option that is no date, or that contradicts."""
    from app_of_apps.cli.moments import Period, period
    from app_of_apps.errors import InvalidInput, Position, Problem

    now = datetime.now(UTC)
    problems: list[Problem] = []

    def read(option: str, text: str | None) -> Period | None:
        try:
            return None if text is None else period(text, now)
        except ValueError as error:
            problems.append(Problem(Position(option), "", f"{text!r} {error}"))
            return None

    first, last, only = read(names[0], since), read(names[1], until), read("--on", on)
    if on is not None and (since is not None or until is not None):
        problems.append(Problem(Position("--on"), "", f"means both ends; leave out {names[0]} and {names[1]}"))
    start, end = first.start if first else None, last.end if last else None
    if only:
        start, end = only.start, only.end
    if only and only.start == only.end:
        problems.append(Problem(Position("--on"), "", "is a point in time; name a day, a week or a month"))
    elif start is not None and end is not None and end <= start:
        problems.append(Problem(Position(names[1]), "", f"lies before {names[0]}"))
    if problems:
        raise InvalidInput(problems)
    return start, end


def standing_lines(reading: Reading, env: str) -> list[str]:
    """Return what is to be said about the chain itself: whole or not, and what was not checked."""
    count = len(reading.kept)
    records = f"{count} record{'s' if count != 1 else ''}"
    clean = cleaner()
    if reading.findings:
        heading = f"The chain of {env} ({records}) is NOT as it was signed:"
        return [heading, *(f"  {clean(str(each))}" for each in reading.findings), *map(clean, reading.notes)]
    if not count:
        return [*map(clean, reading.notes)]
    signed = f", signed with {', '.join(sorted({one.key for one in reading.kept}))}" if reading.keys else ""
    anchored = f", up to the anchor in Vault at record {reading.anchor.sequence}" if reading.anchor else ""
    return [f"The chain of {env} is whole: {records}{clean(signed)}{anchored}.", *map(clean, reading.notes)]


def cleaner() -> Callable[[str], str]:
    """Return what makes text of others fit for one line of a terminal, without credentials."""
    from app_of_apps.deploy.redact import Redactor, one_line

    redact = Redactor()
    return lambda text: one_line(redact(text))


def chain_shape(reading: Reading) -> dict[str, Any]:
    """Return what is to be said about the chain as plain data."""
    return {
        "records": len(reading.kept),
        "whole": not reading.findings,
        "signaturesChecked": bool(reading.keys),
        "anchor": reading.anchor.sequence if reading.anchor else None,
        "findings": [{"subject": one.subject, "kind": one.kind, "words": one.words} for one in reading.findings],
        "notes": list(reading.notes),
    }


def _nothing(reading: Reading, child: str | None) -> str:
    from app_of_apps.release.findings import did_you_mean

    known = {change.child for record in reading.records for change in record.changes if change.child}
    if child is None or child in known:
        return "Nothing happened in this time."
    return f"No record speaks of {child}. {did_you_mean(child, known)}".strip()


def _table(found: Sequence[Attempt]) -> str:
    """Return plain aligned columns; what does not fit into one line goes on below, reasons stand at the end."""
    clean = cleaner()
    rows = [[[heading] for heading in _HEADINGS]]
    rows += [[[clean(line) for line in cell] for cell in _cells(each)] for each in found]
    widths = [max(len(line) for row in rows for line in row[column]) for column in range(len(_HEADINGS))]
    lines = []
    for row in rows:
        for height in range(max(map(len, row))):
            cells = [cell[height] if height < len(cell) else "" for cell in row]
            lines.append("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())
    reasons = [f"{each.opening.sequence} {each.result}: {clean(each.reason)}" for each in found if each.reason]
    return "\n".join([*lines, *([""] if reasons else []), *reasons])


def _cells(each: Attempt) -> tuple[list[str], ...]:
    from app_of_apps.cli.moments import shown

    opening, ended = each.opening, each.ended
    when = [shown(each.started), *([f"to {shown(ended)}"] if ended else [])]
    what = [opening.operation, *([f"of release {opening.rollback_of}"] if opening.rollback_of is not None else [])]
    changes = [
        _cut(f"{change.child or _PARENT}: {word}")
        for change in opening.changes
        for word in (change.words or (change.change,))
    ]
    approved = [_approved(one) for one in each.approvers]
    if each.break_glass is not None:
        approved.append(_cut(f"BREAK-GLASS {_approved(each.break_glass)}: {each.break_glass.reason}"))
    result = each.result + (f" in {_duration(each.seconds)}" if each.seconds is not None else "")
    rest = (changes, [each.runner or "not known"], approved, [result])
    return (when, [str(opening.sequence)], what, *(cell or [_NOTHING] for cell in rest))


def _approved(one: Approver) -> str:
    return one.name if one.proven else f"{one.name} (NOT SIGNED BY THEM)"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def iso(moment: datetime | None) -> str | None:
    """Return a moment in this machine's zone as RFC 3339 spells it."""
    return None if moment is None else moment.astimezone().isoformat(timespec="seconds")


def _shape(each: Attempt) -> dict[str, Any]:
    opening, git = each.opening, each.opening.git
    return {
        "records": [record.sequence for record in each.records],
        "began": iso(each.started),
        "ended": iso(each.ended),
        "operation": opening.operation,
        "result": each.result,
        "reason": each.reason,
        "seconds": each.seconds,
        "runBy": each.runner or None,
        "front": opening.front,
        "release": opening.release.model_dump(mode="json", by_alias=True) if opening.release else None,
        "rollbackOf": opening.rollback_of,
        "commit": git.commit if git else None,
        "authors": list(git.authors) if git else [],
        "changes": [change.model_dump(mode="json", by_alias=True) for change in opening.changes],
        "approvals": [_approver_shape(one) for one in each.approvers],
        "breakGlass": _approver_shape(each.break_glass) if each.break_glass else None,
        "overrides": [override.model_dump(mode="json", by_alias=True) for override in opening.overrides],
    }


def _approver_shape(one: Approver) -> dict[str, Any]:
    return {
        "name": one.name,
        "entity": one.entity,
        "reason": one.reason,
        "issued": one.issued,
        "expires": one.expires,
        "proven": one.proven,
    }
