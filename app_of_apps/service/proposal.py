"""What somebody would have done, what a person decides about it, and what was denied: as the API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app_of_apps.service.operation import Asked, Shape, Who


class Proposal(Shape):
    """Something that somebody would have done, and that a person decides."""

    id: str
    environment: str
    asked: Asked
    patch: str = ""
    """A change of the project's files that goes before it, as `git diff` writes it; nobody applies it here."""
    proposed_by: Who
    state: Literal["open", "accepted", "rejected"]
    created: datetime
    decided: datetime | None = None
    decided_by: Who | None = None
    words: str = ""
    """Why it was rejected."""
    operation: str | None = None
    """What was begun when it was accepted."""


class Denial(Shape):
    """Something that was denied."""

    number: int
    time: datetime
    who: Who
    what: str
    environment: str | None
    why: str


class Asking(Shape):
    """A proposal as it is sent."""

    environment: Annotated[str, Field(max_length=63)]
    asked: Asked
    patch: Annotated[str, Field(max_length=200_000)] = ""
