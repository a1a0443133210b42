"""What the program writes into the chain of evidence: that it begins, that it was refused, and how it ended.

A preview writes nothing, and neither does a refresh; but a refusal in the preview that `pulumi up` begins with is the
end of an attempt, and is written. The program ends before the engine does, and is killed when the engine is: what it
could not write is found and written by the next run, which holds the stack's lock.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from app_of_apps.deploy.repair import OPERATION, REPAIR
from app_of_apps.environment.git import committed
from app_of_apps.errors import AppOfAppsError, Unavailable
from app_of_apps.evidence.attempts import COMMITTED, TOOK
from app_of_apps.evidence.facts import about, secret_folders, snapshot_digest
from app_of_apps.evidence.journal import Journal
from app_of_apps.evidence.record import Approval
from components.operation import engine_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from app_of_apps.approval.check import Passed
    from app_of_apps.approval.gate import Given
    from app_of_apps.environment.settings import Environment
    from app_of_apps.evidence.record import Git, PolicyVerdict
    from app_of_apps.release.model import Release


@dataclass(slots=True)
class Attempt:
    """One run of the program, from the guard to its end. Its methods may be called from several threads."""

    journal: Journal | None
    operation: str
    facts: dict[str, Any] = field(default_factory=dict)
    number: int | None = None
    """Of the record that it began with."""
    new: bool = True
    """Whether the release gets a record of its own."""
    refusing: Callable[[], Journal] | None = None
    """Opens the journal for a refusal alone, in a preview that an attempt begins with."""
    _result: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, settings: Environment, parent: str, project: Path, operation: str) -> Attempt:
        """Return the attempt; one that writes nothing for a preview or a refresh.

        What an earlier run left without an end is ended here, and the guard's refusals are taken into the chain.
        """
        if operation == "refresh":
            return cls(None, operation)

        def opened() -> Journal:
            return Journal.open(settings, parent, os.environ, project, say=pulumi.log.warn)

        if pulumi.runtime.is_dry_run():
            return cls(None, operation, refusing=opened if engine_goes_on() else None)
        journal = opened()
        journal.close_dead()
        journal.take_refusals()
        # What a repair is called in its records decides about nothing.
        repairs = operation == "up" and os.environ.get(OPERATION) == REPAIR
        return cls(journal, REPAIR if repairs else operation)

    def about(self, release: Release, last: Mapping[str, Any] | None, git: Git | None) -> None:
        """Note what the records of this run say about its release; ``last`` records the last one that succeeded."""
        if self.journal is None and self.refusing is None:
            return
        self.facts |= {**about(release, last), "git": git}
        self.new = last is None or last["metadata"]["name"] != self.facts["release"].name

    def comes_back(self, number: int) -> None:
        """Note that the run brings back an earlier release."""
        self.operation = "rollback"
        self.facts["rollback_of"] = number

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Write down the error that ends the run before anything has begun, and let it pass."""
        try:
            yield
        except AppOfAppsError as error:
            try:
                journal = self.refusing() if self.refusing is not None else self.journal
                if journal is not None:
                    journal.refuse(self.operation, str(error), **self.facts)
            except AppOfAppsError as cause:
                # The refusal stays one; a Vault or a cluster that is down is often the reason itself.
                pulumi.log.warn(f"this refusal could not be recorded: {str(cause).splitlines()[0]}")
            raise

    def begin(self, release: Release, passed: Passed, policies: Sequence[PolicyVerdict]) -> None:
        """Write that it begins; raises Unavailable where that cannot be written, and then nothing may begin.

        ``policies`` are the verdicts of the rules that it has passed.
        """
        if self.journal is None:
            return
        given = [*passed.approvals, *([passed.break_glass] if passed.break_glass else [])]
        versions = self.journal.vault.versions(release.vault.mounts.kv, secret_folders(release))
        self.number = self.journal.begin(
            self.operation,
            **self.facts,
            secrets=versions,
            snapshot=snapshot_digest(release, versions),
            approvals=[_approval(one) for one in passed.approvals],
            break_glass=None if passed.break_glass is None else _approval(passed.break_glass),
            preview=next((one.statement.preview for one in given if one.statement.preview), None),
            policies=policies,
            details={"new": self.new, **(_asked(self.journal.project) if given else {})},
        )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Write down the error that ends the program after it has begun, and let it pass."""
        try:
            yield
        except AppOfAppsError as error:
            self.failed(str(error))
            raise

    def succeeded(self, took: Mapping[str, float]) -> None:
        """Write that everything is healthy; ``took`` is child → seconds from when what it needs was healthy."""
        self._end("succeeded", details={TOOK: dict(took)})

    def interrupted(self) -> None:
        """Write that somebody stopped the engine."""
        self._end("interrupted")

    def failed(self, report: str) -> None:
        """Write that it failed, once; a failure after everything was healthy is noted."""
        self._end("failed", report)

    def _end(self, result: str, reason: str = "", details: Mapping[str, Any] | None = None) -> None:
        with self._lock:
            if self.journal is None or self.number is None:
                return
            try:
                if not self._result:
                    self._result = result
                    self.journal.end(
                        self.number, result, operation=self.operation, reason=reason, details=details or {}
                    )
                elif self._result == "succeeded" and result == "failed":
                    about = {"attempt": self.number}
                    self.journal.note(self.operation, reason=reason[:500], details=about)
            except AppOfAppsError as error:
                pulumi.log.warn(f"that it {result} could not be recorded; the next run does: {error}")


def _asked(project: Path) -> dict[str, str]:
    """Return since when there was something to approve: when the commit was made, by its committer's clock."""
    try:
        return {COMMITTED: committed(project)}
    except (Unavailable, ValueError):  # without git nobody says, and nothing else depends on it
        return {}


def _approval(given: Given) -> Approval:
    return Approval(
        payload=json.loads(given.signed.payload),
        signature=given.signed.signature,
        key=given.signed.key,
        public_key=given.public_key,
    )
