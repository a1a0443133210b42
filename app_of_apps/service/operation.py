"""What an operation is: what was asked for, by whom, how far it is, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from app_of_apps.errors import DeploymentFailed, InvalidInput, Refused, Unavailable

NAME: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
"""Of environments and children."""
Verb = Literal["preview", "up", "refresh", "drift", "drift-fix", "rollback", "promote"]
NEEDS: Final = {
    "preview": "preview",
    "drift": "preview",
    "up": "deploy",
    "refresh": "deploy",
    "drift-fix": "deploy",
    "rollback": "rollback",
    "promote": "deploy",
}
"""Verb → the right that it takes (`service: roles` of the parent)."""
CHANGES: Final = frozenset({"up", "drift-fix", "rollback"})
"""Those that change an environment; no agent begins one."""


class Shape(BaseModel):
    """JSON with names in camelCase; nothing unknown is taken."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class State(StrEnum):
    """How far an operation is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DRIFTED = "drifted"
    """A look for drift that found some."""
    REFUSED = "refused"
    """Guard, gate or manifest said no; nothing was touched."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    """Before it had begun."""
    LOST = "lost"
    """Its process died, again and again, or nobody can say how it ended."""


OPEN: Final = (State.QUEUED, State.RUNNING)
ENDED: Final = frozenset(State) - {*OPEN}


class Asked(Shape):
    """An operation that somebody asks for."""

    operation: Verb
    """`drift-fix` is `aoa drift --fix`; `promote` writes a commit on a branch of its own and deploys nothing."""
    source: Annotated[str, Field(pattern=NAME, max_length=63)] | None = None
    """Of a promotion: the environment that versions come from."""
    to: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Of a rollback: the number of the release; the one before when left out."""
    children: Annotated[
        tuple[Annotated[str, Field(pattern=NAME, max_length=63)], ...],
        Field(max_length=200),
    ] = ()
    """Of a rollback, a promotion or a look for drift: only these (drift: at most one)."""
    reason: Annotated[str, Field(max_length=500)] = ""
    """Why; stands in the operation's history."""

    @model_validator(mode="after")
    def _fits(self) -> Asked:
        if self.to is not None and self.operation != "rollback":
            msg = "only a rollback has `to`"
            raise ValueError(msg)
        if self.children and self.operation not in {"rollback", "promote", "drift"}:
            msg = "only a rollback, a promotion and a look for drift can be of single children"
            raise ValueError(msg)
        if (self.source is None) == (self.operation == "promote"):
            msg = "a promotion says its `source`, and nothing else has one"
            raise ValueError(msg)
        if self.operation == "drift" and len(self.children) > 1:
            msg = "a look for drift is at one child or at all"
            raise ValueError(msg)
        return self


class Who(Shape):
    """Who asked."""

    kind: Literal["person", "agent"]
    name: str
    subject: str


class Operation(Shape):
    """One operation, as the API tells it."""

    id: str
    environment: str
    operation: Verb
    source: str | None = None
    to: int | None = None
    children: tuple[str, ...] = ()
    reason: str = ""
    state: State
    asked_by: Who
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    release: str | None = None
    """The digest that the environment had by the project's files when an `up` or a preview was asked for; it runs no
    other."""
    attempt: int = 0
    """How many processes have run it; more than one after a crash."""
    cancel_requested: bool = False
    exit_code: int | None = None
    """Of `aoa`."""
    message: str = ""
    """In one sentence, how it ended."""
    proposal: str | None = None
    report: dict[str, Any] | None = None
    """What `aoa` answered: app-of-apps/report/v1, drift/v1 or promotion/v1."""


def command(asked: Asked, environment: str, identity: str) -> list[str]:
    """Return the arguments of ``aoa`` for what is asked; ``identity`` is the operation's."""
    children = [word for child in asked.children for word in ("--child", child)]
    if asked.operation == "promote":
        branch = f"promote/{environment}-{identity}"
        return ["promote", str(asked.source), environment, *children, "--branch", branch, "--output", "json"]
    if asked.operation in {"drift", "drift-fix"}:
        fix = ["--fix"] if asked.operation == "drift-fix" else []
        return ["drift", environment, *children, *fix, "--output", "json"]
    more = []
    if asked.operation == "rollback":
        more = ["--yes", *children, *(["--to", str(asked.to)] if asked.to is not None else [])]
    return [asked.operation, environment, *more, "--format", "json"]


def ending(verb: Verb, exit_code: int) -> State:
    """Return what an exit code of ``aoa`` means (`app_of_apps.errors`)."""
    if exit_code == 0:
        return State.SUCCEEDED
    if exit_code == 1 and verb in {"drift", "drift-fix"}:
        return State.DRIFTED
    if exit_code in {InvalidInput.exit_code, Refused.exit_code}:
        return State.REFUSED
    if exit_code in {Unavailable.exit_code, DeploymentFailed.exit_code, 1}:
        return State.FAILED
    return State.INTERRUPTED if exit_code == 130 else State.LOST  # noqa: PLR2004 - as shells say it


def moment(value: float | None) -> datetime | None:
    """Return seconds since the epoch as a moment."""
    return None if value is None else datetime.fromtimestamp(value, UTC)
