"""The parent manifest: teams, shared configuration, templates, and which children there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app_of_apps.manifest.access import Access
from app_of_apps.manifest.base import LabelKey, LabelValue, Model, Name, Text, VariableName, matching
from app_of_apps.manifest.service import Service
from app_of_apps.manifest.template import Template
from app_of_apps.manifest.tenancy import Tenancy

CodeOwner = Annotated[
    str,
    matching(
        r"^(@@?[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+)$",
        "must be a name of the code host such as @org/team or @user, or an email address",
        max_length=255,
    ),
]
# Who reviews a change is no part of what is deployed: left out of every release and of its digest.
CodeOwners = Annotated[tuple[CodeOwner, ...], Field(strict=False, exclude=True)]


class Team(Model):
    """Who answers for a child."""

    description: str = ""
    contact: Text
    """Where a person of the team is reached: a channel, an address, a rota."""
    codeowners: CodeOwners = ()
    """Who reviews changes of the team's children, by their names at GitHub or GitLab: `aoa codeowners` writes them
    down."""


class Parent(Model):
    """The meta definition. Everything that differs between environments stands in the environment's file."""

    api_version: Literal["app-of-apps/v1"]
    kind: Literal["Parent"]
    name: Annotated[Name, Field(max_length=20)]
    """The first part of every namespace."""
    description: str = ""
    labels: Mapping[LabelKey, LabelValue] = {}
    """On every object of every child."""
    teams: Annotated[Mapping[Name, Team], Field(min_length=1)]
    """Name → team. Every child has one."""
    codeowners: CodeOwners = ()
    """Who reviews changes of this file and of the environments' files, by their names at GitHub or GitLab."""
    config: Mapping[Name, Mapping[VariableName, str]] = {}
    """Shared sets of environment variables; a child asks for a set by name."""
    templates: Mapping[Name, Template] = {}
    """Name → how children that pick it behave."""
    access: Access = Access()
    """Who may do what: roles, groups of the identity provider, what workloads may be given."""
    tenancy: Tenancy = Tenancy()
    """What keeps the children of one cluster apart."""
    service: Annotated[Service, Field(exclude=True)] = Service()
    """What may be done through `aoa serve`, and by which agents; no part of what is deployed."""
    children: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    """One file per child, relative to this file."""
