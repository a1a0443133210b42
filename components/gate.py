"""The gate of the environment, asked by the program before it declares anything."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pulumi

from app_of_apps.approval.check import Passed, Question, check_gate, demands
from app_of_apps.approval.standing import chain, last_record, standing_of, used_nonces
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
    question = question_of(settings, release, action=action)
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


def question_of(settings: Environment, release: Release, *, action: Action = "up") -> Question:
    """Return what the gate is asked about ``release``, with what the records in the cluster say."""
    with KubeReader(release.cluster.context) as kube:
        record = last_record(kube, release.parent)
        standing = standing_of(record) if record is not None else None
        digest = standing.digest if standing is not None and action == "destroy" else release.digest
        question = Question(settings, release.parent, digest, standing, action)
        return replace(question, used=used_nonces(chain(kube, release.parent))) if demands(question) else question
