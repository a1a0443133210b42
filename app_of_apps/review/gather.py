"""Runs a preview and reads beside it what is needed to understand it. Reads only."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from app_of_apps.approval.check import check_gate
from app_of_apps.approval.standing import last_record, question_of
from app_of_apps.deploy.standing import read_deletions
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import AppOfAppsError, Refused, Unavailable
from app_of_apps.release.deletions import check_deletions, unasked
from app_of_apps.release.secret_uses import uses_of
from app_of_apps.review.build import Around, foreseen
from app_of_apps.review.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pulumi.automation import EngineEvent

    from app_of_apps.deploy.drift_beside import Beside
    from app_of_apps.deploy.run import Told
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.deletions import Deletions
    from app_of_apps.release.model import Release
    from app_of_apps.review.build import Locate
    from app_of_apps.review.model import Foreseen

    Operate = Callable[[Callable[[EngineEvent], None]], Told]

_CONNECTIONS = 8


def foresee(
    release: Release,
    settings: Environment,
    *,
    project: Path,
    environ: Mapping[str, str],
    operate: Operate,
    locate: Locate,
) -> tuple[Told, Foreseen]:
    """Return what a preview said, and what it means on top of what really stands.

    ``operate`` runs the preview and passes the engine's events on. Raises what it raises; what cannot be read beside
    it is said to be unknown.
    """
    steps = Steps()
    # The engine takes longer than both, and waits for the same cluster.
    with ThreadPoolExecutor(2, "review") as pool:
        reading = pool.submit(look_around, release, settings, project, environ)
        comparing = pool.submit(look_beside, release, settings, project, environ)
        told = operate(steps.take)
        beside = comparing.result()
        around = replace(
            reading.result(),
            drift=beside.drift,
            drift_notes=beside.notes,
            records=beside.records,
        )
        around = replace(around, unknown=(*around.unknown, *beside.unknown))
    if not told.report.ok:
        around = replace(around, missing=_missing(release, settings, environ))
    return told, foreseen(release, told.report, steps, around, locate)


def look_around(release: Release, settings: Environment, project: Path, environ: Mapping[str, str]) -> Around:
    """Read what stands, and whether what goes may go."""
    try:
        with KubeReader(release.cluster.context) as kube:
            record = last_record(kube, release.parent)
            deletions = read_deletions(kube, release)
            refusal = _refusal(release, settings, deletions, kube=kube, project=project, environ=environ)
    except Unavailable as error:
        return Around(unknown=(f"what stands, and what would be deleted: {error}",))
    return Around(record, deletions, refusal)


def look_beside(release: Release, settings: Environment, project: Path, environ: Mapping[str, str]) -> Beside:
    """Compare what stands with what was deployed, and read the records of what was."""
    # Imported here, while the engine starts.
    from app_of_apps.deploy.drift_beside import Beside, compare_beside  # noqa: PLC0415

    try:
        return compare_beside(settings, release, project, environ)
    except AppOfAppsError as error:
        return Beside(unknown=(f"drift: {str(error).splitlines()[0]}",))


def _refusal(
    release: Release,
    settings: Environment,
    deletions: Deletions,
    *,
    kube: KubeReader,
    project: Path,
    environ: Mapping[str, str],
) -> str:
    """Return why the program would refuse to delete what goes; it says so only when it is about to."""
    if not unasked(deletions, settings.gates):
        return ""
    approved: frozenset[str] = frozenset()
    with contextlib.suppress(Refused, Unavailable):  # the program says so itself
        question = question_of(settings, release, kube)
        approved = check_gate(question, project=project, environ=environ).deletions
    try:
        check_deletions(deletions, settings.gates, settings.name, approved=approved)
    except Refused as error:
        return str(error)
    return ""


def _missing(release: Release, settings: Environment, environ: Mapping[str, str]) -> frozenset[tuple[str, str | None]]:
    """Return which references lead nowhere; none where Vault cannot be asked, which the report says."""
    wanted = {(use.path, use.key) for child in release.children for use in uses_of(child)}
    paths = sorted({path for path, _ in wanted})
    if not paths:
        return frozenset()
    vault = settings.vault
    try:
        with (
            VaultReader(str(vault.address), vault.namespace, environ) as reader,
            ThreadPoolExecutor(min(_CONNECTIONS, len(paths)), "vault") as pool,
        ):
            found = dict(zip(paths, pool.map(lambda path: reader.keys(vault.mounts.kv, path), paths), strict=True))
    except Unavailable:
        return frozenset()
    return frozenset(
        (path, key) for path, key in wanted if (keys := found[path]) is None or (key is not None and key not in keys)
    )
