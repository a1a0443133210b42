"""Looks for drift in one environment: finds the deployed release, reads its world, compares. Reads only."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from app_of_apps.deploy.drift import find_drift
from app_of_apps.deploy.drift_deployed import declared_charts, deployed_release, wanted_of
from app_of_apps.deploy.drift_read import read_world
from app_of_apps.deploy.past import vouched_past
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.objects.access import vault_groups

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app_of_apps.deploy.drift import Drift
    from app_of_apps.deploy.drift_deployed import Deployed
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release


def look(
    settings: Environment, current: Release, project: Path, environ: Mapping[str, str], *, child: str | None = None
) -> tuple[Deployed, Drift]:
    """Return the deployed release and what differs from it; of one child only where one is named.

    ``current`` is the working tree's release. Raises Unavailable when cluster, Vault or the engine's state cannot be
    read, or when nobody here knows what was deployed.
    """
    with ExitStack() as stack:
        kube = stack.enter_context(KubeReader(current.cluster.context))
        past = vouched_past(settings, current.parent, kube, environ=environ, project=project)
        deployed = deployed_release(kube, current, past)
        release = deployed.release
        wanted = wanted_of(release, declared_charts(release, project))
        if child is not None:
            wanted = tuple(one for one in wanted if one.child == child)
        groups = () if child is not None else vault_groups(release)
        vault = None
        if groups or any(one.policies or one.roles for one in wanted):
            scope = current.vault
            vault = stack.enter_context(VaultReader(str(scope.address), scope.namespace, environ))
        world = read_world(kube, vault, release, wanted, groups, complete=child is None)
    return deployed, find_drift(wanted, groups, world)
