"""What the API takes and answers, beside operations and proposals themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app_of_apps.service.operation import Operation, Shape
from app_of_apps.service.proposal import Denial, Proposal  # noqa: TC001 - pydantic reads them


class Page(Shape):
    """What all lists say about their next page."""

    next: str | None = None
    """The `cursor` of the next page; null on the last one."""


class Operations(Page):
    """Operations, newest first."""

    items: tuple[Operation, ...]


class Proposals(Page):
    """Proposals, newest first."""

    items: tuple[Proposal, ...]


class Denials(Page):
    """What was denied, newest first."""

    items: tuple[Denial, ...]


class Environments(Shape):
    """How all environments stand."""

    items: tuple[dict[str, Any], ...]
    """Each as an environment of app-of-apps/status/v1, with `parent` and `asOf`."""


class Happened(Shape):
    """One event of an operation."""

    number: int
    time: float
    """Seconds since the epoch, by the database's clock."""
    kind: Literal["state", "child", "line"]
    data: dict[str, Any]


class Events(Shape):
    """What happened while an operation ran."""

    items: tuple[Happened, ...]
    ended: bool


class Approving(Shape):
    """A signature that somebody wants to give."""

    release: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """The digest that they have seen: `wanted` of the environment."""
    reason: Annotated[str, Field(max_length=500)] = ""
    valid_for: Annotated[str, Field(pattern=r"^[0-9]+[smh]([0-9]+[sm])*$", max_length=20)] | None = None


class Revoking(Shape):
    """A signature that somebody takes back."""

    reason: Annotated[str, Field(max_length=500)] = ""


class Signed(Shape):
    """What `aoa approve` or `aoa revoke` said."""

    text: str


class Rejecting(Shape):
    """Why a proposal is not carried out."""

    reason: Annotated[str, Field(max_length=500)] = ""


class Accepted(Shape):
    """A proposal that was accepted, and what has begun."""

    proposal: Proposal
    operation: Operation
