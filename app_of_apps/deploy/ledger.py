"""Keeps, child by child, what the engine has begun, done and failed in one operation. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app_of_apps.deploy.events import Event, Family, Message, Policy, Step, Summary, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.objects.model import ChildObjects

# What a report calls the engine's steps; those that are not here change nothing.
_WORDS = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete": "deleted",
    "import": "imported",
}
_CHANGE_ORDER = ("created", "updated", "replaced", "deleted", "imported")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object of the world a resource stands for."""

    kind: str
    namespace: str
    name: str


@dataclass(slots=True)
class Entry:
    """What happened to one child. Steps are by URN."""

    begun: dict[str, Step] = field(default_factory=dict)
    done: dict[str, Step] = field(default_factory=dict)
    failed: dict[str, Step] = field(default_factory=dict)
    errors: list[Message] = field(default_factory=list)
    now: dict[str, Message] = field(default_factory=dict)
    """What was said last about how things stand, by URN."""
    changes: dict[str, int] = field(default_factory=dict)
    drifted: int = 0
    """Objects whose refresh found a difference."""
    first: int = 0
    last: int = 0

    @property
    def working(self) -> tuple[Step, ...]:
        """Return what was begun and has not come to an end."""
        return tuple(step for urn, step in self.begun.items() if urn not in self.done and urn not in self.failed)

    @property
    def seconds(self) -> float | None:
        """Return how long the child took."""
        return float(self.last - self.first) if self.first and self.last else None

    def counted(self) -> tuple[tuple[str, int], ...]:
        """Return the changes in a fixed order."""
        return tuple((word, self.changes[word]) for word in _CHANGE_ORDER if self.changes.get(word))


class Ledger:
    """Takes the events of one operation, in the order in which they come."""

    def __init__(self, objects: tuple[ChildObjects, ...]) -> None:
        """Know which resources each child of a release has."""
        self.expected: Mapping[str, frozenset[str]] = {one.child: frozenset(_names(one)) for one in objects}
        self.identities: Mapping[str, Identity] = {
            name: identity for one in objects for name, identity in _names(one).items()
        }
        self.open: frozenset[str] = frozenset(one.child for one in objects if one.chart is not None)
        """Children whose resources are known only to their chart."""
        self.entries: dict[str, Entry] = {one.child: Entry() for one in objects}
        self.family = Family()
        self._orphans: list[Step] = []
        self.messages: list[Message] = []
        """Errors and warnings that belong to no child."""
        self.policies: list[Policy] = []
        self.summary: Summary | None = None

    def take(self, event: Event) -> str | None:
        """Write an event down; return the child that it is about."""
        if isinstance(event, Step):
            return self._step(event)
        if isinstance(event, Message):
            child = self.family.child(event.urn) if event.urn else None
            if event.passing:
                if child is not None:
                    self.entries.setdefault(child, Entry()).now[event.urn] = event
                return child
            if child is not None and event.severity == "error":
                self.entries.setdefault(child, Entry()).errors.append(event)
                return child
            if event.severity in {"error", "warning", "info#err"}:
                self.messages.append(event)
        elif isinstance(event, Policy):
            self.policies.append(event)
        else:
            self.summary = event
        return None

    def complete(self, child: str) -> bool:
        """Whether everything that the child has is done; for a chart, whether all that was begun is."""
        entry = self.entries[child]
        done = {step.name for step in entry.done.values()}
        if not entry.done or entry.failed or entry.working or not self.expected.get(child, frozenset()) <= done:
            return False
        return child not in self.open or len(done) > len(self.expected[child])

    def identity(self, urn: str, name: str) -> Identity:
        """Return which object a resource stands for, as well as its names tell."""
        known = self.identities.get(name)
        if known is not None:
            return known
        # The provider names a chart's objects `<prefix>:<namespace>/<name>`.
        namespace, _, own = name.rpartition(":")[2].rpartition("/")
        return Identity(type_of(urn).rpartition(":")[2], namespace, own)

    def _step(self, step: Step) -> str | None:
        self.family.learn(step)
        if self.family.unknown(step.urn):
            self._orphans.append(step)
            return None
        if not step.custom and self._orphans:
            orphans, self._orphans = self._orphans, []
            for orphan in orphans:
                self._step(orphan)
        child = self.family.child(step.urn)
        if child is None or not step.custom:
            return None
        entry = self.entries.setdefault(child, Entry())
        entry.first = entry.first or step.at
        entry.last = step.at or entry.last
        if step.phase == "begun":
            # A replacement has several steps under one URN; the last one begun is what goes on.
            entry.done.pop(step.urn, None)
            entry.begun[step.urn] = step
        elif step.phase == "failed":
            entry.failed[step.urn] = step
        else:
            entry.done[step.urn] = step
            word = _WORDS.get(step.op)
            if word and step.op != "replace":  # "replace" only sums up its two halves
                entry.changes[word] = entry.changes.get(word, 0) + 1
            if step.op == "refresh" and step.diffs:
                entry.drifted += 1
        return child


def _names(objects: ChildObjects) -> dict[str, Identity]:
    """Return the logical names under which the program registers a child's objects, and what they stand for."""
    child = objects.child
    names = {
        f"{child}-{one.name}": Identity(
            str(one.manifest["kind"]),
            str(one.manifest["metadata"].get("namespace", "")),
            str(one.manifest["metadata"]["name"]),
        )
        for one in objects.kubernetes
    }
    names |= {f"{one.name}-policy": Identity("Vault policy", "", one.name) for one in objects.vault_policies}
    names |= {f"{one.name}-role": Identity("Vault role", f"auth/{one.mount}", one.name) for one in objects.vault_roles}
    for document in objects.documents:
        kind, metadata = str(document["kind"]), document["metadata"]
        names[f"{child}-{kind.lower()}-{metadata['name']}"] = Identity(
            kind, str(metadata.get("namespace", "")), str(metadata["name"])
        )
    return names
