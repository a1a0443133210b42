"""``aoa environment``: which environments there are, whether this is one of them, and registering a new one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project, TextOrJson

if TYPE_CHECKING:
    from app_of_apps.environment.registration import Registration

EPILOGS = {
    "list": "Examples: [bold]aoa environment list[/bold] · [bold]aoa environment list --format json[/bold]",
    "check": "Example: [bold]aoa environment check prod[/bold]",
    "register": (
        "Examples: [bold]aoa environment register prod[/bold] · [bold]aoa environment register prod --force[/bold] "
        "(after the cluster was replaced)"
    ),
}

app = typer.Typer(
    name="environment",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Tell environments apart: list, check and register them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
Format = Annotated[TextOrJson, typer.Option("--format", help="How to answer.")]


@app.command("list", epilog=EPILOGS["list"])
def list_environments(*, output: Format = TextOrJson.TEXT, project: Project = None) -> None:
    """List the environments of the project, in the order of promotion, and what each is bound to; asks no cluster.

    Exit code 0; 2: an environment's file is not valid.
    """
    from app_of_apps.cli.output import answer, answer_json
    from app_of_apps.release.project import chosen_settings, find_project

    found = []
    for name, settings in chosen_settings(find_project(project), None).items():
        cluster, vault = settings.cluster, settings.vault
        facts = (cluster.server, cluster.uid, cluster.ca_sha256, vault.address)
        found.append(
            {
                "name": name,
                "registered": None not in facts,
                "context": cluster.context,
                "server": cluster.server,
                "vault": vault.address,
                "mounts": [vault.mounts.kv, vault.mounts.jwt],
            }
        )
    if output is TextOrJson.JSON:
        answer_json(found)
        return
    head = ("ENVIRONMENT", "REGISTERED", "CONTEXT", "SERVER", "VAULT", "MOUNTS")
    rows = [
        (
            str(one["name"]),
            "yes" if one["registered"] else "no",
            str(one["context"]),
            str(one["server"] or "–"),
            str(one["vault"] or "–"),
            " ".join(one["mounts"]),  # type: ignore[arg-type] # a list of two names
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        answer("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command(epilog=EPILOGS["check"])
def check(env: EnvironmentArgument, *, project: Project = None) -> None:
    """Run the guard alone: is the world behind kubeconfig and Vault token the one that the environment's file names?

    What every deployment asks first. Exit code 0: it is, 2: the file is not valid, 3: it is not (and a line about it
    was kept), 4: cluster or Vault do not answer.
    """
    from app_of_apps.cli.output import answer
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.environment.load import load_environment
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    settings = load_environment(env, folder).settings
    check_environment(settings, stack=env, environ=os.environ, project=folder)
    answer(
        f"{env}: cluster {settings.cluster.server} (context {settings.cluster.context}) and Vault "
        f"{settings.vault.address} ({settings.vault.mounts.kv}, {settings.vault.mounts.jwt}) are those of its file"
    )


@app.command(epilog=EPILOGS["register"])
def register(
    env: EnvironmentArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what was registered before.")] = False,
    project: Project = None,
) -> None:
    """Look up what tells an environment's cluster and Vault from others, show it, and write it down.

    Into Pulumi.ENV.yaml (comments and order stay), into the cluster and beside Vault's kv-v2 engine; needs the right to
    create a namespace and a ConfigMap, and to write `<kv>/metadata/app-of-apps/environment`. Exit code 0: registered,
    2: the file is not valid or another environment claims the same, 3: refused, 4: cluster or Vault do not answer.
    """
    from app_of_apps.cli.output import answer
    from app_of_apps.environment import registration as steps
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.environment.load import load_environment
    from app_of_apps.errors import Refused
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    environment = load_environment(env, folder)
    found = steps.look_up(environment, os.environ)
    answer(_table(env, found))
    if not found.changes:
        answer(f"{env} is registered; nothing to write")
        return
    if found.replaces and not force:
        names = "; ".join(f"{line.name} was {line.before}" for line in found.replaces)
        msg = (
            f"{env} is registered with something else; nothing was written. If it has really changed: --force ({names})"
        )
        raise Refused(msg)
    if not yes:
        _confirm(env, found)
    steps.register(found, os.environ)
    check_environment(load_environment(env, folder).settings, stack=env, environ=os.environ, project=folder)
    answer(f"{env} is registered; commit {found.file}")


def _table(env: str, found: Registration) -> str:
    width = max(len(line.name) for line in found.lines)
    context = found.environment.settings.cluster.context
    lines = [f"{env}, as the context {context!r} of the kubeconfig and Vault say:"]
    for line in found.lines:
        state = "" if not line.changes else f"  (was {line.before})" if line.before is not None else "  (new)"
        lines.append(f"  {line.name.ljust(width)}  {line.found}{state}")
    return "\n".join(lines)


def _confirm(env: str, found: Registration) -> None:
    from app_of_apps.errors import Refused

    if not sys.stdin.isatty():
        msg = "registering asks whether this is the right world, and nobody can answer here. Nothing was written: --yes"
        raise Refused(msg)
    try:
        agreed = typer.confirm(f"Is this {env}? Write it to {found.file}, the cluster and Vault", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        msg = "the answer was no; nothing was written"
        raise Refused(msg)
