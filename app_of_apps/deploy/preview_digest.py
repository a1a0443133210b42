"""What a preview comes to: every resource that would be touched and which of its properties, and a digest of that.

The digest names what somebody saw when they approved. It is taken over operation, type, logical name and the names of
the changed properties, never over values: two previews with one digest do the same to the same things.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app_of_apps.deploy.events import Message, Policy, Step, name_of
from app_of_apps.release.digest import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.deploy.events import Event

_QUIET = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True, slots=True)
class Preview:
    """What a preview said."""

    steps: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    """(operation, type, logical name, changed properties), sorted; what stays as it is does not count."""
    policies: tuple[str, ...] = ()
    """Policies that were violated, one line each; mandatory ones say so."""
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` over the steps."""
        return digest([[op, kind, name, list(properties)] for op, kind, name, properties in self.steps])

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """How many steps there are of each operation, by its name."""
        return tuple(sorted(Counter(op for op, _, _, _ in self.steps).items()))


def _about(event: Policy) -> str:
    return f"{name_of(event.urn)}: " if event.urn else ""


def preview_of(events: Iterable[Event]) -> Preview:
    """Return what the events of a preview come to."""
    steps: set[tuple[str, str, str, tuple[str, ...]]] = set()
    policies: dict[str, None] = {}
    warnings: dict[str, None] = {}
    for event in events:
        if isinstance(event, Step) and event.phase == "begun" and event.op not in _QUIET:
            steps.add((event.op, event.type, event.name, tuple(sorted(event.diffs))))
        elif isinstance(event, Policy):
            policies[f"{event.policy}{' (mandatory)' if event.mandatory else ''}: {_about(event)}{event.text}"] = None
        elif isinstance(event, Message) and event.severity == "warning":
            warnings[event.text] = None
    return Preview(tuple(sorted(steps)), tuple(policies), tuple(warnings))
