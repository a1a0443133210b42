"""``aoa serve``: the service in front of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app_of_apps.cli.options import Project

EPILOG = "Examples: [bold]aoa serve[/bold] · [bold]aoa serve --config /etc/aoa/service.yaml[/bold]"


def serve(
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Its settings.  [default: aoa-service.yaml of the project]", show_default=False
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Answer the API, the page and agents for a project, and carry out what is asked for, until Ctrl-C.

    Who may do what stands in the parent (`service`, `access`); whose tokens count, in the settings. An operation is a
    process of its own; one runs per environment at a time. Exit code 0: ended, 2: settings or project are not valid, 4:
    the database does not answer, or a package is missing.
    """
    from app_of_apps.cli.output import note
    from app_of_apps.errors import Unavailable
    from app_of_apps.release.project import find_project

    try:
        from app_of_apps.service.serve import serve as run
        from app_of_apps.service.settings import FILE, load_settings
    except ModuleNotFoundError as error:
        msg = f"{error.name} is missing; install what the service needs: pip install -r requirements-service.txt"
        raise Unavailable(msg) from None
    folder = find_project(project)
    settings = load_settings(config or folder / FILE)
    note(f"The page: {settings.url}/ · the API: {settings.url}/openapi.json · agents: {settings.url}/mcp")
    run(settings, folder)
