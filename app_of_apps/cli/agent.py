"""``aoa agent``: the tools of AI agents over standard input and output, for programs that start them themselves."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = "Example: [bold]aoa agent --server https://aoa.example.com[/bold]"


def agent(
    server: Annotated[
        str, typer.Option("--server", metavar="URL", envvar="AOA_SERVER", help="The service to ask.", show_envvar=True)
    ],
) -> None:
    """Speak the Model Context Protocol on standard input and output, with the agent's token in AOA_TOKEN.

    The tools look, preview and propose; none of them deploys or approves. What the agent may is in the parent
    (`service: agents`). Exit code 0: the input has ended, 2: no token, or an address that is none.
    """
    from app_of_apps.cli.remote import connect
    from app_of_apps.errors import Unavailable

    try:
        from app_of_apps.service import agents
    except ModuleNotFoundError as error:
        msg = f"{error.name} is missing; install what the service needs: pip install -r requirements-service.txt"
        raise Unavailable(msg) from None
    with connect(server) as client:
        agents.server(lambda _: agents.There(client)).run("stdio")
