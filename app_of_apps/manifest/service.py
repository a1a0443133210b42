"""What may be done through the service, by role, and the agents that may speak to it.

It decides what `aoa serve` answers and begins, and nothing that is deployed: it is left out of every release and of its
digest. Who has a role stands in `access`; what a role may do in Kubernetes and Vault, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app_of_apps.manifest.access import GroupName, RoleName
from app_of_apps.manifest.base import Model, Name, Text

Right = Literal["preview", "deploy", "rollback", "evidence"]
AgentRight = Literal["preview", "propose", "evidence"]


class Agent(Model):
    """A program that acts by itself. It sees, looks ahead and proposes, and never decides."""

    description: str = ""
    owner: Name
    """The team that answers for it."""
    subject: Text | None = None
    """The `sub` claim of its tokens."""
    group: GroupName | None = None
    """Or a group that its tokens carry."""
    environments: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    """Those that it may ask about; of the others it learns nothing."""
    children: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = None
    """Those that it may ask about; all when left out."""
    may: Annotated[tuple[AgentRight, ...], Field(strict=False)] = ()
    """Beside looking: `preview`, `propose` what a person then accepts, `evidence` reads records."""
    calls_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 600
    """How often it may ask."""
    previews_per_hour: Annotated[int, Field(ge=0, le=1000)] = 20
    """How many previews it may begin."""
    proposals_per_day: Annotated[int, Field(ge=0, le=1000)] = 20


class Service(Model):
    """The service part of the parent manifest."""

    roles: Annotated[Mapping[RoleName, Annotated[tuple[Right, ...], Field(strict=False)]], Field()] = {}
    """Role of `access` → what whoever has it may do: `preview`, `deploy` (also refresh and drift --fix), `rollback`,
    `evidence` (records and their export). Every role sees the children that it is granted for. What is done to the
    whole environment takes a grant for all of its children."""
    agents: Mapping[Name, Agent] = {}
