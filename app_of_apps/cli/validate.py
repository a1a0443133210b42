"""``aoa validate``: everything that can be wrong without a cluster, in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import Project, TextOrJson, complete_environment
from app_of_apps.errors import InvalidInput

if TYPE_CHECKING:
    from app_of_apps.cli.project import World

VALIDATION_FORMAT = "app-of-apps/validation/v1"

EPILOG = """Examples: [bold]aoa validate[/bold] · [bold]aoa validate --env prod --format json[/bold]"""


def validate(
    *,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            "-e",
            metavar="ENV",
            help="Only this environment; may be repeated.  [default: all]",
            autocompletion=complete_environment,
            show_default=False,
        ),
    ] = None,
    output: Annotated[TextOrJson, typer.Option("--format", help="How to answer.")] = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """Check the manifest and every environment; names all problems at once.

    No cluster and no Vault are needed. What charts make is looked at where helm is on PATH to render them, and in every
    preview. Exit code 0: all good, 2: something is wrong.
    """
    from app_of_apps.cli.output import answer, answer_json, note, problem_shape
    from app_of_apps.cli.project import find_project, load_world

    folder = find_project(project)
    try:
        world = load_world(folder, env)
        rendered = _check_charts(world)
    except InvalidInput as error:
        if output is TextOrJson.TEXT:
            raise
        problems = [problem_shape(problem) for problem in error.problems]
        answer_json({"format": VALIDATION_FORMAT, "ok": False, "problems": problems, "environments": []})
        raise typer.Exit(error.exit_code) from None
    if output is TextOrJson.JSON:
        environments = [
            {"name": name, "release": release.digest, "children": len(release.children)}
            for name, release in world.releases.items()
        ]
        answer_json({"format": VALIDATION_FORMAT, "ok": True, "problems": [], "environments": environments})
        return
    children = world.manifest.children
    teams = len({child.team for child in children.values()})
    answer(
        f"{world.manifest.parent.name}: {_count(len(children), 'child', 'children')} of {_count(teams, 'team')}, valid"
    )
    if not rendered:
        note("Charts were not rendered, for helm is not on PATH; a preview renders them and looks at what they make.")
    from app_of_apps.deploy.report import short

    for name, release in world.releases.items():
        answer(f"  {name}: valid, release {short(release.digest)}")


def _check_charts(world: World) -> bool:
    """Say whether the charts, if any, were rendered; raises InvalidInput when what they make is not allowed."""
    from app_of_apps.cli.charts import chart_problems

    found = [
        chart_problems(world.project, release, pinned=world.settings[name].images.pinned)
        for name, release in world.releases.items()
    ]
    problems = [problem for one in found for problem in one or ()]
    if problems:
        raise InvalidInput(problems)
    return None not in found


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
