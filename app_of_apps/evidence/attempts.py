"""Folds records into attempts: what began, how it ended, who ran it and who approved it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from app_of_apps.evidence.signing import raw_key, verified
from app_of_apps.release.digest import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.evidence.record import Approval, Record

OPEN: Final = "open"
"""The result of an attempt that has no end: it runs, or it was killed and nobody has run since."""
NOTED: Final = "noted"
"""The result of a note, which tried nothing."""
COMPARED: Final = "accuracy"
"""The operation of a note that says how well an attempt was foretold."""

TOOK: Final = "took"
"""In the details of an end: child → seconds from when all that it needs was healthy to when it was healthy itself."""
COMMITTED: Final = "committed"
"""In the details of a beginning that was approved: when its commit was made, as git says."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody's signed statement, as a record keeps it."""

    name: str
    entity: str
    kind: str
    reason: str
    issued: str
    expires: str
    proven: bool
    """Whether the signature was made with the public key that the record holds."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the record that it began with, or its refusal, or a note; and the record that it ended with."""

    opening: Record
    ending: Record | None = None
    comparison: Record | None = None
    """The note that says how well it was foretold."""

    @property
    def records(self) -> tuple[Record, ...]:
        """Its records in order."""
        return tuple(filter(None, (self.opening, self.ending, self.comparison)))

    @property
    def started(self) -> datetime:
        """When it began."""
        return moment(self.opening.time)

    @property
    def ended(self) -> datetime | None:
        """When it ended; None of what has no end."""
        return moment(self.ending.time) if self.ending else None

    @property
    def result(self) -> str:
        """``succeeded``, ``failed``, ``refused``, ``killed``, ``interrupted``, ``open`` or ``noted``."""
        if self.opening.kind == "refused":
            return "refused"
        if self.opening.kind == "note":
            return NOTED
        return (self.ending.result if self.ending else None) or OPEN

    @property
    def reason(self) -> str:
        """Why it was refused or did not end well."""
        return (self.ending.reason if self.ending else "") or self.opening.reason

    @property
    def seconds(self) -> float | None:
        """How long it took, as it was measured."""
        return self.ending.seconds if self.ending else self.opening.seconds

    @property
    def runner(self) -> str:
        """Who ran it, by the name that Vault knows, else the cluster's."""
        return runner(self.opening)

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """Whose approvals counted."""
        return tuple(approver(one) for one in self.opening.approvals)

    @property
    def break_glass(self) -> Approver | None:
        """Who went around the gate, if anybody did."""
        found = self.opening.break_glass
        return approver(found) if found else None

    def touches(self, child: str) -> bool:
        """Whether it changed a child, or tried to; whatever works on all children touches each."""
        record = self.opening
        if any(change.child == child for change in record.changes):
            return True
        return record.operation == "destroy" and child in record.children


def attempts(records: Iterable[Record]) -> tuple[Attempt, ...]:
    """Return the attempts of records in the order in which they began.

    An end without its beginning, as at the edge of a range, is an attempt of its own. What was noted about how well an
    attempt was foretold belongs to it.
    """
    openings: dict[int, Record] = {}
    endings: dict[int, Record] = {}
    compared: dict[int, Record] = {}
    for record in records:
        about = record.details.get("attempt") if record.kind == "note" and record.operation == COMPARED else None
        if record.kind == "ended" and record.attempt in openings and record.attempt not in endings:
            endings[record.attempt] = record
        elif isinstance(about, int) and about in openings and about not in compared:
            compared[about] = record
        else:
            openings[record.sequence] = record
    return tuple(
        Attempt(record, endings.get(sequence), compared.get(sequence)) for sequence, record in openings.items()
    )


def between(found: Iterable[Attempt], since: datetime | None, until: datetime | None) -> tuple[Attempt, ...]:
    """Return the attempts of which any part lies from ``since`` on and before ``until``."""
    return tuple(
        each
        for each in found
        if (since is None or (each.ended or each.started) >= since) and (until is None or each.started < until)
    )


def moment(time: str) -> datetime:
    """Return the moment that a record's time says, in UTC; the beginning of 1970 for one that no calendar has."""
    try:
        return datetime.fromisoformat(time)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def runner(record: Record) -> str:
    """Return whoever a record names as its runner: the name in Vault, else in the cluster; "" where it names nobody.

    Of what came through the service, whoever it says has asked.
    """
    who, asked = record.who, record.details.get("askedBy")
    if record.front == "service" and isinstance(asked, str):
        return f"{asked.partition(':')[2]} (through the service)"
    names = (who.vault.entity_name, who.vault.display_name) if who.vault else ()
    cluster = (who.kubernetes.username,) if who.kubernetes else ()
    return next(filter(None, (*names, *cluster)), "")


def approver(signed: Approval) -> Approver:
    """Return who signed an approval, as its payload says."""
    payload = signed.payload
    who = payload.get("approver")
    named = who if isinstance(who, dict) else {}
    said = {key: str(payload.get(key) or "") for key in ("kind", "reason", "issued", "expires")}
    key = raw_key(signed.public_key)
    proven = key is not None and verified(key, signed.signature, canonical_json(payload))
    return Approver(str(named.get("name") or ""), str(named.get("entity") or ""), **said, proven=proven)
