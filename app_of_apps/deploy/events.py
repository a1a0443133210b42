"""What the engine says while it works, as small frozen values.

The engine's own events carry whole resource states. Only what a report needs is taken over: no inputs, no outputs,
nothing that could hold a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app_of_apps.deploy.redact import Redactor, plain

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent
    from pulumi.automation.events import ResOpFailedEvent, ResourcePreEvent, ResOutputsEvent

PARENT_TYPE = "app-of-apps:index:ParentApp"
# The children are these components below the parent; there are others, such as the record of the release.
CHILD_TYPES = frozenset(
    f"app-of-apps:index:{kind}App" for kind in ("Service", "Worker", "Migration", "CronJob", "Chart", "Manifests")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one resource: begun, done or failed."""

    phase: str
    """``begun``, ``done`` or ``failed``."""
    op: str
    """Pulumi's word: same, create, update, replace, delete, refresh …"""
    urn: str
    type: str
    """The type token, such as ``kubernetes:apps/v1:Deployment``."""
    parent: str = ""
    """The URN of the parent."""
    custom: bool = True
    """False for components, which have no life of their own."""
    at: int = 0
    """Seconds since the epoch."""
    planning: bool = False
    diffs: tuple[str, ...] = ()
    """The properties that differ."""

    @property
    def name(self) -> str:
        """The logical name."""
        return name_of(self.urn)


@dataclass(frozen=True, slots=True)
class Message:
    """What the engine, a provider or the program said; credentials are taken out."""

    severity: str
    """``info``, ``info#err``, ``warning`` or ``error``."""
    text: str
    urn: str = ""
    at: int = 0
    passing: bool = False
    """Whether it only tells how things stand at the moment."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was violated."""

    text: str
    policy: str
    mandatory: bool
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of an operation."""

    seconds: int
    changes: tuple[tuple[str, int], ...] = ()


Event = Step | Message | Policy | Summary


def name_of(urn: str) -> str:
    """Return the logical name in a URN."""
    return urn.rpartition("::")[2]


def type_of(urn: str) -> str:
    """Return the resource's own type token in a URN, without those of its parents."""
    return _types(urn)[-1]


def of_engine(event: EngineEvent, redact: Redactor) -> Event | None:
    """Return what matters in one event of ``pulumi.automation``, None when nothing does."""
    at = int(event.timestamp or 0)
    for phase, found in (
        ("begun", event.resource_pre_event),
        ("done", event.res_outputs_event),
        ("failed", event.res_op_failed_event),
    ):
        if found is not None:
            return _step(phase, found, at)
    if event.diagnostic_event is not None:
        said = event.diagnostic_event
        text = redact(plain(said.message or "", limit=8000))
        if not text or said.severity == "debug":
            return None
        return Message(said.severity, text, said.urn or "", at, passing=bool(said.ephemeral))
    if event.policy_event is not None:
        broken = event.policy_event
        text, name = redact(plain(broken.message)), f"{broken.policy_pack_name}/{broken.policy_name}"
        return Policy(text, name, broken.enforcement_level == "mandatory", broken.resource_urn or "")
    if event.summary_event is not None:
        changes = {str(getattr(op, "value", op)): count for op, count in event.summary_event.resource_changes.items()}
        return Summary(int(event.summary_event.duration_seconds), tuple(sorted(changes.items())))
    return None


def _step(phase: str, found: ResourcePreEvent | ResOutputsEvent | ResOpFailedEvent, at: int) -> Step:
    metadata = found.metadata
    state = metadata.new or metadata.old
    return Step(
        phase=phase,
        op=str(getattr(metadata.op, "value", metadata.op)),
        urn=metadata.urn,
        type=metadata.type,
        parent=(state.parent if state else "") or "",
        custom=bool(state.custom) if state else False,
        at=at,
        planning=bool(getattr(found, "planning", False)),
        diffs=tuple(sorted(metadata.detailed_diff or {})) or tuple(metadata.diffs or ()),
    )


class Family:
    """Knows which child a resource belongs to, by the chain of its parents."""

    def __init__(self) -> None:
        """Know nothing yet; `learn` every step in the order in which they come."""
        self._parents: dict[str, str] = {}

    def learn(self, step: Step) -> None:
        """Remember the parent of a step's resource."""
        if step.parent:
            self._parents[step.urn] = step.parent

    def child(self, urn: str) -> str | None:
        """Return the child's name; None for the stack, the parent, providers and what is the parent's own."""
        found = self._top(urn)
        return name_of(found) if found is not None and _types(found)[-1] in CHILD_TYPES else None

    def unknown(self, urn: str) -> bool:
        """Whether it is below the parent, and a link of the chain is missing: parents are deleted after their own."""
        return self._top(urn) is None and PARENT_TYPE in _types(urn)[:-1]

    def _top(self, urn: str) -> str | None:
        """Return the resource right below the parent that this one belongs to."""
        seen: set[str] = set()
        while urn and urn not in seen:
            seen.add(urn)
            # A URN carries the types of all its parents, so these are told without knowing the parent itself.
            if _types(urn)[-2:-1] == [PARENT_TYPE]:
                return urn
            urn = self._parents.get(urn, "")
        return None


def _types(urn: str) -> list[str]:
    parts = urn.split("::")
    return parts[2].split("$") if len(parts) > 2 else [""]  # noqa: PLR2004 - stack, project, types, name
