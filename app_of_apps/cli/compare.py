"""``aoa compare``: what two environments declare to be different, and what differs although nobody declared it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import Project, TextOrJson, complete_environment

if TYPE_CHECKING:
    from app_of_apps.release.environments import Declared, Differences, Side

EPILOG = "Examples: [bold]aoa compare staging prod[/bold] · [bold]aoa compare staging prod -o json[/bold]"
FORMAT = "app-of-apps/environments/v1"
_DIFFERENT = 1
_NO_VALUE = "–"


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="An environment.", autocompletion=complete_environment)],
    b: Annotated[str, typer.Argument(metavar="B", help="An environment.", autocompletion=complete_environment)],
    *,
    output: Annotated[TextOrJson, typer.Option("--output", "-o", help="How to answer.")] = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """Show how two environments differ: what their files declare, and the rest.

    Declared are versions, replicas, configuration, hosts, resources, networks, gates and access; they are as somebody
    wrote them. The rest is what nobody wrote: a child that is deployed otherwise although the files agree, or in one
    environment only, a release behind its working tree, another version of the program. Exit code 0: nothing differs
    but what is declared, 1: something else does, 2: something is not valid, 4: a cluster could not be read.
    """
    from app_of_apps.cli.output import answer_json
    from app_of_apps.deploy.comparison import read_side
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.release.environments import compare_environments
    from app_of_apps.release.project import find_project, load_world

    if a == b:
        raise InvalidInput([Problem(Position(b), "", "is compared with itself", "name two environments")])
    world = load_world(find_project(project), [a, b])
    one, two = (read_side(world.settings[name], world.releases[name]) for name in (a, b))
    found = compare_environments(one, two)
    if output is TextOrJson.JSON:
        answer_json(_shape(one, two, found))
    else:
        _write(a, b, found)
    if found.other:
        raise typer.Exit(_DIFFERENT)


def _shape(one: Side, two: Side, found: Differences) -> dict[str, Any]:
    """Return the answer in its versioned JSON shape; see docs/cli-reference.md."""
    return {
        "format": FORMAT,
        "environments": [
            {
                "name": side.name,
                "wanted": side.release.digest,
                "release": side.deployed.digest if side.deployed else None,
                "number": side.deployed.number if side.deployed else None,
            }
            for side in (one, two)
        ],
        "same": not found.other,
        "declared": [
            {
                "topic": each.topic,
                "child": each.child,
                "path": each.field.path,
                "values": [each.field.before, each.field.after],
            }
            for each in found.declared
        ],
        "other": [
            {"kind": str(each.kind), "environment": each.environment, "child": each.child, "message": each.words}
            for each in found.other
        ],
    }


def _write(a: str, b: str, found: Differences) -> None:
    from app_of_apps.cli.output import answer

    if found.declared:
        answer("Declared by the files:")
        head = ("TOPIC", "CHILD", "FIELD", a.upper(), b.upper())
        rows = [_row(each) for each in found.declared]
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row in (head, *rows):
            answer("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    else:
        answer("The files declare no difference.")
    if found.other:
        answer("\nThe rest:")
        for each in found.other:
            answer(f"  {each.kind}: {each.words}")
    else:
        answer(f"\nNothing else differs between {a} and {b}.")


def _row(each: Declared) -> tuple[str, ...]:
    from app_of_apps.release.compare import shown

    values = (
        _NO_VALUE if value is None else shown(value) or _NO_VALUE for value in (each.field.before, each.field.after)
    )
    return (each.topic, each.child or _NO_VALUE, each.field.path.removeprefix("spec."), *values)
