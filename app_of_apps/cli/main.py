"""The ``aoa`` application: its verbs, and how errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from app_of_apps import __version__
from app_of_apps.cli import (
    access,
    agent,
    approvals,
    ci,
    codeowners,
    compare,
    drift,
    environment,
    evidence,
    graph,
    history,
    operations,
    policy,
    preview,
    preview_accuracy,
    promote,
    release,
    render,
    rollback,
    secrets,
    serve,
    status,
    validate,
)
from app_of_apps.errors import AppOfAppsError, InvalidInput

if TYPE_CHECKING:
    from typer._click.core import Command, Context  # typer has a click of its own

INTERRUPTED = 130
DEBUG = "--debug"
_EXIT_CODES = """Exit codes: 0 done · 1 the answer is no · 2 invalid input · 3 refused, nothing touched ·
4 something needed is missing or does not answer · 5 the deployment failed · 130 interrupted."""


class _Verbs(TyperGroup):
    """The verbs; one of two words, such as `preview accuracy`, is told from a verb with an argument."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the verb that the arguments begin with, and the rest of them."""
        two = " ".join(args[:2])
        return super().resolve_command(ctx, [two, *args[2:]] if two in self.commands else args)


app = typer.Typer(
    name="aoa",
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Deploy many services as one: a parent manifest, its children in order, one environment at a time.",
    epilog=_EXIT_CODES,
)
_LOOK, _DEPLOY = "Look (no cluster needed)", "Deploy"
app.command(epilog=validate.EPILOG, rich_help_panel=_LOOK)(validate.validate)
app.command(epilog=graph.EPILOG, rich_help_panel=_LOOK)(graph.graph)
app.command(epilog=render.EPILOG, rich_help_panel=_LOOK)(render.render)
app.command(epilog=codeowners.EPILOG, rich_help_panel=_LOOK)(codeowners.codeowners)
app.add_typer(release.app, rich_help_panel=_LOOK)
app.add_typer(access.app, rich_help_panel=_LOOK)
app.add_typer(environment.app, rich_help_panel=_DEPLOY)
app.command(epilog=preview.EPILOG, rich_help_panel=_DEPLOY)(preview.preview)
app.command("preview accuracy", epilog=preview_accuracy.EPILOG, rich_help_panel=_DEPLOY)(preview_accuracy.accuracy)
app.command(epilog=operations.EPILOGS["up"], rich_help_panel=_DEPLOY)(operations.up)
app.command(epilog=approvals.EPILOGS["approve"], rich_help_panel=_DEPLOY)(approvals.approve)
app.command(epilog=approvals.EPILOGS["approvals"], rich_help_panel=_DEPLOY)(approvals.approvals)
app.command(epilog=approvals.EPILOGS["revoke"], rich_help_panel=_DEPLOY)(approvals.revoke)
app.command(epilog=promote.EPILOG, rich_help_panel=_DEPLOY)(promote.promote)
app.command(epilog=rollback.EPILOG, rich_help_panel=_DEPLOY)(rollback.rollback)
app.command(epilog=status.EPILOG, rich_help_panel=_DEPLOY)(status.status)
app.command(epilog=drift.EPILOG, rich_help_panel=_DEPLOY)(drift.drift)
app.command(epilog=compare.EPILOG, rich_help_panel=_DEPLOY)(compare.compare)
app.command(epilog=history.EPILOG, rich_help_panel=_DEPLOY)(history.history)
app.add_typer(evidence.app, rich_help_panel=_DEPLOY)
app.add_typer(policy.app, rich_help_panel=_DEPLOY)
app.add_typer(secrets.app, rich_help_panel=_DEPLOY)
app.command(epilog=operations.EPILOGS["explain"], rich_help_panel=_DEPLOY)(operations.explain)
app.command(epilog=operations.EPILOGS["refresh"], rich_help_panel=_DEPLOY)(operations.refresh)
app.command(epilog=operations.EPILOGS["destroy"], rich_help_panel=_DEPLOY)(operations.destroy)
app.add_typer(ci.app, rich_help_panel=_DEPLOY)
app.command(epilog=serve.EPILOG, rich_help_panel=_DEPLOY)(serve.serve)
app.command(epilog=agent.EPILOG, rich_help_panel=_DEPLOY)(agent.agent)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if value:
        typer.echo(f"aoa {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_print_version)
    ] = False,
    _debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error; may stand anywhere.")] = False,
) -> None:
    pass


@app.command(rich_help_panel=_LOOK)
def version() -> None:
    """Show the version of App of Apps and of the engine it was made for."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    typer.echo(f"aoa {__version__}")
    for package in ("pulumi", "pulumi-kubernetes", "pulumi-vault"):
        try:
            typer.echo(f"{package} {installed(package)}")
        except PackageNotFoundError:
            typer.echo(f"{package} not installed")


def main() -> None:
    """Run ``aoa`` and end the process with the exit code of ``app_of_apps.errors``."""
    code = run(sys.argv[1:])
    # Everything is done and closed by now; taking the interpreter apart would take a twentieth of a preview's time.
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads any more
        code = code or 1
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run ``aoa`` with these arguments and return its exit code; expected errors become lines on stderr."""
    debug = DEBUG in arguments
    try:
        app(args=[argument for argument in arguments if argument != DEBUG], prog_name="aoa")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except AppOfAppsError as error:
        if debug:
            raise
        _show(error)
        return error.exit_code
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        return INTERRUPTED
    return 0


def _show(error: AppOfAppsError) -> None:
    typer.echo(str(error), err=True)
    if isinstance(error, InvalidInput):
        count = len(error.problems)
        typer.echo(f"\n{count} problem{'s' if count != 1 else ''}; nothing was touched.", err=True)
