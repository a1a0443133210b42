"""The releases of an environment that succeeded, as its cluster keeps them and its evidence vouches for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app_of_apps.approval.standing import chain
from app_of_apps.deploy.repair import REPAIR
from app_of_apps.errors import InvalidInput, Position, Problem, Refused
from app_of_apps.evidence.journal import Journal
from app_of_apps.objects.record import SELECTOR, record_namespace
from app_of_apps.release.provenance import DIRTY
from app_of_apps.release.stored import stored_release

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from app_of_apps.approval.standing import Reader as StandingReader
    from app_of_apps.deploy.facts import Reader
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release

Record = Mapping[str, Any]

_OF_ALL = frozenset({"up", "rollback", "destroy", REPAIR})


@dataclass(frozen=True, slots=True)
class PastRelease:
    """One release that succeeded."""

    number: int
    name: str
    """Of its ConfigMap."""
    digest: str
    commit: str | None
    """The commit of the working tree that it was deployed from."""
    stored: Mapping[str, Any] = field(repr=False)
    """The ConfigMap."""

    @property
    def children(self) -> dict[str, str]:
        """Child → digest, without migrations, as the record's data says."""
        said = json.loads((self.stored.get("data") or {}).get("children") or "{}")
        return {name: one["digest"] for name, one in said.items() if one.get("type") != "migration"}

    def release(self) -> Release:
        """Return its content; raises what `stored_release` raises."""
        return stored_release(self.stored)


@dataclass(frozen=True, slots=True)
class Past:
    """What an environment has been through: its releases, oldest first, and the records of all attempts."""

    environment: str
    releases: tuple[PastRelease, ...]
    records: tuple[Record, ...] = ()
    """The plain JSON of the chain of evidence, oldest first."""
    vouched: bool = False
    """Whether the signatures of the chain were checked. Without, nothing of it counts as approved."""

    @property
    def last(self) -> PastRelease:
        """The last release that succeeded; raises Refused when there is none."""
        if not self.releases:
            msg = (
                f"nothing has become healthy in {self.environment} yet, so there is nothing to go back to; nothing was "
                "touched. Mend what fails and run `aoa up` again"
            )
            raise Refused(msg)
        return self.releases[-1]

    def numbered(self, number: int) -> PastRelease:
        """Return the release of that number.

        Raises InvalidInput when there is none, Refused when the evidence does not know its content: somebody may have
        made it up.
        """
        found = next((one for one in self.releases if one.number == number), None)
        if found is None:
            known = ", ".join(str(one.number) for one in self.releases) or "none"
            problem = Problem(
                Position("--to"), "", f"there is no release {number} in {self.environment}", f"known: {known}"
            )
            raise InvalidInput([problem])
        succeeded = {digest_of(one) for one in self.records if one.get("result") == "succeeded"}
        if (self.records or self.vouched) and found.digest not in succeeded:
            msg = (
                f"release {number} ({found.name}) is in the cluster, and no signed record says that it succeeded; "
                "nothing was touched. Choose another one, see `aoa history`"
            )
            raise Refused(msg)
        return found

    @property
    def approved(self) -> frozenset[str]:
        """The digests of all children that passed the gate: every attempt that began had passed it."""
        if not self.vouched:
            return frozenset()
        return frozenset(
            child["digest"] for one in self.records if one["kind"] == "began" for child in one["children"].values()
        )

    @property
    def unfinished(self) -> Record | None:
        """The newest attempt on all children, when what succeeded last is not what it left."""
        ended = {one.get("attempt"): one.get("result") for one in self.records if one["kind"] == "ended"}
        began = [one for one in self.records if one["kind"] == "began" and one.get("operation") in _OF_ALL]
        newest = began[-1] if began else None
        if newest is None or (newest.get("operation") != "destroy" and ended.get(newest["sequence"]) == "succeeded"):
            return None
        return newest

    @property
    def stopped(self) -> PastRelease | None:
        """What the newest attempt was to bring back, when it is a rollback that did not succeed."""
        newest = self.unfinished
        number = newest.get("rollbackOf") if newest is not None else None
        return next((one for one in self.releases if one.number == number), None)

    def attempt(self, sequence: int) -> Record:
        """Return the record that an attempt began with; raises Refused when there is none."""
        found = next((one for one in self.records if one["sequence"] == sequence and one["kind"] == "began"), None)
        if found is None:
            msg = f"the evidence of {self.environment} knows no attempt {sequence}; nothing was touched"
            raise Refused(msg)
        return found

    def commits(self, digests: Iterable[str]) -> tuple[str, ...]:
        """Return the commits of the attempts that had one of these children, the newest first."""
        wanted = frozenset(digests)
        return tuple(
            str(one["git"]["commit"])
            for one in reversed(self.records)
            if (one.get("git") or {}).get("commit")
            and wanted.intersection(child["digest"] for child in one["children"].values())
        )

    def before(self) -> PastRelease:
        """Return what a rollback goes back to when nobody says it.

        That is the last success when something was begun after it, or what a rollback of all children was to bring back
        that did not succeed; else the success before it. A release that is a
        rollback itself counts as the one that it brought back, so that a second rollback goes on further back and not
        to what the first one left. Raises Refused where there is nothing before.
        """
        last = self.last
        if self.unfinished is not None:
            stopped = self.stopped
            return stopped if stopped is not None and self._was_of_all(stopped, self.unfinished) else last
        back = self._brought_back()
        number, seen = last.number, {last.number}
        while (older := back.get(number)) is not None and older not in seen:
            number = older
            seen.add(older)
        earlier = [one for one in self.releases if one.number < number]
        if not earlier:
            msg = (
                f"release {number} is the first that became healthy in {self.environment}, so there is nothing to go "
                "back to; nothing was touched"
            )
            raise Refused(msg)
        return earlier[-1]

    def _was_of_all(self, target: PastRelease, began: Record) -> bool:
        """Whether a rollback wanted all children of its target; migrations have a way of their own."""
        wanted = {name: one["digest"] for name, one in began["children"].items() if one.get("type") != "migration"}
        return wanted == target.children

    def _brought_back(self) -> dict[int, int]:
        """Return release → the release that it brought back, of those that are rollbacks."""
        numbers = {one.digest: one.number for one in self.releases}
        return {
            numbers[digest]: int(one["rollbackOf"])
            for one in self.records
            if one["kind"] == "began" and one.get("rollbackOf") is not None and (digest := digest_of(one)) in numbers
        }


def digest_of(record: Record) -> str | None:
    """Return the digest of the release that a record speaks of."""
    release = record.get("release")
    return str(release["digest"]) if release else None


def read_past(kube: StandingReader, environment: str, parent: str) -> Past:
    """Return what an environment has been through, as its cluster says. Nothing of it counts as approved."""
    return Past(environment, past_releases(kube, parent), chain(kube, parent))


def vouched_past(
    settings: Environment, parent: str, kube: Reader, *, environ: Mapping[str, str], project: Path
) -> Past:
    """Return what an environment has been through, as its cluster and its evidence say.

    Raises Unavailable when either cannot be read.
    """
    with Journal.open(settings, parent, environ, project) as journal:
        records = tuple(json.loads(one.text) for one in journal.records() if one.readable)
        vouched = not journal.findings()
    return Past(settings.name, past_releases(kube, parent), records, vouched=vouched)


def past_releases(kube: Reader, parent: str) -> tuple[PastRelease, ...]:
    """Return the releases of a parent that succeeded, oldest first; those of before they had numbers are left out."""
    path = f"/api/v1/namespaces/{record_namespace(parent)}/configmaps"
    found = [
        PastRelease(
            number=int(data["number"]),
            name=str(item["metadata"]["name"]),
            digest=str(data["digest"]),
            commit=_commit(item["metadata"].get("annotations") or {}),
            stored=item,
        )
        for item in kube.list(path, labelSelector=SELECTOR)
        if str((data := item.get("data") or {}).get("number", "")).isdecimal() and "digest" in data
    ]
    return tuple(sorted(found, key=lambda one: one.number))


def _commit(annotations: Mapping[str, str]) -> str | None:
    """Return the commit that the working tree was at; what is looked up there is checked by its digest."""
    return annotations.get("app-of-apps/git-commit", "").removesuffix(DIRTY) or None


def completed_migrations(kube: Reader, parent: str, names: Iterable[str]) -> dict[str, str]:
    """Return migration → the digest of the child whose Job ran to its end last; without one it is left out."""
    found: dict[str, str] = {}
    for name in names:
        ended = [
            (str(job["status"].get("completionTime", "")), digest)
            for job in kube.list(f"/apis/batch/v1/namespaces/{parent}-{name}/jobs")
            if _is_complete(job)
            and (digest := (job["metadata"].get("annotations") or {}).get("app-of-apps/child-digest"))
        ]
        if ended:
            found[name] = max(ended)[1]
    return found


def _is_complete(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Complete" and one.get("status") == "True" for one in conditions)
