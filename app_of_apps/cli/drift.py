"""``aoa drift``: what differs between an environment and the release that it has."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project, Server, TextOrJson

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.deploy.drift import Drift
    from app_of_apps.deploy.drift_deployed import Deployed
    from app_of_apps.deploy.drift_report import Fixed
    from app_of_apps.release.project import World

EPILOG = (
    "Examples: [bold]aoa drift prod[/bold] · [bold]aoa drift prod --child orders --output json[/bold] · "
    "[bold]aoa drift staging --fix[/bold]"
)
_DRIFT, _UNKNOWN, _FAILED = 1, 4, 5


class DriftFormat(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def drift(
    env: EnvironmentArgument,
    *,
    child: Annotated[
        str | None, typer.Option("--child", metavar="CHILD", help="Look at one child only.", show_default=False)
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Run the release again so that it is as declared.")] = False,
    output: Annotated[DriftFormat, typer.Option("--output", "-o", help="How to write it.")] = DriftFormat.TEXT,
    server: Server = None,
    project: Project = None,
) -> None:
    """Show what differs between cluster and Vault and the release that was deployed last, and who changed it.

    Without --fix it only reads. With it, the same release is run again over what was changed or removed, through the
    same guard, gate and record; what nobody declared is reported and never deleted. Exit code 0: no drift, 1: drift (or
    some of it is left), 2: invalid input, 3: refused, 4: something does not answer or may not be read, 5: the release
    did not become healthy again.
    """
    import os

    from app_of_apps.environment.guard import check_environment
    from app_of_apps.release.project import find_project, load_world

    if server is not None:
        from app_of_apps.cli.remote import carry_out
        from app_of_apps.service.operation import Asked

        form = TextOrJson.TEXT if output is DriftFormat.TEXT else TextOrJson.JSON
        children = (child,) if child is not None else ()
        carry_out(server, env, Asked(operation="drift-fix" if fix else "drift", children=children), form)
        return
    folder = find_project(project)
    world = load_world(folder, [env])
    _check_child(world, env, child, fix=fix)
    check_environment(world.settings[env], stack=env, environ=os.environ, project=folder)
    deployed, found = _look(world, env, child, folder)
    fixed: Fixed | None = None
    if fix and any(one.mends for one in found.differences):
        fixed, deployed, found = _fix(world, env, deployed, found, folder)
    _write(deployed, found, fixed, output)
    if fixed is not None and not fixed.ok:
        raise typer.Exit(_FAILED)
    if not found.clean:
        raise typer.Exit(_DRIFT)
    if found.unread:
        raise typer.Exit(_UNKNOWN)


def _check_child(world: World, env: str, child: str | None, *, fix: bool) -> None:
    import difflib

    if child is None:
        return
    if fix:
        msg = "--fix runs the whole release; leave out --child"
        raise typer.BadParameter(msg, param_hint="--child")
    known = [one.name for one in world.releases[env].children]
    if child not in known:
        close = difflib.get_close_matches(child, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        msg = f"there is no child {child!r} in {env}; {hint}"
        raise typer.BadParameter(msg, param_hint="--child")


def _look(world: World, env: str, child: str | None, folder: Path) -> tuple[Deployed, Drift]:
    import os

    from app_of_apps.deploy.drift_look import look

    return look(world.settings[env], world.releases[env], folder, os.environ, child=child)


def _fix(world: World, env: str, deployed: Deployed, found: Drift, folder: Path) -> tuple[Fixed, Deployed, Drift]:
    """Run the release again, a second time where the engine has not noticed everything; return what is left then."""
    from app_of_apps.cli.output import note
    from app_of_apps.cli.progress_view import view
    from app_of_apps.deploy.drift_fix import mark, mend
    from app_of_apps.deploy.drift_report import Fixed
    from app_of_apps.deploy.report import render
    from app_of_apps.errors import DeploymentFailed

    before = len(found.differences)
    for again in (True, False):
        with view("up", deployed.release, sys.stderr) as screen:
            told = mend(deployed, world.releases[env], folder, found.spent, show=screen.show, say=screen.say)
        if not told.report.ok:
            note(render(told.report))
            if told.report.interrupted:
                raise KeyboardInterrupt
            if told.exit_code != DeploymentFailed.exit_code:
                raise typer.Exit(told.exit_code)
            return Fixed(ok=False, before=before), deployed, found
        deployed, found = _look(world, env, None, folder)
        if not again or not any(one.mends for one in found.differences):
            break
        mark(deployed.release, found.differences)
    return Fixed(ok=True, before=before), deployed, found


def _write(deployed: Deployed, found: Drift, fixed: Fixed | None, output: DriftFormat) -> None:
    from app_of_apps.cli.output import answer, answer_json, answer_yaml
    from app_of_apps.deploy.drift_report import render, to_json

    if output is DriftFormat.TEXT:
        answer(render(deployed, found, fixed))
    elif output is DriftFormat.JSON:
        answer_json(to_json(deployed, found, fixed))
    else:
        answer_yaml(to_json(deployed, found, fixed))
