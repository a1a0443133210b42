"""The gate of the environment, asked by the program before it declares anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pulumi

from app_of_apps.approval.check import Passed, check_gate, demands
from app_of_apps.approval.standing import question_of
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.approval.gate import Action
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release


def pass_gate(settings: Environment, release: Release, *, project: Path, action: Action = "up") -> Passed:
    """Return what opened the gate for ``release``; raise Refused while it is shut.

    A preview goes through a shut gate and says what is missing, because whoever approves has to see it.
    """
    with KubeReader(release.cluster.context) as kube:
        question = question_of(settings, release, kube, action=action)
    try:
        passed = check_gate(question, project=project, environ=os.environ)
    except Refused as error:
        if not pulumi.runtime.is_dry_run():
            raise
        pulumi.log.warn(f"an update would be refused as things stand: {error}")
        return Passed()
    if passed.warning is not None:
        pulumi.log.warn(passed.warning)
    elif demands(question):
        pulumi.log.info(f"approved by {', '.join(passed.names) or 'nobody, and nobody is asked'}")
    return passed
