"""``aoa ci check`` and ``aoa ci preview``: what a pull request would do, where its reviewers read it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import Project, complete_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.cli.preview_processes import Previewed
    from app_of_apps.pipeline.surroundings import Surroundings

EPILOGS = {
    "check": "Example: [bold]aoa ci check --artifacts artifacts[/bold]",
    "preview": "Examples: [bold]aoa ci preview prod[/bold] · [bold]aoa ci preview staging prod --artifacts out[/bold]",
}
_UNAVAILABLE = 4

Artifacts = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Where the files go that the pipeline keeps; made where it is missing.")
]
_ARTIFACTS = Path("artifacts")


def check(*, artifacts: Artifacts = _ARTIFACTS, project: Project = None) -> None:
    """Look at a pull request without any credential: files, references, rules, and whether CODEOWNERS is current.

    Good for forks, too. Writes validate.sarif for code scanning. Exit code 0: nothing is wrong but for warnings, 1:
    CODEOWNERS is not current, 2: something is wrong.
    """
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / "validate.sarif").write_text(_aoa(folder, "validate", "--format", "sarif", keep=True)[1])
    code, _ = _aoa(folder, "validate")
    if code == 0 and _has_owners(folder):
        code, _ = _aoa(folder, "codeowners", "--check")
    if code:
        raise typer.Exit(code)


def preview(
    envs: Annotated[
        list[str],
        typer.Argument(metavar="ENV...", help="Environments by name.", autocompletion=complete_environment),
    ],
    *,
    artifacts: Artifacts = _ARTIFACTS,
    artifact_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the artifacts are.  [default: the run's address]", show_default=False),
    ] = None,
    project: Project = None,
) -> None:
    """Preview environments and keep one comment for each of them in the pull request.

    A comment of ours is found again by its first line and written anew; those of others are left alone. Writes
    preview-ENV.md, .html, .json and .sarif, and the run's summary where the pipeline has one. In a run without a pull
    request there is no comment.

    Exit code: as `aoa preview`, the highest; 4 also where the forge does not take the comment.
    """
    from app_of_apps.cli.output import answer
    from app_of_apps.cli.preview import Form, write_full, written
    from app_of_apps.cli.preview_processes import preview_all, preview_one
    from app_of_apps.errors import Refused, Unavailable
    from app_of_apps.pipeline.surroundings import surroundings
    from app_of_apps.release.project import find_project
    from app_of_apps.review.comment import LIMIT

    here = surroundings(os.environ)
    if here.fork:
        msg = "this pull request comes from a fork, so there is no preview; `aoa ci check` looks at it"
        raise Refused(msg)
    folder, names = find_project(project), tuple(dict.fromkeys(envs))
    place = _place(artifact_url, here)
    artifacts.mkdir(parents=True, exist_ok=True)
    found: Sequence[Previewed] = (preview_one(names[0], folder),) if len(names) == 1 else preview_all(names, folder)
    bodies: dict[str, str] = {}
    for name, one in zip(names, found, strict=True):
        for suffix in (".html", ".json", ".sarif"):
            write_full([one.outcome], artifacts / f"preview-{name}{suffix}")
        bodies[name] = written([one.outcome], Form.MARKDOWN, limit=LIMIT, place=place)
        (artifacts / f"preview-{name}.md").write_text(bodies[name])
        answer(written([one.outcome], Form.TEXT, limit=sys.maxsize, place=""))
    _summarise(here, bodies)
    code = max(one.exit_code for one in found)
    try:
        _tell(here, bodies)
    except Unavailable as error:
        typer.echo(str(error), err=True)
        code = max(code, _UNAVAILABLE)
    if code:
        raise typer.Exit(code)


def _place(url: str | None, here: Surroundings) -> str:
    """Return where all of a preview is for who reads the comment; the name of a file where nobody knows an address."""
    from app_of_apps.cli.preview import is_address
    from app_of_apps.errors import InvalidInput, Position, Problem

    if url is not None and not is_address(url):
        hint = "begin with https://, and write spaces and brackets as %20"
        raise InvalidInput([Problem(Position("--artifact-url"), "", "is no plain address", hint)])
    return url or (here.run if is_address(here.run) else "")


def _summarise(here: Surroundings, bodies: Mapping[str, str]) -> None:
    if here.summary is not None:
        with here.summary.open("a", encoding="utf-8") as file:
            file.write("\n".join(bodies.values()))


def _tell(here: Surroundings, bodies: Mapping[str, str]) -> None:
    from app_of_apps.cli.output import note
    from app_of_apps.pipeline.forge import connected
    from app_of_apps.pipeline.sticky import comment

    if here.pull is None:
        note("This run is for no pull request, so there is no comment.")
        return
    with connected(here) as forge:
        for name, body in bodies.items():
            note(f"Comment about {name} in pull request {here.pull}: {comment(forge, here.pull, body)}.")


def _has_owners(folder: Path) -> bool:
    from app_of_apps.cli.codeowners import place
    from app_of_apps.environment.git import repository_root

    return place(repository_root(folder)).is_file()


def _aoa(folder: Path, *arguments: str, keep: bool = False) -> tuple[int, str]:
    """Run another verb as a user would, and return its exit code and, where it is to be kept, what it answered."""
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "app_of_apps", *arguments, "--project", str(folder.absolute())],
        stdout=subprocess.PIPE if keep else None,
        stderr=subprocess.DEVNULL if keep else None,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or ""
