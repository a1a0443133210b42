"""Follows an update that a preview has foretold, and keeps with its record what became of the prediction."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from app_of_apps.approval.standing import last_record
from app_of_apps.deploy.accuracy import Taken, compare
from app_of_apps.deploy.prediction_store import find, forget
from app_of_apps.deploy.repair import OPERATION
from app_of_apps.deploy.rollback import VARIABLE as RESTORE
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.load import load_environment
from app_of_apps.errors import AppOfAppsError, Unavailable
from app_of_apps.evidence.attempts import COMPARED
from app_of_apps.evidence.front import RUN_VARIABLE
from app_of_apps.evidence.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app_of_apps.deploy.accuracy import Comparison
    from app_of_apps.deploy.prediction import Prediction
    from app_of_apps.release.model import Release

_OTHERS: Final = (OPERATION, RESTORE)
"""Variables of updates that bring something back: nobody has previewed those."""


@dataclass(slots=True)
class Foretelling:
    """A prediction and the update that it is compared with."""

    prediction: Prediction
    base: str | None
    """Name of the record of what stands before the update."""
    taken: Taken = field(default_factory=Taken)

    @classmethod
    def of(
        cls,
        release: Release,
        project: Path,
        *,
        given: Prediction | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self | None:
        """Return what an update is compared with: the prediction that is ``given``, else the one that was kept.

        None where there is none, where it cannot be read what stands, and for an update that brings something back.
        ``environ`` are the engine's further variables.
        """
        if any(name in (environ or {}) for name in _OTHERS):
            return None
        prediction = given or find(release, project, os.environ)
        if prediction is None:
            return None
        try:
            with KubeReader(release.cluster.context) as kube:
                record = last_record(kube, release.parent)
        except Unavailable:  # the program asks again, and ends with that
            return None
        return cls(prediction, None if record is None else str(record["metadata"]["name"]))

    def keep(
        self, release: Release, project: Path, *, ok: bool, run: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """Write a note into the chain of evidence about an update that has ended; nothing when none has begun.

        Says how it went, and where it could not be kept.
        """
        comparison = compare(self.prediction, self.taken, self.base, ok=ok)
        try:
            settings = load_environment(release.environment, project).settings
            with Journal.open(settings, release.parent, os.environ, project) as journal:
                began = journal.attempt_of(run[RUN_VARIABLE])
                if began is None:
                    return
                details = {"attempt": began.sequence, "comparison": comparison.shape()}
                journal.note(COMPARED, release=began.release, details=details)
        except AppOfAppsError as error:
            say(f"how well it was foretold could not be recorded: {str(error).splitlines()[0]}")
            return
        forget(self.prediction, project, os.environ)
        say(_told(comparison, release.environment))


def _told(comparison: Comparison, environment: str) -> str:
    every = comparison.right + comparison.wrong
    where = f"aoa preview accuracy {environment}"
    if comparison.stale:
        seen, base = (f"on top of {one or 'nothing'}" for one in (comparison.foretold_on, comparison.base))
        otherwise = f"{comparison.wrong} of {every} resources went otherwise"
        return f"It was previewed {seen} and deployed {base}; {otherwise}: {where}"
    if comparison.wrong:
        return f"{comparison.wrong} of {every} resources went otherwise than previewed: {where}"
    return f"As previewed: {comparison.right} resources."
