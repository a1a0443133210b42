"""The options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


def complete_environment(incomplete: str) -> list[str]:
    """Offer the environments of the nearest project to shell completion; nothing when there is none."""
    from app_of_apps.errors import AppOfAppsError
    from app_of_apps.release.project import find_project, known_environments

    try:
        return [name for name in known_environments(find_project(None)) if name.startswith(incomplete)]
    except (AppOfAppsError, OSError):
        return []


class TextOrJson(StrEnum):
    """How a verb answers."""

    TEXT = "text"
    JSON = "json"


Project = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-C",
        metavar="FOLDER",
        help="The folder of Pulumi.yaml and parent.yaml.  [default: the nearest one upwards]",
        show_default=False,
    ),
]
EnvironmentArgument = Annotated[
    str, typer.Argument(metavar="ENV", help="The environment's name.", autocompletion=complete_environment)
]
OptionalEnvironment = Annotated[
    str | None,
    typer.Argument(
        metavar="[ENV]", help="The environment's name.", autocompletion=complete_environment, show_default=False
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV]...",
        help="Environments by name.  [default: all]",
        autocompletion=complete_environment,
        show_default=False,
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="AOA_SERVER",
        help="Have the service at this address do it, with the token in AOA_TOKEN.",
        show_default=False,
        show_envvar=True,
    ),
]
BreakGlass = Annotated[
    str | None,
    typer.Option(
        "--break-glass", metavar="REASON", help="Go around approvals and freezes, on the record.", show_default=False
    ),
]
RollbackTo = Annotated[
    int | None,
    typer.Option(
        help="The number of the release that comes back.  [default: the last success before what stands]",
        min=1,
        show_default=False,
    ),
]
RollbackChild = Annotated[
    list[str] | None,
    typer.Option(help="Bring back this child alone; may be given several times.  [default: all]"),
]
