"""The parent's access for one environment: each grant taken apart to group, role and child, each rule to one resource.

Nothing here is looked up later: what these say is what becomes Roles, RoleBindings, identity groups and policies, and
what ``aoa access show`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from app_of_apps.manifest.access_checks import grants_to, included, reach
from app_of_apps.manifest.base import Model
from app_of_apps.manifest.child import PodChild
from app_of_apps.release.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.environment.settings import Environment
    from app_of_apps.errors import Position
    from app_of_apps.manifest.access import Access, Grant, KubernetesRule
    from app_of_apps.manifest.child import Child
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.tenancy import Tenancy
    from app_of_apps.release.findings import Findings

Strings = Annotated[tuple[str, ...], Field(strict=False)]


class Right(Model):
    """What may be done with one kind of resource in a child's namespace. All lists are sorted."""

    api_group: str
    resource: str
    """With its subresource, if any: `pods/log`."""
    names: Strings = ()
    """Empty for all objects."""
    verbs: Strings


Rights = Annotated[tuple[Right, ...], Field(strict=False)]


class ResolvedRole(Model):
    """A role with everything that it includes."""

    kubernetes: Rights = ()
    vault: Strings = ()
    """Words of `access: roles: vault`, sorted."""
    reaches_secrets: str = ""
    """By what the role reaches the secrets of the pods; empty when it does not."""


class ResolvedGrant(Model):
    """A group has a role for a child."""

    group: str
    """As the identity provider names it, without the API server's prefix."""
    role: str
    child: str


class ResolvedAccess(Model):
    """Who may do what in one environment."""

    roles: Mapping[str, ResolvedRole] = {}
    """The roles that somebody has here."""
    grants: Annotated[tuple[ResolvedGrant, ...], Field(strict=False)] = ()
    """Sorted by group, role and child; none twice."""
    workloads: Mapping[str, Mapping[str, Rights]] = {}
    """Child → workload role that its service account has → what that allows."""
    groups_prefix: str = ""
    """What the API server puts before a group's name."""
    oidc_mount: str | None = None
    """Vault's auth method for people; None: no rights in Vault come from here."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that has a role here, sorted."""
        return tuple(sorted({grant.group for grant in self.grants}))

    def of_child(self, child: str) -> Mapping[str, tuple[str, ...]]:
        """Return role → groups that have it for a child; both sorted."""
        found: dict[str, list[str]] = {}
        for grant in self.grants:
            if grant.child == child:
                found.setdefault(grant.role, []).append(grant.group)
        return {role: tuple(found[role]) for role in sorted(found)}


def rights(rules: Iterable[KubernetesRule]) -> tuple[Right, ...]:
    """Return rules as one right per API group, resource and set of names, verbs put together."""
    merged: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for rule in rules:
        names = tuple(sorted(set(rule.resource_names)))
        for group in rule.api_groups:
            for resource in rule.resources:
                merged.setdefault((group, resource, names), set()).update(rule.verbs)
    return tuple(
        Right(api_group=group, resource=resource, names=names, verbs=tuple(sorted(verbs)))
        for (group, resource, names), verbs in sorted(merged.items())
    )


def resolve_access(manifest: Manifest, settings: Environment, found: Findings) -> ResolvedAccess:
    """Return who may do what in an environment.

    Notes in ``found``: an environment that the parent does not name while it names others, and grants in an environment
    that does not say how its API server sees groups.
    """
    access = manifest.parent.access
    identity = settings.identity
    workloads = _workloads(access, manifest.children)
    if access.environments and settings.name not in access.environments:
        message = f"the parent's access does not say who may do what in {settings.name}"
        near = did_you_mean(settings.name, access.environments)
        hint = f"add `{settings.name}: {{grants: []}}` if nobody may; {near}"
        found.in_manifest(None, ("access", "environments"), message, hint)
    grants = sorted(
        {
            (grant.group, grant.role, child)
            for _, grant in _grants(access, settings.name)
            for child, spec in manifest.children.items()
            if grants_to(grant, child, spec.team)
        }
    )
    if grants and identity is None:
        message = f"the parent grants access in {settings.name}, but nothing says how its API server sees groups"
        found.in_environment((), message, "add `identity: {groupsPrefix: …}`, see docs/identity.md")
    used = sorted({role for _, role, _ in grants})
    return ResolvedAccess(
        roles={role: _role(access, role) for role in used},
        grants=tuple(ResolvedGrant(group=group, role=role, child=child) for group, role, child in grants),
        workloads=workloads,
        groups_prefix="" if identity is None else identity.groups_prefix,
        oidc_mount=None if identity is None else identity.oidc_mount,
    )


def resolve_tenancy(manifest: Manifest, settings: Environment, found: Findings) -> Tenancy:
    """Return the parent's tenancy with the environment's own addresses in its ways."""
    tenancy = manifest.parent.tenancy
    known = tenancy.network.ways if tenancy.network is not None else {}
    for name in settings.network:
        if name not in known:
            found.in_environment(("network", name), f"the parent has no way `{name}`", did_you_mean(name, known))
    if tenancy.network is None or not settings.network:
        return tenancy
    ways = {
        name: way.model_copy(update={"cidrs": settings.network[name]}) if name in settings.network else way
        for name, way in known.items()
    }
    return tenancy.model_copy(update={"network": tenancy.network.model_copy(update={"ways": ways})})


def sources(manifest: Manifest, environment: str) -> dict[tuple[str, str, str], Position]:
    """Return where each grant of an environment is written: (group, role, child) → place in the parent's file."""
    places: dict[tuple[str, str, str], Position] = {}
    for loc, grant in _grants(manifest.parent.access, environment):
        for child, spec in manifest.children.items():
            if grants_to(grant, child, spec.team):
                places.setdefault((grant.group, grant.role, child), manifest.position(None, loc))
    return places


def _grants(access: Access, environment: str) -> Iterator[tuple[Loc, Grant]]:
    held = access.environments.get(environment)
    for index, grant in enumerate(held.grants if held is not None else ()):
        yield ("access", "environments", environment, "grants", index), grant


def _role(access: Access, role: str) -> ResolvedRole:
    names = included(access, role)
    return ResolvedRole(
        kubernetes=rights(rule for name in names for rule in access.roles[name].kubernetes),
        vault=tuple(sorted({word for name in names for word in access.roles[name].vault})),
        reaches_secrets=reach(access, role),
    )


def _workloads(access: Access, children: Mapping[str, Child]) -> dict[str, dict[str, tuple[Right, ...]]]:
    picked: dict[str, dict[str, tuple[Right, ...]]] = {}
    for name, child in children.items():
        if not isinstance(child, PodChild):
            continue
        # The loader refuses a role that the parent does not offer; one that came past it is not given either.
        roles = {
            role: rights(access.workloads[role].kubernetes)
            for role in sorted(set(child.service_account.roles))
            if role in access.workloads and child.team in access.workloads[role].teams
        }
        if roles:
            picked[name] = roles
    return picked
