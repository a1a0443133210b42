"""``aoa codeowners``: whose review a change of a file takes, written down from the parent manifest."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Final

import typer

from app_of_apps.cli.options import Project
from app_of_apps.errors import InvalidInput, Position, Problem

EPILOG = (
    "Examples: [bold]aoa codeowners[/bold] · [bold]aoa codeowners --check[/bold] · "
    "[bold]aoa codeowners --output .gitlab/CODEOWNERS[/bold]"
)
_STDOUT: Final = "-"
# Where GitHub looks, in its order, and GitLab's own place.
_PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


def codeowners(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 and a diff when the file is not current.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="The file; `-` for stdout.  [default: the CODEOWNERS of the repository, or .github/CODEOWNERS]",
            show_default=False,
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Write CODEOWNERS: whose review a change of the manifest takes.

    A child's files belong to its team, the parent's and the environments' files to the parent's own owners, as
    `codeowners` of the teams and of the parent manifest names them. Only a marked block is written; what people wrote
    around it stays. The last line that fits a file wins, so lines behind the block override it.
    """
    from app_of_apps.cli.output import answer, note
    from app_of_apps.environment.git import repository_root
    from app_of_apps.environment.replace_file import replace_file
    from app_of_apps.manifest.codeowners import block, merged, ownership
    from app_of_apps.manifest.source import read_text
    from app_of_apps.release.project import find_project, known_environments, load_manifest_only

    if check and output == _STDOUT:
        hint = "name the file, or leave one of the two away"
        raise InvalidInput([Problem(Position("--check"), "", "there is no file to check behind `--output -`", hint)])
    folder = find_project(project)
    manifest = load_manifest_only(folder)
    found = ownership(manifest, known_environments(folder))
    root = repository_root(folder)
    prefix = folder.resolve().relative_to(root).as_posix()
    written = block(manifest.parent.name, found, "" if prefix == "." else prefix)
    if found.teamless:
        note(f"Nobody owns the children of: {', '.join(found.teamless)} (no codeowners at the team)")
    if found.parentless:
        note("Nobody owns parent.yaml and the environments' files (no codeowners at the parent)")
    if output == _STDOUT:
        answer(written)
        return
    file = Path(output) if output is not None else place(root)
    old = read_text(file, str(file)) if file.exists() else ""
    new = merged(old, manifest.parent.name, written, str(file))
    if new == old:
        answer(f"{_shown(file)} is current.")
        return
    if check:
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), _shown(file), "aoa codeowners", lineterm="")
        answer("\n".join(lines))
        note(f"{_shown(file)} is not current; run `aoa codeowners`.")
        raise typer.Exit(1)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, new)
    answer(f"{_shown(file)}: {len(found.owners)} lines written.")


def place(root: Path) -> Path:
    """Return where a repository keeps its CODEOWNERS, or would."""
    return next((root / one for one in _PLACES if (root / one).is_file()), root / _PLACES[0])


def _shown(file: Path) -> str:
    here = Path.cwd()
    real = file.resolve()
    return str(real.relative_to(here)) if real.is_relative_to(here) else str(file)
