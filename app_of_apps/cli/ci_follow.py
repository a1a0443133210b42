"""``aoa ci drift`` and ``aoa ci promote``: one issue about drift, one proposal to move versions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project, complete_environment

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.pipeline.surroundings import Surroundings

EPILOGS = {
    "drift": "Example: [bold]aoa ci run prod --role preview -- aoa ci drift prod[/bold]",
    "promote": "Example: [bold]aoa ci run staging --role preview -- aoa ci promote staging prod[/bold]",
}
_UNREAD = 4
_DIGITS = 12
_ROOM = 60_000


def drift(env: EnvironmentArgument, *, project: Project = None) -> None:
    """Look for drift and keep one issue about it: opened when there is some, closed when there is none any more.

    Exit code 0: the issue tells what there is, or there is none; 2: invalid input, 3: refused, 4: something does not
    answer or may not be read, and no issue is closed for it.
    """
    from app_of_apps.cli.output import answer, note
    from app_of_apps.cli.preview import is_address
    from app_of_apps.deploy.drift_look import look
    from app_of_apps.deploy.drift_report import render
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.pipeline.drift_issue import body, title
    from app_of_apps.pipeline.forge import connected
    from app_of_apps.pipeline.sticky import issue
    from app_of_apps.pipeline.surroundings import surroundings
    from app_of_apps.release.project import find_project, load_world

    here = surroundings(os.environ)
    folder = find_project(project)
    world = load_world(folder, [env])
    check_environment(world.settings[env], stack=env, environ=os.environ, project=folder)
    deployed, found = look(world.settings[env], world.releases[env], folder, os.environ)
    answer(render(deployed, found))
    if not (found.clean and found.unread):  # what could not be read may differ still
        with connected(here) as forge:
            text = body(deployed, found, here.run if is_address(here.run) else "")
            done, number = issue(forge, title(deployed), text, wanted=not found.clean)
        note(f"Issue about drift of {env}: {done}{'' if number is None else f' ({number})'}.")
    if found.unread:
        raise typer.Exit(_UNREAD)


def promote(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Where versions come from.", autocompletion=complete_environment)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="Where they go to.", autocompletion=complete_environment)
    ],
    *,
    base: Annotated[str, typer.Option(metavar="BRANCH", help="The branch that it is proposed for.")] = "main",
    remote: Annotated[str, typer.Option(metavar="REMOTE", help="Where the branch is pushed to.")] = "origin",
    project: Project = None,
) -> None:
    """Propose what may move from SOURCE to TARGET: a commit on a branch of its own, pushed, and a pull request.

    The same versions have the same branch, so that nothing is proposed twice. Exit code 0: proposed, or nothing to
    propose; otherwise as `aoa promote`.
    """
    from app_of_apps.cli.output import note
    from app_of_apps.environment.git import git
    from app_of_apps.pipeline.forge import connected
    from app_of_apps.pipeline.surroundings import surroundings
    from app_of_apps.release.digest import digest
    from app_of_apps.release.project import find_project
    from app_of_apps.review.defuse import markdown_block

    here = surroundings(os.environ)
    folder = find_project(project)
    moves = [one for one in _promote(folder, here, source, target, "--dry-run")["children"] if one["moves"]]
    if not moves:
        note(f"Nothing is to be moved from {source} to {target}.")
        return
    versions = {one["name"]: one["version"] for one in moves}
    name = digest([source, target, versions]).removeprefix("sha256:")[:_DIGITS]
    branch = f"promote/{target}-{name}"
    if git(folder, "ls-remote", "--heads", remote, f"refs/heads/{branch}").strip():
        note(f"{branch} is proposed already.")
        return
    _promote(folder, here, source, target, "--branch", branch)
    subject, _, text = git(folder, "log", "-1", "--format=%B", branch).decode().strip().partition("\n")
    with connected(here) as forge:
        git(folder, "push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}")
        try:
            address = forge.propose(subject, markdown_block(text.strip(), _ROOM), source=branch, target=base)
        except BaseException:
            # Without its pull request a branch would look like a proposal the next time.
            git(folder, "push", "--quiet", remote, f":refs/heads/{branch}")
            raise
    note(f"Proposed: {address}")


def _promote(folder: Path, here: Surroundings, source: str, target: str, *options: str) -> Any:  # noqa: ANN401 - JSON
    """Run `aoa promote` as whoever started the pipeline, and return what it answered."""
    import json
    import subprocess
    import sys

    who: dict[str, str] = {}
    if here.person is not None:
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": here.person[0], f"GIT_{role}_EMAIL": here.person[1]}
    where = ["--project", str(folder.absolute())]
    done = subprocess.run(
        [sys.executable, "-m", "app_of_apps", "promote", source, target, "--output", "json", *options, *where],
        env={**who, **os.environ},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise typer.Exit(done.returncode)
    return json.loads(done.stdout)
