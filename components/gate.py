"""The gate of the environment, asked by the program before it declares anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pulumi

from app_of_apps.approval.check import Passed, check_gate, demands
from app_of_apps.approval.standing import question_of
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import Refused
from app_of_apps.evidence.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.approval.check import Question
    from app_of_apps.approval.gate import Action
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release


_NAMED: Final = 5
_REMEDY: Final = (
    "`aoa evidence list {}` shows all of it. Put the records back as they were (the folder that evidence: folder names "
    "and exports have them), or break the glass"
)


def pass_gate(settings: Environment, release: Release, *, project: Path, action: Action = "up") -> Passed:
    """Return what opened the gate for ``release``; raise Refused while it is shut.

    A preview goes through a shut gate and says what is missing, because whoever approves has to see it.
    """
    with KubeReader(release.cluster.context) as kube:
        question = question_of(settings, release, kube, action=action)
    try:
        passed = _checked(question, project)
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


def _checked(question: Question, project: Path) -> Passed:
    doubts = _doubts(question, project) if question.is_gated else []
    passed = check_gate(question, project=project, environ=os.environ)
    if doubts and passed.break_glass is None:
        raise Refused("\n  ".join([*doubts, _REMEDY.format(question.settings.name)]))
    return passed


def _doubts(question: Question, project: Path) -> list[str]:
    """Return why the records cannot be believed that the gate is asked by; nothing when they can.

    What stands and which approvals were used is read from the cluster, where others may write. So the chain has to be
    as it was signed, and it has to know the release that is said to stand.
    """
    with Journal.open(question.settings, question.parent, os.environ, project) as journal:
        findings = journal.findings()
        records = [one.record for one in journal.records() if one.readable]
    if findings:
        more = [f"and {len(findings) - _NAMED} more"] if len(findings) > _NAMED else []
        what = (
            "the records are not as they were signed, so nobody can say which approvals were used; nothing was touched:"
        )
        return [what, *map(str, findings[:_NAMED]), *more]
    succeeded = [one for one in records if one.result == "succeeded" and one.operation != "destroy"]
    last = [one.release.digest for one in succeeded if one.release is not None][-1:]
    if question.standing is not None and last != [question.standing.digest]:
        known = f"the last one that succeeded is {last[0]}" if last else "no release has succeeded"
        said = f"the cluster says that {question.standing.digest} stands"
        return [f"{said}, and by the signed records {known}; nothing was touched"]
    return []
