"""A foreseen change: one environment, its children in dependency order, their resources, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from app_of_apps.deploy.prediction import Op, Prediction
    from app_of_apps.deploy.report import Report
    from app_of_apps.errors import Position, Problem
    from app_of_apps.objects.access_table import Change as AccessChange
    from app_of_apps.release.deletions import Removal
    from app_of_apps.review.drifted import Reality
    from app_of_apps.review.waiting import Waiting

Change = Literal["added", "removed", "changed", "unchanged"]
OPS: tuple[Op, ...] = ("create", "update", "replace", "delete")


class Confidence(StrEnum):
    """How well a prediction is founded, best first."""

    EXACT = "exact"
    """Every value is known, and the API server has tried it."""
    ASSUMED = "assumed"
    """Every value is known, and nobody could try it."""
    UNKNOWN = "unknown"
    """Something is known only while it is deployed."""


class GateState(StrEnum):
    """Whether the release may be deployed as it is."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Field:
    """One property that differs. A value is None where there is none, and where it may not be shown."""

    path: str
    change: Literal["added", "removed", "changed"]
    before: str | None = None
    after: str | None = None
    secret: bool = False
    """Whether it is only known that it differs."""
    unknown: bool = False
    """Whether the new value is known only while it is deployed."""
    replaces: bool = False
    """Whether it is the reason why the resource is replaced."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What would be done to one resource."""

    op: Op
    kind: str
    namespace: str
    name: str
    confidence: Confidence
    why: str = ""
    """Why the confidence is no better."""
    fields: tuple[Field, ...] = ()
    restarts: bool = False
    """Whether a running workload's pod template differs, so that its pods are replaced."""
    kept: bool = False
    """Whether a deletion only lets go of it, so that it stays where it is."""

    @property
    def marked(self) -> bool:
        """Whether nothing of it differs but what says of which release it is."""
        return self.op == "update" and not self.fields

    @property
    def where(self) -> str:
        """Return ``Kind namespace/name``."""
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The properties for which it is replaced."""
        return tuple(field.path for field in self.fields if field.replaces)


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret that came, went, or leads nowhere."""

    path: str
    key: str | None
    change: Literal["added", "removed", "missing"]
    position: Position
    """Where the child's file refers to it; where the file begins when it does not any more."""

    @property
    def name(self) -> str:
        """Return ``path:key``; a path alone means all of its keys."""
        return f"{self.path}:{self.key}" if self.key else self.path


@dataclass(frozen=True, slots=True)
class Child:
    """What would happen to one child."""

    name: str
    team: str
    type: str
    change: Change
    position: Position
    """Where its file begins; that of the parent for a child that is gone."""
    version: str | None = None
    words: tuple[str, ...] = ()
    """What differs in the manifest, in people's words."""
    pods: str = ""
    """What becomes of its pods; empty where nothing changes."""
    resources: tuple[Resource, ...] = ()
    secrets: tuple[Secret, ...] = ()
    removal: Removal | None = None
    """What goes with a removed child."""
    needs: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[tuple[Op, int], ...]:
        """How many resources there are of each operation that occurs."""
        found = ((op, sum(one.op == op for one in self.resources)) for op in OPS)
        return tuple((op, count) for op, count in found if count)

    @property
    def confidence(self) -> Confidence:
        """The least of its resources'."""
        order = list(Confidence)
        return max((one.confidence for one in self.resources), key=order.index, default=Confidence.EXACT)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the release could go out now."""

    state: GateState
    lines: tuple[str, ...] = ()
    """Who opened it, who could, or why nobody knows."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of a policy pack that does not hold."""

    policy: str
    """``<pack>/<rule>``."""
    text: str
    mandatory: bool
    child: str | None = None
    resource: str = ""
    """Kind and logical name; empty for what is about no single resource."""

    @property
    def words(self) -> str:
        """Say all of it in one line."""
        whose = ": ".join(part for part in (self.child, self.resource) if part)
        level = "mandatory" if self.mandatory else "advisory"
        return f"{self.policy} ({level}): {f'{whose}: ' if whose else ''}{' '.join(self.text.split())}"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Everything that is known about deploying a release to an environment."""

    report: Report
    """What the preview itself came to."""
    release: str
    """Digest of the release that would be deployed."""
    digest: str
    """Digest of the preview (`app_of_apps.deploy.preview_digest`)."""
    position: Position
    """Where the parent's file begins."""
    access_position: Position
    """Where the parent's file says who may do what."""
    base: str | None = None
    """Name of the record of what stands; None where nothing does."""
    children: tuple[Child, ...] = ()
    """In dependency order, those that go at the end."""
    around: tuple[Resource, ...] = ()
    """What belongs to no child."""
    words: tuple[str, ...] = ()
    """What differs outside of the children."""
    access: tuple[AccessChange, ...] = ()
    left_over: tuple[str, ...] = ()
    """What stands and is in no release that succeeded."""
    gate: Gate = Gate(GateState.UNKNOWN)
    policies: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be found out, and why."""
    reality: Reality | None = None
    """What differs between the world and what was deployed; None where nothing stands, or nobody could look."""
    waiting: Waiting | None = None
    """What waiting will probably cost; None where there is nothing to wait for, or nobody could look."""
    prediction: Prediction | None = None
    """What an update is compared with; None where the preview did not get through."""

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.report.environment

    @property
    def parent(self) -> str:
        """The parent's name."""
        return self.report.parent

    @property
    def touched(self) -> tuple[Child, ...]:
        """The children of which anything differs."""
        return tuple(one for one in self.children if one.change != "unchanged" or one.resources or one.secrets)

    @property
    def confidence(self) -> tuple[tuple[Confidence, int], ...]:
        """How many resources there are of each confidence that occurs."""
        every = [*self.around, *(one for child in self.children for one in child.resources)]
        found = ((word, sum(one.confidence is word for one in every)) for word in Confidence)
        return tuple((word, count) for word, count in found if count)


@dataclass(frozen=True, slots=True)
class Halted:
    """Why there is no preview: the files are not valid, the guard refused, or something does not answer."""

    parent: str
    """As well as it can be known: the files may not be readable."""
    environment: str
    exit_code: int
    kind: str
    """The error's type."""
    message: str
    problems: tuple[Problem, ...] = ()
    """What is wrong with the files, where that is the reason."""


Outcome = Foreseen | Halted
