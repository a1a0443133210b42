"""``aoa access``: who may do what, where and why, and who gains or loses what between two environments or revisions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli import preview_rights
from app_of_apps.cli.options import EnvironmentArgument, Project, complete_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from app_of_apps.objects.access_table import Change, Holding, Permission

EPILOGS = {
    "show": "Examples: [bold]aoa access show prod[/bold] · [bold]aoa access show prod --group auditors -o json[/bold]",
    "diff": (
        "Examples: [bold]aoa access diff staging prod[/bold] · [bold]aoa access diff main:prod HEAD:prod[/bold] · "
        "[bold]aoa access diff v1.4 HEAD[/bold] (every environment)"
    ),
}
_DIFFERENT = 1

app = typer.Typer(
    name="access",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show who may do what (no cluster needed).",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=preview_rights.EPILOG)(preview_rights.previews)


class AccessFormat(StrEnum):
    """How access is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


_Output = Annotated[AccessFormat, typer.Option("--output", "-o", help="How to write it.")]


@app.command(epilog=EPILOGS["show"])
def show(
    env: EnvironmentArgument,
    *,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="Only this group; may be repeated.")
    ] = None,
    child: Annotated[
        list[str] | None, typer.Option("--child", metavar="NAME", help="Only this child; may be repeated.")
    ] = None,
    output: _Output = AccessFormat.TABLE,
    project: Project = None,
) -> None:
    """Show which group may do what with which child of an environment, through which role, and where that is written.

    What is printed is what the Roles, RoleBindings and policies of the environment's release say. Exit code 0; 2: the
    manifest is not valid, or there is no such group or child.
    """
    from app_of_apps.cli.output import answer_json, answer_yaml
    from app_of_apps.objects.access_table import TABLE_FORMAT, holdings
    from app_of_apps.release.access import sources
    from app_of_apps.release.project import find_project, load_world

    world = load_world(find_project(project), [env])
    release = world.releases[env]
    held = holdings(release, sources(world.manifest, env))
    _check("--group", group, {one.group for one in held if one.group})
    _check("--child", child, {one.name for one in release.children})
    held = tuple(one for one in held if (not group or one.group in group) and (not child or one.child in child))
    if output is AccessFormat.TABLE:
        _print_table(held)
        return
    shape = {
        "format": TABLE_FORMAT,
        "environment": env,
        "release": release.digest,
        "groupsPrefix": release.access.groups_prefix,
        "oidcMount": release.access.oidc_mount,
        "access": [one.shape() for one in held],
    }
    (answer_json if output is AccessFormat.JSON else answer_yaml)(shape)


@app.command(epilog=EPILOGS["diff"])
def diff(
    before: Annotated[
        str,
        typer.Argument(metavar="A", help="ENV, REVISION:ENV or REVISION.", autocompletion=complete_environment),
    ],
    after: Annotated[
        str,
        typer.Argument(metavar="B", help="ENV, REVISION:ENV or REVISION.", autocompletion=complete_environment),
    ],
    *,
    output: _Output = AccessFormat.TABLE,
    project: Project = None,
) -> None:
    """Show which group gains or loses which verb on what, from A to B.

    Two environments are compared child by child; the mounts in Vault, which every environment has its own of, do not
    count. Two revisions without an environment are compared environment by environment. Exit code 0: nobody gains or
    loses anything, 1: somebody does, 2: something is not valid, 4: git is missing.
    """
    from app_of_apps.cli.output import answer_json, answer_yaml
    from app_of_apps.objects.access_table import DIFF_FORMAT, changes
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    old, new = _side(folder, before, after), _side(folder, after, before)
    if len(old) == len(new) == 1:
        pairs = [(next(iter(old)), next(iter(new)))]
    else:
        pairs = [(name, name) for name in sorted(old.keys() | new.keys())]
    found = [(a, b, changes(old.get(a, frozenset()), new.get(b, frozenset()))) for a, b in pairs]
    if output is AccessFormat.TABLE:
        for a, b, changed in found:
            _print_changes(before, after, a if a == b else f"{a} → {b}", changed)
    else:
        shape = {
            "format": DIFF_FORMAT,
            "before": before,
            "after": after,
            "environments": [
                {"before": a, "after": b, "changes": [change.shape() for change in changed]} for a, b, changed in found
            ],
        }
        (answer_json if output is AccessFormat.JSON else answer_yaml)(shape)
    if any(changed for _, _, changed in found):
        raise typer.Exit(_DIFFERENT)


def _side(project: Path, named: str, other: str) -> Mapping[str, frozenset[Permission]]:
    """Return environment → permissions of one side: of one environment, or of all of a revision."""
    from app_of_apps.cli.revision import project_at
    from app_of_apps.release.project import known_environments

    revision, colon, env = named.rpartition(":")
    if colon and revision:
        with project_at(project, revision) as folder:
            return _permissions(folder, [env])
    if named in known_environments(project):
        return _permissions(project, [named])
    with project_at(project, named) as folder:
        # Beside one environment stands the same environment of the revision.
        alone = other.rpartition(":")[2]
        names = known_environments(folder)
        return _permissions(folder, [alone] if alone in names else list(names))


def _permissions(project: Path, names: list[str]) -> Mapping[str, frozenset[Permission]]:
    from app_of_apps.objects.access_table import permissions
    from app_of_apps.release.project import load_world

    return {name: permissions(release) for name, release in load_world(project, names).releases.items()}


def _check(option: str, names: Iterable[str] | None, known: set[str]) -> None:
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.manifest.validation import listed, suggestion

    unknown = [name for name in names or () if name not in known]
    if unknown:
        problems = []
        for name in unknown:
            hint = suggestion(name, known) or f"known here: {listed(known)}"
            problems.append(Problem(Position(option), "", f"nothing here is called {name}", hint))
        raise InvalidInput(problems)


def _print_table(held: tuple[Holding, ...]) -> None:
    from rich.table import Table

    from app_of_apps.cli.output import answer, console

    if not held:
        answer("Nobody has access through this parent.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("WHO", "ROLE", "CHILD", "MAY", "WHY"):
        table.add_column(title, overflow="fold", no_wrap=title in {"ROLE", "CHILD"})
    # Children that a subject has equal rights in the cluster for, through one grant, share a row.
    rows: dict[tuple[str, str, str, str], list[Holding]] = {}
    for one in held:
        rows.setdefault((one.subject, one.role, _in_cluster(one), str(one.why or "")), []).append(one)
    last = ""
    for (subject, role, may, why), together in rows.items():
        lines = [may, *_in_vault(together)]
        if together[0].reaches_secrets:
            lines.append(f"! reaches the pods' secrets by {together[0].reaches_secrets}")
        children = "\n".join(one.child for one in together)
        table.add_row(subject if subject != last else "", role, children, "\n".join(filter(None, lines)), why)
        last = subject
    console().print(table)


def _in_cluster(held: Holding) -> str:
    from app_of_apps.objects.access_table import target

    by_verbs: dict[tuple[str, ...], list[str]] = {}
    for right in held.kubernetes:
        by_verbs.setdefault(right.verbs, []).append(target(right))
    return "\n".join(f"{', '.join(verbs)}: {', '.join(what)}" for verbs, what in sorted(by_verbs.items()))


def _in_vault(together: Iterable[Holding]) -> list[str]:
    by_capabilities: dict[tuple[str, ...], dict[str, None]] = {}
    for held in together:
        for right in held.vault:
            by_capabilities.setdefault(right.capabilities, {})[right.path] = None
    return [f"vault {', '.join(words)}: {', '.join(sorted(paths))}" for words, paths in sorted(by_capabilities.items())]


def _print_changes(before: str, after: str, what: str, changed: tuple[Change, ...]) -> None:
    from rich.table import Table

    from app_of_apps.cli.output import answer, console

    if not changed:
        answer(f"{what}: nobody gains or loses anything from {before} to {after}")
        return
    answer(f"{what}: from {before} to {after}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("WHO", "CHANGE", "VERBS", "ON", "CHILDREN"):
        table.add_column(title, overflow="fold")
    rows: dict[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for one in changed:
        rows.setdefault((one.subject, one.change, one.where, one.verbs, one.children), []).append(one.target)
    last = ""
    for (subject, change, where, verbs, children), targets in rows.items():
        on = ("vault " if where == "vault" else "") + ", ".join(targets)
        table.add_row(subject if subject != last else "", change, ", ".join(verbs), on, ", ".join(children))
        last = subject
    console().print(table)
