"""``aoa release``: what a release is, and what changes from one to another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app_of_apps.cli.options import OptionalEnvironment, Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app_of_apps.deploy.past import PastRelease
    from app_of_apps.objects.release_words import ReleaseWords
    from app_of_apps.release.model import Release

EPILOGS = {
    "show": (
        "Examples: [bold]aoa release show prod[/bold] · [bold]aoa release show prod --record 7 -o json[/bold] · "
        "[bold]aoa release show staging --at v1.4[/bold]"
    ),
    "diff": (
        "Examples: [bold]aoa release diff prod[/bold] (what the next `up` changes) · "
        "[bold]aoa release diff prod@6 prod@7[/bold] · [bold]aoa release diff main:prod prod[/bold]"
    ),
}
FORMAT, DIFF_FORMAT = "app-of-apps/release/v1", "app-of-apps/release-diff/v1"
WORKING_TREE = "working tree"
_DIFFERENT = 1
_LAST = "last"
_ACCESS = "access."

app = typer.Typer(
    name="release",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show what a release is, and what changes from one to another.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Output(StrEnum):
    """How a release is written."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


_Output = Annotated[Output, typer.Option("--output", "-o", help="How to write it.")]


@dataclass(frozen=True, slots=True)
class _Side:
    """One release, and where its content was taken from."""

    release: Release
    source: str
    """``working tree``, ``revision REV`` or ``record N``."""
    number: int | None = None

    @property
    def words(self) -> str:
        return f"{self.release.environment} ({self.source})"


@app.command(epilog=EPILOGS["show"])
def show(
    env: OptionalEnvironment = None,
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="REVISION", help="As a revision of git has it.", show_default=False)
    ] = None,
    record: Annotated[
        int | None,
        typer.Option(
            "--record", metavar="NUMBER", min=1, help="As a record in the cluster has it.", show_default=False
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Vault for the versions of the secrets.")
    ] = False,
    output: _Output = Output.TEXT,
    project: Project = None,
) -> None:
    """Show the release that the files make: its digest, its children, and the versions that their secrets have now.

    `-o json` has the canonical content: the digest is SHA-256 over it. Versions of secrets are in the snapshot's digest
    and not in the release's, for a rotation is no release; without a Vault to ask there is no snapshot. ENV may be left
    out where there is one environment. Exit code 2: something is not valid or not there, 3: a record's content is not
    what its digest names, 4: the cluster could not be read.
    """
    from app_of_apps.cli.output import answer_json, answer_yaml
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    name = env or _only(folder)
    if at is not None and record is not None:
        _fail("--record", "cannot be asked for together with --at", "name one of the two")
    if at is not None:
        side = _at_revision(folder, at, name)
    elif record is not None:
        side = _recorded(folder, name, str(record))
    else:
        side = _Side(_release(folder, name), WORKING_TREE)
    versions = None if offline or side.source != WORKING_TREE else _secret_versions(side.release)
    if output is Output.TEXT:
        _write(side, versions)
    else:
        (answer_json if output is Output.JSON else answer_yaml)(_shape(side, versions))


@app.command(epilog=EPILOGS["diff"])
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="ENV, ENV@RECORD, ENV@last or REVISION:ENV.")],
    after: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The same; what A alone would change if missing.")
    ] = None,
    *,
    output: _Output = Output.TEXT,
    project: Project = None,
) -> None:
    """Show what changes from one release to another, child by child and in words, and which pods are replaced.

    ENV is the working tree, ENV@7 the record of release 7, ENV@last the last success, main:ENV a revision of git. With
    ENV alone, the last success is compared with the working tree. Exit code 0: nothing, 1: something changes, 2:
    something is not valid or not there, 3: a record's content is not what its digest names, 4: a cluster could not be
    read.
    """
    from app_of_apps.cli.output import answer_json, answer_yaml
    from app_of_apps.objects.release_words import release_words
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    named = (before, after) if after is not None else (f"{before}@{_LAST}", before)
    old, new = (_side(folder, name) for name in named)
    found = release_words(old.release, new.release)
    if output is Output.TEXT:
        _write_diff(old, new, found)
    else:
        (answer_json if output is Output.JSON else answer_yaml)(_diff_shape(old, new, found))
    if found:
        raise typer.Exit(_DIFFERENT)


def _side(project: Path, named: str) -> _Side:
    """Return what ``ENV``, ``ENV@RECORD`` or ``REVISION:ENV`` names."""
    revision, colon, env = named.rpartition(":")
    if colon and revision:
        return _at_revision(project, revision, env)
    env, sign, number = named.partition("@")
    return _recorded(project, env, number) if sign else _Side(_release(project, env), WORKING_TREE)


def _at_revision(project: Path, revision: str, env: str) -> _Side:
    from app_of_apps.cli.revision import project_at

    with project_at(project, revision) as folder:
        return _Side(_release(folder, env), f"revision {revision}")


def _release(project: Path, env: str) -> Release:
    from app_of_apps.release.project import load_world

    return load_world(project, [env]).releases[env]


def _recorded(project: Path, env: str, number: str) -> _Side:
    """Return what a record in the cluster keeps; its content is checked against its digest."""
    past = _past(project, env)
    if not past:
        _fail(env, f"no release of {env} is on record", "see `aoa history`, or leave the record out")
    found = {str(one.number): one for one in past} | {_LAST: past[-1]}
    if number not in found:
        known = ", ".join(str(one.number) for one in past)
        _fail(f"{env}@{number}", f"there is no record {number} of {env}", f"known: {known}")
    chosen = found[number]
    release = chosen.release()
    if release.environment != env:
        _fail(env, f"{chosen.name} is a release of {release.environment}", "check the cluster's context")
    return _Side(release, f"record {chosen.number}", chosen.number)


def _past(project: Path, env: str) -> tuple[PastRelease, ...]:
    from app_of_apps.deploy.past import past_releases
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.environment.load import load_environment

    # Only the parent's name is asked of the manifest: a record is readable while the working tree is being worked on.
    context, parent = load_environment(env, project).settings.cluster.context, _parent(project)
    with KubeReader(context) as kube:
        return past_releases(kube, parent)


def _parent(project: Path) -> str:
    from app_of_apps.release.project import load_manifest_only

    return load_manifest_only(project).parent.name


def _only(project: Path) -> str:
    from app_of_apps.release.project import known_environments

    known = known_environments(project)
    if len(known) != 1:
        _fail("ENV", "is missing, and there is not just one environment", f"known: {', '.join(known) or 'none'}")
    return known[0]


def _fail(where: str, message: str, hint: str) -> NoReturn:
    from app_of_apps.errors import InvalidInput, Position, Problem

    raise InvalidInput([Problem(Position(where), "", message, hint)])


def _secret_versions(release: Release) -> Mapping[str, int] | None:
    """Return ``<mount>/<path>`` → its version in Vault now; None, and a note, when Vault cannot be asked."""
    from app_of_apps.cli.output import note
    from app_of_apps.errors import Unavailable
    from app_of_apps.evidence.facts import secret_folders
    from app_of_apps.evidence.vault import EvidenceVault

    if not (paths := secret_folders(release)):
        return {}
    unknown = "The versions of the secrets are not known, so there is no snapshot"
    if release.vault.address is None:
        note(f"{unknown}: the file of {release.environment} does not say where Vault is")
        return None
    try:
        with EvidenceVault(release.vault.address, release.vault.namespace, os.environ) as vault:
            return vault.versions(release.vault.mounts.kv, paths)
    except Unavailable as error:
        note(f"{unknown}: {error}")
        return None


def _shape(side: _Side, versions: Mapping[str, int] | None) -> dict[str, Any]:
    """Return a release in its versioned JSON shape; see docs/cli-reference.md."""
    from app_of_apps.evidence.facts import snapshot, snapshot_digest
    from app_of_apps.release.content import release_content, resolved_content

    release = side.release
    return {
        "format": FORMAT,
        "source": side.source,
        "number": side.number,
        "digest": release.digest,
        "content": {**release_content(release), "children": {one.name: one.digest for one in release.children}},
        "children": [
            {"name": one.name, "digest": one.digest, "content": resolved_content(one)} for one in release.children
        ],
        "snapshot": None if versions is None else snapshot(release, versions),
        "snapshotDigest": None if versions is None else snapshot_digest(release, versions),
    }


def _write(side: _Side, versions: Mapping[str, int] | None) -> None:
    from app_of_apps.cli.output import answer
    from app_of_apps.deploy.report import short
    from app_of_apps.evidence.facts import snapshot_digest

    release = side.release
    answer(f"{release.parent} in {side.words}: release {release.digest}")
    if versions is not None:
        many = "secret" if len(versions) == 1 else "secrets"
        answer(f"  with {len(versions)} {many} as they are now: snapshot {snapshot_digest(release, versions)}")
    head = ("CHILD", "TYPE", "TEAM", "VERSION", "DIGEST")
    rows = [(one.name, one.spec.type, one.spec.team, one.version or "–", short(one.digest)) for one in release.children]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        answer("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for path, version in sorted((versions or {}).items()):
        answer(f"  secret {path}: version {version}")


def _diff_shape(old: _Side, new: _Side, found: ReleaseWords) -> dict[str, Any]:
    """Return a difference in its versioned JSON shape; see docs/cli-reference.md."""

    def fields(changed: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - FieldChanges
        return [{"path": one.path, "before": one.before, "after": one.after} for one in changed]

    return {
        "format": DIFF_FORMAT,
        "before": {"environment": old.release.environment, "source": old.source, "release": old.release.digest},
        "after": {"environment": new.release.environment, "source": new.source, "release": new.release.digest},
        "release": fields(found.release),
        "children": [
            {
                "name": one.name,
                "change": one.change,
                "words": list(one.words),
                "pods": one.pods,
                "fields": fields(one.fields),
            }
            for one in found.children
        ],
    }


def _write_diff(old: _Side, new: _Side, found: ReleaseWords) -> None:
    from app_of_apps.cli.output import answer
    from app_of_apps.objects.release_words import PODS

    if not found:
        answer(f"nothing changes from {old.words} to {new.words}: release {new.release.digest}")
        return
    answer(f"from {old.words} to {new.words}:")
    for one in found.children:
        answer(f"  {one.name}: {one.change} · {PODS[one.pods]}")
        for words in one.words:
            answer(f"    {words}")
    if found.release:
        answer("  outside of the children:")
        for field in found.release:
            if not field.path.startswith(_ACCESS):
                answer(f"    {field}")
        if any(field.path.startswith(_ACCESS) for field in found.release):
            answer("    access: -o json has it field by field, `aoa access diff` says who gains or loses what")
