"""``aoa ci``: what a pipeline needs around the other verbs, the same in GitHub Actions, GitLab CI and Jenkins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app_of_apps.cli import ci_follow, ci_review
from app_of_apps.cli.options import EnvironmentArgument, Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.environment.load import LoadedEnvironment

EPILOG = (
    "Examples: [bold]aoa ci run prod --role deploy -- aoa up prod[/bold] · "
    "[bold]aoa ci run prod --role preview --kube-audience prod --kube-ca ca.pem -- aoa ci preview prod[/bold]"
)
_SIGNALLED: Final = 128
_NOT_FOUND: Final = 127

app = typer.Typer(
    name="ci",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="For pipelines: a login for one command, one comment, one issue, one proposal.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=ci_review.EPILOGS["check"])(ci_review.check)
app.command(epilog=ci_review.EPILOGS["preview"])(ci_review.preview)
app.command(epilog=ci_follow.EPILOGS["drift"])(ci_follow.drift)
app.command(epilog=ci_follow.EPILOGS["promote"])(ci_follow.promote)

_Audience = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The ID token's audience.  [default: Vault's address]",
        envvar="AOA_VAULT_AUDIENCE",
        show_default=False,
    ),
]


@app.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
def run(
    env: EnvironmentArgument,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run with the login.")],
    *,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="The role of Vault's JWT auth method.", envvar="AOA_VAULT_ROLE")
    ],
    mount: Annotated[
        str,
        typer.Option(
            metavar="MOUNT", help="Where the auth method for pipelines is, below auth/.", envvar="AOA_VAULT_MOUNT"
        ),
    ] = "jwt-pipelines",
    audience: _Audience = None,
    kube_audience: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Also log in to the cluster, which has to trust the pipeline's issuer, by tokens of this audience.",
            envvar="AOA_KUBE_AUDIENCE",
            show_default=False,
        ),
    ] = None,
    kube_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The cluster's CA certificate, PEM.",
            envvar="AOA_KUBE_CA",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Run one command with this run's own identity: a token of Vault for it alone, revoked when it has ended.

    The pipeline's ID token is traded at Vault's JWT auth method; nothing is stored, printed, or visible to the steps
    before and after. With --kube-audience the command has a kubeconfig of its own, whose credential is asked for anew
    whenever it runs out. A pull request of a fork is refused: nobody vouches for what is in it.

    Exit code: that of the command; 2: invalid input, 3: a fork, or Vault does not let this run in, 4: something does
    not answer.
    """
    import os
    from contextlib import ExitStack

    from app_of_apps.environment.load import load_environment
    from app_of_apps.errors import Refused
    from app_of_apps.pipeline.kubeconfig import kubeconfig
    from app_of_apps.pipeline.login import SECRETS, id_token, revoke, vault_login
    from app_of_apps.pipeline.surroundings import surroundings
    from app_of_apps.release.project import find_project

    if surroundings(os.environ).fork:
        msg = "this pull request comes from a fork and gets no credentials; `aoa ci check` looks at it without any"
        raise Refused(msg)
    environment = load_environment(env, find_project(project))
    vault = environment.settings.vault
    _check(environment, kube_audience, kube_ca)
    token = vault_login(vault, mount, role, id_token(audience or str(vault.address), os.environ), os.environ)
    given = {"VAULT_ADDR": str(vault.address), "VAULT_TOKEN": token}
    if vault.namespace is not None:
        given["VAULT_NAMESPACE"] = vault.namespace
    kept = {name: value for name, value in os.environ.items() if kube_audience is not None or name not in SECRETS}
    try:
        with ExitStack() as stack:
            if kube_audience is not None and kube_ca is not None:
                cluster = environment.settings.cluster
                given |= stack.enter_context(kubeconfig(cluster, kube_audience, kube_ca.read_text()))
            code = _run(command, {**kept, **given})
    finally:
        revoke(vault, token, os.environ)
    raise typer.Exit(code)


@app.command("kube-token", hidden=True)
def kube_token(*, audience: Annotated[str, typer.Option(metavar="NAME")]) -> None:
    """Be the credential plugin of the kubeconfig that `aoa ci run` makes."""
    import os

    from app_of_apps.cli.output import answer_json
    from app_of_apps.pipeline.kubeconfig import credential
    from app_of_apps.pipeline.login import id_token

    answer_json(credential(id_token(audience, os.environ)))


def _check(environment: LoadedEnvironment, audience: str | None, authority: Path | None) -> None:
    from app_of_apps.errors import InvalidInput, Position, Problem

    problems = []
    if environment.settings.vault.address is None:
        place = environment.positions.at(("vault",))
        problems.append(Problem(place, "vault.address", "is missing", "a pipeline cannot know where to log in"))
    if audience is not None and environment.settings.cluster.server is None:
        place = environment.positions.at(("cluster",))
        problems.append(Problem(place, "cluster.server", "is missing", "`aoa environment register` looks it up"))
    if audience is not None and authority is None:
        problems.append(Problem(Position("--kube-ca"), "", "is missing", "--kube-audience needs it"))
    if problems:
        raise InvalidInput(problems)


def _run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command to its end, pass on what asks to end it, and return its exit code as a shell does."""
    import signal
    import subprocess

    from app_of_apps.cli.output import note

    try:
        process = subprocess.Popen(list(command), env=dict(environ))
    except OSError as error:
        note(f"{command[0]} cannot be run: {error.strerror}")
        return _NOT_FOUND

    def pass_on(number: int, _: object) -> None:
        process.send_signal(number)

    # A terminal's Ctrl-C reaches the command by itself, as one of our group.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    before |= {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else _SIGNALLED - code
