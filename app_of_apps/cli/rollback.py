"""``aoa rollback``: bring an earlier release back, all of it or single children."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.operations import EngineOutput, Format, Parallel
from app_of_apps.cli.options import EnvironmentArgument, Project, RollbackChild, RollbackTo, Server, TextOrJson

if TYPE_CHECKING:
    from app_of_apps.deploy.past import Past
    from app_of_apps.deploy.rollback import Rollback
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.release.project import World
    from app_of_apps.release.restore import Order

EPILOG = (
    "Examples: [bold]aoa rollback prod[/bold] · [bold]aoa rollback prod --to 7 --child orders[/bold] · "
    "[bold]aoa rollback prod --dry-run[/bold]"
)


def rollback(
    env: EnvironmentArgument,
    *,
    to: RollbackTo = None,
    child: RollbackChild = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come back; change nothing.")] = False,
    parallel: Parallel = None,
    output: Format = TextOrJson.TEXT,
    engine_output: EngineOutput = False,
    server: Server = None,
    project: Project = None,
) -> None:
    """Bring an earlier release back through the same graph, gate and record as `up`.

    What comes back are children as they were deployed; where they go and who may do what stays as it is now. A schema
    goes forward only: past what a migration can live with (`compatibleFrom`) the rollback is refused, or the
    migration's `down` runs first. After a failed `up` the last success comes back. Exit codes as those of `up`; 3 when
    it cannot be.
    """
    import os
    from dataclasses import replace

    from app_of_apps.cli.operations import carry_out, finish
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.rollback import VARIABLE, back_in_git
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.release.project import find_project, load_world
    from app_of_apps.release.restore import Order

    if server is not None:
        _elsewhere(server, env, to, child or [], output, given=(dry_run, parallel))
        return
    folder = find_project(project)
    world = load_world(folder, [env])
    now = world.releases[env]
    check_environment(world.settings[env], stack=env, environ=os.environ, project=folder)
    with KubeReader(now.cluster.context) as kube:
        past = known_past(world, env, kube)
        number = to if to is not None else past.before().number
        made = composed(Order(number, tuple(sorted(set(child or ())))), world, env, past, kube)
    note(made.words)
    if not made.approved and world.settings[env].gates.approvals.required:
        children = "".join(f" --child {name}" for name in made.order.children)
        note(
            "Not all of this has passed the gate as it is, so the gate asks for approvals as it does for any release: "
            f"aoa approve {env} --rollback --to {number}{children}"
        )
    if not dry_run and not yes:
        _confirm(env)
    told = carry_out(
        "preview" if dry_run else "up",
        made.release,
        folder,
        parallel=parallel,
        environ={VARIABLE: str(made.order)},
        title="preview of a rollback" if dry_run else "rollback",
    )
    if not dry_run:
        told = replace(told, report=replace(told.report, operation="rollback"))
    if told.report.ok and not dry_run:
        for line in back_in_git(made, now, world.manifest):
            note(line)
    finish(told, output=output, engine_output=engine_output)


def _elsewhere(
    server: str, env: str, to: int | None, child: list[str], output: TextOrJson, *, given: tuple[object, ...]
) -> None:
    from app_of_apps.cli.remote import carry_out
    from app_of_apps.errors import Refused
    from app_of_apps.service.operation import Asked

    if any(given):
        msg = "--dry-run and --parallel cannot be had with --server; nothing was touched"
        raise Refused(msg)
    carry_out(server, env, Asked(operation="rollback", to=to, children=tuple(sorted(set(child)))), output)


def known_past(world: World, env: str, kube: KubeReader) -> Past:
    """Return what an environment has been through."""
    import os

    from app_of_apps.deploy.past import vouched_past

    parent = world.releases[env].parent
    return vouched_past(world.settings[env], parent, kube, environ=os.environ, project=world.project)


def composed(order: Order, world: World, env: str, past: Past, kube: KubeReader) -> Rollback:
    """Return the rollback that an order asks for."""
    from app_of_apps.deploy.rollback import rollback as make
    from app_of_apps.environment.load import load_environment

    environment = load_environment(env, world.project)
    now = world.releases[env]
    return make(order, manifest=world.manifest, environment=environment, now=now, past=past, kube=kube)


def _confirm(env: str) -> None:
    from app_of_apps.errors import Refused

    if not sys.stdin.isatty():
        msg = "rollback asks before it begins, and nobody can answer here; nothing was touched. Give --yes"
        raise Refused(msg)
    try:
        agreed = typer.confirm(f"Bring this back in {env}?", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        msg = "the answer was no; nothing was touched"
        raise Refused(msg)
