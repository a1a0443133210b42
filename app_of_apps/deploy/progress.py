"""Says, while an operation runs, what each child is doing. Pure: events and the clock in, rows out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app_of_apps.deploy.facts import SECRET_KINDS
from app_of_apps.deploy.redact import one_line
from app_of_apps.deploy.report import duration

if TYPE_CHECKING:
    from app_of_apps.deploy.ledger import Ledger
    from app_of_apps.graph.order import Plan
    from app_of_apps.release.model import Release


class Doing(StrEnum):
    """What a child is doing."""

    WAITING = "waiting"
    WORKING = "in progress"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"


# Kinds whose health the engine waits for.
_AWAITED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", *SECRET_KINDS, "PersistentVolumeClaim"})
_NEWS = 160
"""Characters of what the engine says about an object that are shown while it is waited for."""
_DONE_WORDS = {"up": "healthy", "preview": "looked at", "refresh": "read", "destroy": "removed"}


@dataclass(frozen=True, slots=True)
class Row:
    """One child at one moment. ``text`` changes with time, ``key`` only when something happens."""

    child: str
    team: str
    doing: Doing
    text: str
    key: str


class Progress:
    """Follows one operation of a release through a ledger that others fill."""

    def __init__(self, operation: str, release: Release, plan: Plan, ledger: Ledger) -> None:
        """Begin when nothing has been said yet."""
        self._operation, self._release, self._plan, self._ledger = operation, release, plan, ledger
        self._since: dict[str, float] = {}

    def rows(self, now: float) -> tuple[Row, ...]:
        """Return all children in dependency order (against it when destroying); ``now`` in seconds of any clock."""
        names = self._plan.order if self._operation != "destroy" else tuple(reversed(self._plan.order))
        return tuple(self._row(name, now) for name in names)

    def _row(self, name: str, now: float) -> Row:
        entry, team = self._ledger.entries[name], self._release.child(name).spec.team
        if entry.failed or entry.errors:
            return Row(name, team, Doing.FAILED, "failed", "failed")
        if entry.working:
            since = self._since.setdefault(name, now)
            # The longest under way is what the child is waiting for.
            step = next(iter(entry.working))
            identity = self._ledger.identity(step.urn, step.name)
            more = f" and {len(entry.working) - 1} more" if len(entry.working) > 1 else ""
            said = entry.now.get(step.urn)
            news = f": {one_line(said.text, _NEWS)}" if said is not None else ""
            text = f"{step.op} {identity.kind} {identity.name}{more}, {duration(now - since)}{news}"
            # What passes in a moment is no event of its own; what is waited for is, and so is a warning about it.
            key = f"{step.op} {identity.kind}" if identity.kind in _AWAITED else "working"
            warned = news if said is not None and said.severity != "info" else ""
            return Row(name, team, Doing.WORKING, text, key + warned)
        if self._finished(name):
            changes = ", ".join(f"{count} {word}" for word, count in entry.counted())
            word = _DONE_WORDS[self._operation]
            text = f"{word}: {changes}" if changes else f"{word}, unchanged" if self._operation == "up" else word
            return Row(name, team, Doing.DONE, text, "done")
        if entry.done:
            return Row(name, team, Doing.WORKING, "in progress", "working")
        waits = [need for need in self._before(name) if not self._finished(need)]
        broken = [need for need in waits if self._ledger.entries[need].failed or self._ledger.entries[need].errors]
        if broken:
            return Row(name, team, Doing.BLOCKED, f"blocked by {', '.join(broken)}", "blocked")
        text = f"waits for {', '.join(waits)}" if waits else "not begun"
        return Row(name, team, Doing.WAITING, text, text)

    def _before(self, name: str) -> tuple[str, ...]:
        if self._operation == "destroy":
            return tuple(reversed(self._plan.dependents(name)))
        if self._operation == "refresh":  # reads everything at once
            return ()
        return self._plan.edges[name]

    def _finished(self, name: str) -> bool:
        if self._operation != "refresh":  # has steps for what is in the state, which may be less
            return self._ledger.complete(name)
        entry = self._ledger.entries[name]
        return bool(entry.done) and not entry.working and not entry.failed
