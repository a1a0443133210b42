"""``aoa promote``: versions that were healthy in one environment go into the file of the next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import Project, Server, TextOrJson, complete_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from app_of_apps.cli.commit import Place
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.promotion import Below, Verdict

EPILOG = (
    "Examples: [bold]aoa promote staging prod --dry-run[/bold] · "
    "[bold]aoa promote staging prod --child orders --branch promote/orders[/bold]"
)
FORMAT = "app-of-apps/promotion/v1"
_LONGEST_SUBJECT = 72
_NO_VALUE = "–"


def promote(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="The environment that versions come from.", autocompletion=complete_environment
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="The environment that they go to.", autocompletion=complete_environment),
    ],
    *,
    child: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Move the version of this child alone; may be repeated.  [default: all]"),
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(
            metavar="REASON", help="Move what is held back all the same; the reason goes into TARGET's evidence."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would move; write nothing.")] = False,
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit the change, and nothing else, on the current branch.")
    ] = False,
    branch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Commit the change on a new branch, which is not checked out; the working tree stays as it is.",
        ),
    ] = None,
    output: Annotated[TextOrJson, typer.Option("--output", "-o", help="How to answer.")] = TextOrJson.TEXT,
    server: Server = None,
    project: Project = None,
) -> None:
    """Move versions that records show healthy in SOURCE into Pulumi.TARGET.yaml, and say of each other why it stays.

    A version moves when SOURCE's signed records show it healthy for as long as TARGET's `promotion: healthyFor` asks,
    no attempt that touched the child has failed since, and the child is healthy there now. Only the versions in the
    file change. Where TARGET's `images: pinned` asks for it, a tag is resolved to its digest by its registry. Exit code
    0: done, or nothing to move; 2: something is not valid; 3: a named child may not move, or nothing may; 4: a cluster,
    Vault, a registry or git does not answer.
    """
    if server is not None:
        _elsewhere(server, source, target, child or [], output, given=(override, dry_run, commit, branch))
        return

    from app_of_apps.cli.commit import commit_place
    from app_of_apps.deploy.redact import without_credentials
    from app_of_apps.environment.edit_versions import with_versions
    from app_of_apps.environment.load import load_environment
    from app_of_apps.environment.replace_file import replace_file
    from app_of_apps.errors import Refused
    from app_of_apps.manifest.source import read_text
    from app_of_apps.release.project import chosen_environments, find_project, load_manifest_only

    folder = find_project(project)
    chosen_environments(folder, [source, target])
    lower, upper = load_environment(source, folder), load_environment(target, folder)
    _check_way(lower, upper)
    manifest = load_manifest_only(folder)
    _check_children(child, lower, upper, manifest)
    _check_reason(override)
    override = None if override is None else without_credentials(override)
    file = folder / f"Pulumi.{target}.yaml"
    place = commit_place(folder, file, branch) if (commit or branch is not None) and not dry_run else None

    below, doubts = _look_below(folder, lower, trusting=override is not None)
    verdicts = _decide(below, upper, manifest, child, override=override is not None)
    moves = [verdict for verdict in verdicts if verdict.moves]
    shape = _shape(source, target, verdicts)
    if not moves or (child and any(verdict.held for verdict in verdicts)):
        _write(shape, verdicts, source, target, output)
        _refuse(verdicts, child)
        return
    before = read_text(file, str(file))
    text = with_versions(before, str(file), {one.child: one.version or "" for one in moves})
    _try(folder, target, text, manifest)
    if not dry_run:
        around = [f"{one.child} {one.version}: {one.words}" for one in moves if one.overridden]
        around += [f"evidence of {source}: {doubt}" for doubt in doubts]
        if override is not None and around:
            details = {"source": source, "versions": {one.child: [one.now, one.version] for one in moves}}
            shape["note"] = _note(folder, upper, manifest.parent.name, around, details=details, reason=override)
        if read_text(file, str(file)) != before:
            msg = f"{file} was changed by somebody else meanwhile; nothing was written. Run again"
            raise Refused(msg)
        if place is None:
            replace_file(file, text)
        else:
            message = _message(moves, source, target, override if around else None, shape["note"])
            shape["commit"] = _commit(place, text, message, target)
            shape["branch"] = branch
        shape["written"] = True
    _write(shape, verdicts, source, target, output)
    if output is TextOrJson.TEXT:
        _say_what_next(shape, file, len(moves), target)


def _elsewhere(
    server: str, source: str, target: str, child: list[str], output: TextOrJson, *, given: tuple[object, ...]
) -> None:
    from app_of_apps.cli.remote import carry_out
    from app_of_apps.errors import Refused
    from app_of_apps.service.operation import Asked

    if any(given):
        msg = "with --server only --child can be said: the service commits on a branch of its own; nothing was touched"
        raise Refused(msg)
    asked = Asked(operation="promote", source=source, children=tuple(sorted(set(child))))
    carry_out(server, target, asked, output)


def _check_way(lower: LoadedEnvironment, upper: LoadedEnvironment) -> None:
    """Raise unless versions may go from the one environment to the other."""
    from app_of_apps.errors import InvalidInput, Position, Problem, Refused

    source, target = lower.settings.name, upper.settings.name
    if source == target:
        raise InvalidInput([Problem(Position(target), "", "is promoted to itself", "name two environments")])
    wanted = upper.settings.promotion.source
    if wanted is not None and wanted != source:
        place = upper.positions.at(("promotion", "from"))
        msg = f"{target} takes versions from {wanted} alone ({place}); nothing was written"
        raise Refused(msg)


def _check_children(
    named: Sequence[str] | None, lower: LoadedEnvironment, upper: LoadedEnvironment, manifest: Manifest
) -> None:
    """Raise InvalidInput for each named child that has no version of its own."""
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.manifest.validation import listed, suggestion

    known = lower.settings.versions.keys() | upper.settings.versions.keys()
    problems = []
    for name in (name for name in named or () if name not in known):
        leader = getattr(manifest.children.get(name), "version_from", None)
        hint = f"it takes that of {leader}: name {leader}" if leader else suggestion(name, known)
        what = f"{name} has no version of its own in {lower.settings.name} or {upper.settings.name}"
        problems.append(Problem(Position("--child"), "", what, hint or f"known here: {listed(known)}"))
    if problems:
        raise InvalidInput(problems)


def _check_reason(reason: str | None) -> None:
    from app_of_apps.errors import InvalidInput, Position, Problem

    if reason is not None and not reason.strip():
        hint = "say in words why this cannot wait: it is kept with the evidence"
        raise InvalidInput([Problem(Position("--override"), "", "the reason is empty", hint)])


def _look_below(folder: Path, lower: LoadedEnvironment, *, trusting: bool) -> tuple[Below, tuple[str, ...]]:
    """Return what the source has been through, and what is wrong with its evidence.

    Raises Refused when something is, unless `trusting`; Unavailable when cluster or Vault do not answer.
    """
    from app_of_apps.deploy.promotion import below
    from app_of_apps.deploy.status import read_status
    from app_of_apps.errors import Refused, Unavailable
    from app_of_apps.evidence.reading import read_chain
    from app_of_apps.evidence.store import RecordStore, moment
    from app_of_apps.release.project import load_world

    settings = lower.settings
    release = load_world(folder, [settings.name]).releases[settings.name]
    reading = read_chain(settings, release.parent, os.environ)
    if not reading.keys:
        msg = f"the evidence of {settings.name} cannot be checked, and nothing was written: {'; '.join(reading.notes)}"
        raise Unavailable(msg)
    doubts = tuple(map(str, reading.findings))
    if doubts and not trusting:
        found = "\n  ".join(doubts)
        msg = (
            f"the evidence of {settings.name} is not as it was signed, and nothing was written:\n  {found}\n"
            "Find out who did that: `aoa evidence verify`; to promote before: --override REASON"
        )
        raise Refused(msg)
    (status,) = read_status([release])
    with RecordStore(settings.cluster.context) as store:
        now = moment(store.whoami()[1])
    return below(settings, status, reading.records, now), doubts


def _decide(
    below: Below, upper: LoadedEnvironment, manifest: Manifest, named: Collection[str] | None, *, override: bool
) -> tuple[Verdict, ...]:
    from datetime import timedelta

    from app_of_apps.deploy.promotion import followers, with_digests
    from app_of_apps.deploy.registry import Registries
    from app_of_apps.manifest.base import seconds
    from app_of_apps.release.promotion import Above, decide

    settings = upper.settings
    above = Above(
        name=settings.name,
        versions=settings.versions,
        healthy_for=timedelta(seconds=seconds(settings.promotion.healthy_for)),
        pinned=settings.images.pinned,
        followers=followers(manifest),
    )
    verdicts = decide(below, above, named=named or None, override=override)
    if not settings.images.pinned:
        return verdicts
    with Registries(os.environ) as registries:
        return tuple(with_digests(verdicts, manifest, registries))


def _refuse(verdicts: Sequence[Verdict], named: Sequence[str] | None) -> None:
    """Raise Refused when something was held back that was asked for."""
    from app_of_apps.errors import Refused

    held = [verdict for verdict in verdicts if verdict.held]
    if not held:
        return
    what = "\n  ".join(f"{one.child} {one.version}: {one.words}" for one in held)
    asked = "what was asked for may not move" if named else "nothing may move"
    msg = (
        f"{asked}, and nothing was written:\n  {what}\n"
        "Deploy it below and let it be healthy there; when that cannot wait: --override REASON"
    )
    raise Refused(msg)


def _try(project: Path, target: str, text: str, manifest: Manifest) -> None:
    from app_of_apps.deploy.promotion import tried

    tried(manifest, project, target, text)


def _note(
    project: Path,
    upper: LoadedEnvironment,
    parent: str,
    overridden: Sequence[str],
    *,
    details: dict[str, Any],
    reason: str,
) -> int:
    """Record in the target's evidence what moves against the rules, and why; return the record's number."""
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.evidence.journal import Journal

    settings = upper.settings
    check_environment(settings, stack=settings.name, environ=os.environ, project=project)
    with Journal.open(settings, parent, os.environ, project) as journal:
        overrides = [{"what": what, "reason": reason} for what in overridden]
        return journal.note("promote", overrides=overrides, details=details)


def _commit(place: Place, text: str, message: str, target: str) -> str:
    """Commit the change, unless what would be committed does not hold together."""
    from app_of_apps.cli.commit import make_commit
    from app_of_apps.cli.revision import project_at
    from app_of_apps.release.project import load_world

    def check(commit: str) -> None:
        with project_at(place.project, commit) as folder:
            load_world(folder, [target])

    return make_commit(place, text, message, check)


def _message(moves: Sequence[Verdict], source: str, target: str, reason: str | None, note: int | None) -> str:
    """Return the commit's message: what moves, and which records of the source it rests on."""
    from app_of_apps.release.promotion import moment

    what = ", ".join(f"{one.child} {(one.version or '').partition('@')[0]}" for one in moves)
    subject = f"Promote {what} from {source} to {target}"
    if len(subject) > _LONGEST_SUBJECT:
        subject = f"Promote {len(moves)} versions from {source} to {target}"
    lines = [subject, ""]
    for one in moves:
        since = f"healthy in {source} since {moment(one.since)}, record {one.record}" if one.since else one.words
        if one.overridden:
            since = one.words
        lines.append(f"- {one.child}: {one.now or 'new'} -> {one.version} ({since})")
        if one.followers:
            lines.append(f"  with {', '.join(one.followers)}")
    if reason is not None:
        lines += ["", f"Override (record {note} of {target}): {reason}"]
    return "\n".join(lines) + "\n"


def _shape(source: str, target: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the answer in its versioned JSON shape; see docs/cli-reference.md."""
    return {
        "format": FORMAT,
        "source": source,
        "target": target,
        "written": False,
        "commit": None,
        "branch": None,
        "note": None,
        "children": [
            {
                "name": one.child,
                "before": one.now,
                "version": one.version,
                "moves": one.moves,
                "overridden": one.overridden,
                "why": str(one.why) if one.why else None,
                "message": one.words,
                "record": one.record,
                "since": one.since.isoformat() if one.since else None,
                "due": one.due.isoformat() if one.due else None,
                "followers": list(one.followers),
            }
            for one in verdicts
        ],
    }


def _write(shape: dict[str, Any], verdicts: Sequence[Verdict], source: str, target: str, output: TextOrJson) -> None:
    from app_of_apps.cli.output import answer, answer_json

    if output is TextOrJson.JSON:
        answer_json(shape)
        return
    head = ("", "CHILD", target.upper(), source.upper(), "")
    followers = {
        one.child: f"; with {', '.join(one.followers)}" if one.moves and one.followers else "" for one in verdicts
    }
    rows = [
        (
            "moves" if one.moves else "stays",
            one.child,
            one.now or _NO_VALUE,
            one.version or _NO_VALUE,
            f"{one.words}{followers[one.child]}",
        )
        for one in verdicts
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        answer("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _say_what_next(shape: dict[str, Any], file: Path, count: int, target: str) -> None:
    from app_of_apps.cli.output import answer

    what = f"{count} version{'s' if count != 1 else ''}"
    if not shape["written"]:
        answer(f"{what} would move; nothing was written")
    elif shape["branch"]:
        answer(f"{what} moved on the branch {shape['branch']}: git push -u origin {shape['branch']}")
    elif shape["commit"]:
        answer(f"{what} moved in commit {shape['commit'][:12]}; next: aoa preview {target}")
    else:
        answer(f"{what} moved in {file}; next: aoa preview {target}")
