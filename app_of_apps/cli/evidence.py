"""``aoa evidence``: the chain of records, a bundle of it for auditors, and the check of such a bundle anywhere."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project, TextOrJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.environment.settings import Environment
    from app_of_apps.evidence.bundle import Statement
    from app_of_apps.evidence.chain import Signed
    from app_of_apps.evidence.reading import Reading
    from app_of_apps.evidence.verification import Verdict

EPILOGS = {
    "list": "Examples: [bold]aoa evidence list prod[/bold] · [bold]aoa evidence list prod --from yesterday[/bold]",
    "export": (
        "Examples: [bold]aoa evidence export prod --from 2026-10 --to 2026-12 -o q4.zip[/bold] · "
        "[bold]aoa evidence export prod[/bold]"
    ),
    "verify": (
        "Examples: [bold]aoa evidence verify q4.zip --keys keys.json[/bold] · "
        "[bold]aoa evidence verify q4.zip -o json[/bold]"
    ),
}
LIST_FORMAT = "app-of-apps/evidence-list/v1"
VERDICT_FORMAT = "app-of-apps/evidence-verdict/v1"
_BROKEN = 1
_DIGITS = 12

app = typer.Typer(
    name="evidence",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="List, export and verify the records of what was done.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="From then on: a date, 'last month', 3d.")]
_To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Up to then, that day or month included.")]
_Output = Annotated[TextOrJson, typer.Option("--output", "-o", help="How to write it.")]


@app.command("list", epilog=EPILOGS["list"])
def list_records(
    env: EnvironmentArgument,
    *,
    since: _From = None,
    until: _To = None,
    output: _Output = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """Show every record of an environment's chain: number, time, kind, result, who, and hash.

    Exit code 0: the chain is whole, 1: it is not as it was signed, 2: invalid input, 3: not the environment that its
    file names, 4: the cluster does not answer.
    """
    from app_of_apps.cli.history import chain_shape, standing_lines
    from app_of_apps.cli.output import answer, answer_json, note

    time = _time(since, until)
    _, parent, reading = _read(env, project)
    chosen = _chosen(reading, *time)
    if output is TextOrJson.JSON:
        answer_json(
            {
                "format": LIST_FORMAT,
                "parent": parent,
                "environment": env,
                "chain": chain_shape(reading),
                "records": [_shape(one) for one in chosen],
            }
        )
    else:
        answer(_table(chosen) if chosen else "There is no record of this time.")
        for line in standing_lines(reading, env):
            note(line)
    if reading.findings:
        raise typer.Exit(_BROKEN)


@app.command(epilog=EPILOGS["export"])
def export(
    env: EnvironmentArgument,
    *,
    since: _From = None,
    until: _To = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="BUNDLE", help="The file to write.  [default: evidence-<parent>-<env>-<day>.zip]"
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Write one file with the records of a time, signatures, public keys, and a page that auditors can read.

    The records are taken without a gap, with beginning and end of every attempt that reaches into the time. Where the
    token may use the environment's key, the manifest of the bundle is signed too. Nothing in the environment is
    changed. Exit code 0: written, 1: written, and the chain is not as it was signed, 2: invalid input or the file is
    there, 3: not the environment that its file names, 4: the cluster does not answer.
    """
    from app_of_apps.cli.history import standing_lines
    from app_of_apps.cli.output import answer, note
    from app_of_apps.evidence.bundle import bundle as make_bundle

    now = datetime.now(UTC)
    time = _time(since, until)
    settings, parent, reading = _read(env, project)
    chosen = _chosen(reading, *time)
    file = bundle or Path(f"evidence-{parent}-{env}-{now.astimezone():%Y-%m-%d}.zip")
    _refuse_existing(file)
    statement = _statement(env, parent, reading, chosen=chosen, now=now, time=time)
    content = make_bundle(statement, chosen, reading.keys, lambda manifest: _signature(settings, manifest))
    _write_new(file, content)
    answer(f"{file}: {len(chosen)} records of {parent} in {env}, {len(content)} bytes")
    for line in standing_lines(reading, env):
        note(line)
    if reading.findings:
        raise typer.Exit(_BROKEN)


@app.command(epilog=EPILOGS["verify"])
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What `aoa evidence export` wrote.")],
    *,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            metavar="FILE",
            help="Public keys that you got from somewhere else: JSON of Vault or of a bundle, or PEM.",
        ),
    ] = None,
    output: _Output = TextOrJson.TEXT,
) -> None:
    """Check a bundle with public keys alone, without a network, and name every record edited, dropped, moved or added.

    Without --keys the keys in the bundle are taken, which proves that nothing was changed since somebody signed it,
    and not who that was. Exit code 0: everything is as it was signed, 1: it is not, 2: the file is no bundle, or the
    keys cannot be read.
    """
    from app_of_apps.cli.output import answer, answer_json
    from app_of_apps.evidence.keys import read_keys
    from app_of_apps.evidence.verification import verify as verify_bundle

    verdict = verify_bundle(bundle, read_keys(keys) if keys else None)
    if output is TextOrJson.JSON:
        answer_json(_verdict_shape(verdict))
    else:
        answer("\n".join(_verdict_lines(bundle, verdict)))
    if verdict.findings:
        raise typer.Exit(_BROKEN)


def _time(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    from app_of_apps.cli.history import chosen_time

    return chosen_time(since=since, until=until, names=("--from", "--to"))


def _read(env: str, project: Path | None) -> tuple[Environment, str, Reading]:
    from app_of_apps.cli.history import settings_of
    from app_of_apps.evidence.reading import read_chain

    settings, parent = settings_of(env, project)
    return settings, parent, read_chain(settings, parent, os.environ)


def _chosen(reading: Reading, since: datetime | None, until: datetime | None) -> tuple[Signed, ...]:
    """Return what is kept of a time, with what cannot be read in between: it is evidence too."""
    from app_of_apps.evidence.bundle import selected

    numbers = {record.sequence for record in selected(reading.records, since, until)}
    places = [place for place, one in enumerate(reading.kept) if one.readable and one.record.sequence in numbers]
    return reading.kept[min(places) : max(places) + 1] if places else ()


def _statement(
    env: str,
    parent: str,
    reading: Reading,
    *,
    chosen: Sequence[Signed],
    now: datetime,
    time: tuple[datetime | None, datetime | None],
) -> Statement:
    from app_of_apps import __version__
    from app_of_apps.evidence.bundle import Asked, End, Statement, span
    from app_of_apps.evidence.keys import fingerprint

    newest = next((one for one in reversed(reading.kept) if one.readable), None)
    since, until = (None if each is None else _utc(each) for each in time)
    return Statement(
        parent=parent,
        environment=env,
        made=_utc(now),
        program=__version__,
        asked=Asked(since=since, until=until),
        range=span(chosen),
        head=End(sequence=newest.record.sequence, hash=newest.hash) if newest else None,
        anchor=End(sequence=reading.anchor.sequence, hash=reading.anchor.hash) if reading.anchor else None,
        keys={name: fingerprint(key) for name, key in sorted(reading.keys.items())},
        findings=tuple(map(str, reading.findings)),
        notes=reading.notes,
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(settings: Environment, manifest: bytes) -> tuple[str, str] | None:
    """Return signature and key; None, and a note, where this token may not sign."""
    from app_of_apps.cli.output import note
    from app_of_apps.errors import Unavailable
    from app_of_apps.evidence.journal import key_name
    from app_of_apps.evidence.vault import EvidenceVault

    try:
        with EvidenceVault(str(settings.vault.address), settings.vault.namespace, os.environ) as vault:
            return vault.sign(settings.evidence.mount, key_name(settings), manifest)
    except Unavailable:
        note(
            "The manifest of the bundle is not signed: this token may not use the environment's key. Every record is "
            "signed; that none is missing at the edges of the range is said by nobody but you."
        )
        return None


def _refuse_existing(file: Path) -> None:
    from app_of_apps.errors import InvalidInput, Position, Problem

    if file.exists():
        hint = "Evidence is not overwritten: move it away, or name another file with --output."
        raise InvalidInput([Problem(Position(str(file)), "", "is there already", hint)])


def _write_new(file: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all."""
    from app_of_apps.errors import InvalidInput, Position, Problem

    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.link(partial, file)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput([Problem(Position(str(file)), "", f"cannot be written: {reason}")]) from error
    finally:
        partial.unlink(missing_ok=True)


def _table(chosen: Sequence[Signed]) -> str:
    from app_of_apps.cli.history import cleaner
    from app_of_apps.cli.moments import shown
    from app_of_apps.evidence.attempts import moment, runner

    clean = cleaner()
    rows = [("NO", "TIME", "KIND", "OPERATION", "RESULT", "RUN BY", "HASH")]
    for one in chosen:
        digest = one.hash.removeprefix("sha256:")[:_DIGITS]
        if not one.readable:
            rows.append(("?", "", "no record", "", "", "", digest))
            continue
        record = one.record
        operation, person = clean(record.operation), clean(runner(record))
        time = shown(moment(record.time))
        rows.append((str(record.sequence), time, record.kind, operation, record.result or "", person, digest))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _shape(one: Signed) -> dict[str, Any]:
    return {"hash": one.hash, "key": one.key, "record": json.loads(one.text) if one.readable else None}


def _verdict_lines(bundle: Path, verdict: Verdict) -> list[str]:
    from app_of_apps.cli.history import cleaner

    clean = cleaner()
    about, span = verdict.about, verdict.about.range
    what = f"records {span.first} to {span.last}" if span else "no records"
    lines = [clean(f"{bundle}: {what} of {about.parent} in {about.environment}, exported {about.made}")]
    if verdict.findings:
        lines.append("NOT as it was signed:")
        lines += [f"  {clean(str(each))}" for each in verdict.findings]
    else:
        lines.append("Everything is as it was signed.")
    for name, fingerprints in verdict.keys.items():
        lines += [clean(f"key {name}: {fingerprint}") for fingerprint in fingerprints]
    lines += [clean(f"note: {each}") for each in verdict.notes]
    if not verdict.pinned:
        lines += [
            "",
            "ATTENTION: checked with the keys that came with the bundle.",
            "That proves that nothing was changed since somebody signed it, not who that was.",
            "Compare the fingerprints with those that you know, or give the environment's keys with --keys FILE.",
        ]
    return lines


def _verdict_shape(verdict: Verdict) -> dict[str, Any]:
    return {
        "format": VERDICT_FORMAT,
        "intact": not verdict.findings,
        "keysPinned": verdict.pinned,
        "about": verdict.about.model_dump(mode="json", by_alias=True),
        "findings": [{"subject": one.subject, "kind": one.kind, "words": one.words} for one in verdict.findings],
        "keys": {name: list(fingerprints) for name, fingerprints in verdict.keys.items()},
        "notes": list(verdict.notes),
    }
