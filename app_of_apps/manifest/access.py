"""Who may do what: roles, the groups of the identity provider that get them, and what workloads may be given.

All of it stands in the parent manifest. A child can neither declare nor widen any of it; it may pick a workload role by
name, where the parent offers that role to the child's team.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app_of_apps.manifest.base import Model, Name, SecretPath, Text, matching

RoleName = Annotated[Name, Field(max_length=24)]
# What an API server calls groups and resources; wildcards are refused with a message of their own.
ApiGroup = Annotated[
    str, matching(r"^(\*|[a-z0-9.-]*)$", 'must be an API group such as apps, or "" for the core group', max_length=253)
]
Resource = Annotated[
    str,
    matching(
        r"^(\*|[a-z][a-z0-9]*|\*/\*)(/(\*|[a-z]+))?$",
        "must be the plural name of a resource such as pods, or one with its subresource such as pods/log",
        max_length=253,
    ),
]
Verb = Annotated[str, matching(r"^(\*|[a-z]+)$", "must be a verb such as get, list or watch", max_length=40)]
# The claim's value as the identity provider sends it: a name, an e-mail address, an object ID, an ARN.
GroupName = Annotated[
    str,
    matching(
        r"^[^\s\x00-\x1f\x7f\"'\\]([^\x00-\x1f\x7f\"'\\]*[^\s\x00-\x1f\x7f\"'\\])?$",
        "must be a group as the identity provider names it, without quotes, backslashes and spaces at its ends",
        max_length=200,
    ),
]
VaultWord = Literal["list", "rotate", "destroy"]


class KubernetesRule(Model):
    """One rule of a Role in a child's namespace."""

    api_groups: Annotated[tuple[ApiGroup, ...], Field(min_length=1, strict=False)]
    resources: Annotated[tuple[Resource, ...], Field(min_length=1, strict=False)]
    resource_names: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Only objects of these names; empty for all. Kubernetes cannot hold `create` to a name."""
    verbs: Annotated[tuple[Verb, ...], Field(min_length=1, strict=False)]


class Role(Model):
    """What somebody may do with a child."""

    description: str = ""
    includes: Annotated[tuple[RoleName, ...], Field(strict=False)] = ()
    """Roles whose rights this one has as well."""
    kubernetes: Annotated[tuple[KubernetesRule, ...], Field(strict=False)] = ()
    vault: Annotated[tuple[VaultWord, ...], Field(strict=False)] = ()
    """What may be done with the child's secrets: `list` sees keys and versions, `rotate` writes a new version,
    `destroy` removes old versions for good. None of them reads a value."""


class Grant(Model):
    """A group of the identity provider gets a role, for the children that exactly one of the three names."""

    group: GroupName
    role: RoleName
    teams: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = None
    children: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = None
    all: bool | None = None
    reaches_secrets: bool = False
    """Has to be said where the role lets somebody into pods (exec, port-forward, …) or change what they run: whoever
    can do that can read what the pods can read, secrets included."""

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if sum(scope is not None for scope in (self.teams, self.children, self.all)) != 1 or self.all is False:
            msg = "needs exactly one of teams, children and `all: true`"
            raise ValueError(msg)
        return self


class EnvironmentAccess(Model):
    """Who has access to one environment."""

    grants: Annotated[tuple[Grant, ...], Field(strict=False)] = ()


class WorkloadRole(Model):
    """What the service account of a child may be given. The children of `teams` can pick it by name, nobody else."""

    description: str = ""
    kubernetes: Annotated[tuple[KubernetesRule, ...], Field(min_length=1, strict=False)]
    teams: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]


class SecretOwners(Model):
    """Whose children may refer to the secrets at and below a path."""

    teams: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]


class Access(Model):
    """The access part of the parent manifest."""

    roles: Mapping[RoleName, Role] = {}
    environments: Mapping[Name, EnvironmentAccess] = {}
    """Environment → who has access. An environment that is not named here is an error as soon as one is."""
    workloads: Mapping[RoleName, WorkloadRole] = {}
    secrets: Mapping[SecretPath, SecretOwners] = {}
    """Path in the kv-v2 mount, or `<engine>/creds/<role>` of a dynamic secret → who may refer to it; the longest path
    that fits decides. Where this map is empty, every child may refer to every path of its environment; where it is not,
    a path that none of it covers is refused."""
