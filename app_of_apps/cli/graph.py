"""``aoa graph``: what waits for what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app_of_apps.cli.options import OptionalEnvironment, Project

EPILOG = "Examples: [bold]aoa graph[/bold] · [bold]aoa graph prod --format mermaid[/bold]"


class GraphFormat(StrEnum):
    """How the graph is written."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def graph(
    env: OptionalEnvironment = None,
    *,
    output: Annotated[GraphFormat, typer.Option("--format", help="How to write it.")] = GraphFormat.TREE,
    project: Project = None,
) -> None:
    """Show the children in the order in which they start, with their teams and what each waits for.

    With an environment, the children carry its versions. Exit code 2: the manifest is not valid.
    """
    from app_of_apps.cli.graph_formats import FORMATS, graph_of
    from app_of_apps.cli.output import answer
    from app_of_apps.release.project import find_project, load_manifest_only, load_world

    folder = find_project(project)
    if env is None:
        answer(FORMATS[output](graph_of(load_manifest_only(folder))))
        return
    world = load_world(folder, [env])
    answer(FORMATS[output](graph_of(world.manifest, world.releases[env])))
