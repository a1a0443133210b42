"""Ends, on the record, an attempt whose program could not: interrupted, a removal, a failure without a resource."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app_of_apps.approval.standing import last_record
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.load import load_environment
from app_of_apps.errors import AppOfAppsError
from app_of_apps.evidence.facts import about
from app_of_apps.evidence.front import FRONT_VARIABLE, RUN_VARIABLE, door
from app_of_apps.evidence.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app_of_apps.deploy.report import Report
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release

_RECORDED = ("up", "destroy")


def record_refusal(
    release: Release, settings: Environment, project: Path, reason: str, *, say: Callable[[str], None]
) -> None:
    """Note that an update was refused before its program began; says when that cannot be recorded."""
    try:
        with KubeReader(release.cluster.context) as kube:
            facts = about(release, last_record(kube, release.parent))
        environ = {**os.environ, FRONT_VARIABLE: door()}
        with Journal.open(settings, release.parent, environ, project, say=say) as journal:
            journal.refuse("up", reason, **facts)
    except AppOfAppsError as error:
        say(f"this refusal could not be recorded: {str(error).splitlines()[0]}")


def close(
    operation: str,
    report: Report,
    release: Release,
    project: Path,
    *,
    run: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """End the run's attempt where the program has not: it is gone before the engine is.

    Says when it cannot be recorded; the next run finds the attempt without an end, and ends it.
    """
    if operation not in _RECORDED or (operation == "up" and report.ok):
        return
    result = "succeeded" if report.ok else "interrupted" if report.interrupted else "failed"
    reason = report.causes[0].sentence if report.causes else ""
    try:
        settings = load_environment(release.environment, project).settings
        with Journal.open(settings, release.parent, os.environ, project) as journal:
            journal.end_run(run[RUN_VARIABLE], result, reason)
    except AppOfAppsError as error:
        say(f"that it {result} could not be recorded, the next run does it: {str(error).splitlines()[0]}")
