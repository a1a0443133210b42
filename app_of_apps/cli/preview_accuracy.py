"""``aoa preview accuracy``: how well previews have foretold what updates did."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app_of_apps.cli.options import Environments, Project, TextOrJson

if TYPE_CHECKING:
    from app_of_apps.deploy.accuracy_report import Kept

WORD: Final = "accuracy"
EPILOG = "Examples: [bold]aoa preview accuracy[/bold] · [bold]aoa preview accuracy prod --format json[/bold]"
_BROKEN = 1


def accuracy(
    envs: Environments = None,
    *,
    output: Annotated[TextOrJson, typer.Option("--format", help="How it is written.")] = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """Show how often previews were right, by how sure they were, and each resource that went otherwise.

    Reads what was kept with the records of the environments' updates. An update is compared when `aoa` or the service
    ran it, and a preview of exactly its release had been made before.

    Exit code 0: done, 1: a chain is not as it was signed, 2: invalid input, 3: not the environment that its file names,
    4: a cluster does not answer.
    """
    from app_of_apps.cli.output import answer, answer_json
    from app_of_apps.deploy.accuracy_report import kept, render, to_json
    from app_of_apps.evidence.reading import read_chain
    from app_of_apps.manifest.load import load_manifest
    from app_of_apps.release.project import PARENT_FILE, chosen_settings, find_project

    folder = find_project(project)
    environments = chosen_settings(folder, envs)
    parent = load_manifest(folder / PARENT_FILE).parent.name
    found: list[Kept] = []
    for name, settings in environments.items():
        reading = read_chain(settings, parent, os.environ)
        found.append(kept(name, reading.records, findings=map(str, reading.findings), notes=reading.notes))
    if output is TextOrJson.JSON:
        answer_json(to_json(parent, found))
    else:
        answer(render(found))
    if any(one.findings for one in found):
        raise typer.Exit(_BROKEN)
