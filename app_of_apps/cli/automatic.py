"""What `aoa up` does after a failure: takes back what asks for it (`onFailure: rollback`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.deploy.past import Past
    from app_of_apps.deploy.rollback import Rollback
    from app_of_apps.deploy.run import Told
    from app_of_apps.release.model import Release
    from app_of_apps.release.project import World
    from app_of_apps.release.restore import Order


def after_failure(told: Told, world: World, env: str, *, parallel: int | None) -> Told:
    """Return what there is to tell in the end: the same, unless a child that failed asks for a rollback."""
    from app_of_apps.deploy.automatic import take_back, wants_rollback

    release = world.releases[env]
    if not wants_rollback(release, told.report):
        return told
    from app_of_apps.cli.operations import carry_out
    from app_of_apps.cli.output import note
    from app_of_apps.cli.rollback import composed, known_past
    from app_of_apps.environment.kube_reader import KubeReader

    def run(made: Release, environ: Mapping[str, str]) -> Told:
        note("A child that failed asks for a rollback (onFailure).")
        return carry_out("up", made, world.project, parallel=parallel, environ=environ, title="rollback")

    with KubeReader(release.cluster.context) as kube:

        def compose(order: Order, past: Past) -> Rollback:
            return composed(order, world, env, past, kube)

        return take_back(told, release, past=lambda: known_past(world, env, kube), compose=compose, run=run)
