"""Looks for drift beside a preview: with what its credentials may read, and without ending over what they may not."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.drift import find_drift
from app_of_apps.deploy.drift_deployed import UNVOUCHED, declared_charts, deployed_release, wanted_of
from app_of_apps.deploy.drift_read import read_world
from app_of_apps.deploy.past import read_past, vouched_past
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.objects.access import vault_groups

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app_of_apps.deploy.drift import Drift, Wanted, World
    from app_of_apps.deploy.past import Past
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release


@dataclass(frozen=True, slots=True)
class Beside:
    """What was found."""

    drift: Drift | None = None
    """None where nothing was deployed, or where nobody here knows what."""
    notes: tuple[str, ...] = ()
    """What one should know beside it."""
    records: tuple[Mapping[str, Any], ...] | None = None
    """The plain JSON of the chain of evidence, oldest first; None where it could not be read."""
    unknown: tuple[str, ...] = ()
    """What could not be read, and why."""


def compare_beside(settings: Environment, current: Release, project: Path, environ: Mapping[str, str]) -> Beside:
    """Return what differs from the release that stands, and the records of the environment.

    ``current`` is the working tree's release. Raises Unavailable when the cluster cannot be asked.
    """
    with KubeReader(current.cluster.context) as kube:
        past, notes = _past(settings, current, kube, project, environ)
        if not past.releases:
            return Beside(records=past.records)
        try:
            deployed = deployed_release(kube, current, past)
        except (Refused, Unavailable) as error:
            return Beside(notes=notes, records=past.records, unknown=(f"drift: {_first(error)}",))
        told = deployed.notes if not notes else tuple(one for one in deployed.notes if one != UNVOUCHED)
        wanted, unread = _wanted(deployed.release, project)
        world, unasked = _world(kube, deployed.release, wanted, environ)
        drift = find_drift(wanted, vault_groups(deployed.release), world)
    return Beside(drift, (*notes, *told), past.records, (*unread, *unasked))


def _past(
    settings: Environment, current: Release, kube: KubeReader, project: Path, environ: Mapping[str, str]
) -> tuple[Past, tuple[str, ...]]:
    """Return the records, vouched for where Vault lets us, and what is to be said about that."""
    try:
        return vouched_past(settings, current.parent, kube, environ=environ, project=project), ()
    except Unavailable as error:
        note = f"the signatures of the records were not checked: {_first(error)}"
        return read_past(kube, settings.name, current.parent), (note,)


def _wanted(release: Release, project: Path) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Return what is compared: without charts where the engine does not say what it declared for them."""
    try:
        return wanted_of(release, declared_charts(release, project)), ()
    except Unavailable as error:
        charts = {child.name for child in release.children if child.spec.type == "chart"}
        rest = tuple(one for one in wanted_of(release, {}) if one.child not in charts)
        return rest, (f"drift of {', '.join(sorted(charts))}: {_first(error)}",)


def _world(
    kube: KubeReader, release: Release, wanted: tuple[Wanted, ...], environ: Mapping[str, str]
) -> tuple[World, tuple[str, ...]]:
    """Return what stands; without Vault where it does not answer, or this is nobody whom it knows."""
    groups = vault_groups(release)
    if groups or any(one.policies or one.roles for one in wanted):
        scope = release.vault
        try:
            with ExitStack() as stack:
                vault = stack.enter_context(VaultReader(str(scope.address), scope.namespace, environ))
                return read_world(kube, vault, release, wanted, groups), ()
        except Unavailable as error:
            return read_world(kube, None, release, wanted, groups), (f"drift in Vault: {_first(error)}",)
    return read_world(kube, None, release, wanted, groups), ()


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
