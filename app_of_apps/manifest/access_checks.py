"""The access part of the parent against the rest of the manifest: every name exists, no right escalates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.manifest.access_rules import faults, reaches_secrets
from app_of_apps.manifest.child import PodChild, ServiceChild
from app_of_apps.manifest.edges import cycles
from app_of_apps.manifest.escalation import Boundary, refused_annotation, tenancy_boundary, value_faults
from app_of_apps.manifest.validation import listed, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from app_of_apps.manifest.access import Access, Grant, KubernetesRule, SecretOwners
    from app_of_apps.manifest.child import ChartChild, Child
    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.parent import Parent
    from app_of_apps.manifest.positions import Loc


def check_access(parent: Parent, children: Collection[str] | None, findings: Findings) -> None:
    """Note what is wrong with the parent's access and tenancy. ``children`` is None where not every name is known."""
    access = parent.access
    names = {"team": parent.teams, "role": access.roles, "child": children}
    for name, role in access.roles.items():
        loc: Loc = ("access", "roles", name)
        _check_rules(role.kubernetes, loc, findings)
        _check_known(findings, (*loc, "includes"), role.includes, "role", access.roles)
    _check_includes(access, findings)
    for name, workload in access.workloads.items():
        loc = ("access", "workloads", name)
        _check_rules(workload.kubernetes, loc, findings)
        _check_known(findings, (*loc, "teams"), workload.teams, "team", parent.teams)
        for index, rule in enumerate(workload.kubernetes):
            if how := reaches_secrets(rule):
                what = f"a workload may not have {how}: it could become any other workload of its namespace"
                findings.at((*loc, "kubernetes", index), what, "remove it")
    for environment, held in access.environments.items():
        for index, grant in enumerate(held.grants):
            _check_grant(grant, ("access", "environments", environment, "grants", index), names, access, findings)
    for path, owners in access.secrets.items():
        _check_known(findings, ("access", "secrets", path, "teams"), owners.teams, "team", parent.teams)
    for name, way in (parent.tenancy.network.ways if parent.tenancy.network else {}).items():
        at: Loc = ("tenancy", "network", "ways", name, "teams")
        _check_known(findings, at, way.teams or (), "team", parent.teams)


def check_service(parent: Parent, children: Collection[str] | None, findings: Findings) -> None:
    """Note what the service part names that is nowhere else."""
    access, service = parent.access, parent.service
    for role in service.roles:
        _check_known(findings, (), (role,), "role", access.roles, at=("service", "roles", role))
    for name, agent in service.agents.items():
        loc: Loc = ("service", "agents", name)
        if (agent.subject is None) == (agent.group is None):
            findings.at(loc, "needs exactly one of subject and group", "say by which claim its tokens are known")
        _check_known(findings, (), (agent.owner,), "team", parent.teams, at=(*loc, "owner"))
        if access.environments:
            _check_known(findings, (*loc, "environments"), agent.environments, "environment", access.environments)
        if children is not None:
            _check_known(findings, (*loc, "children"), agent.children or (), "child", children)
        granted = {grant.group for held in access.environments.values() for grant in held.grants}
        if agent.group is not None and agent.group in granted:
            findings.at(
                (*loc, "group"),
                f"{agent.group} is granted a role in access, so people could be taken for this agent",
                "give agents a group of their own",
            )


def check_use(child: Child, parent: Parent, children: Collection[str] | None, findings: Findings) -> None:
    """Note what a child picks that the parent does not offer to its team."""
    if isinstance(child, PodChild):
        roles = {name: role.teams for name, role in parent.access.workloads.items()}
        account = child.service_account
        _offered(child, findings, ("serviceAccount", "roles"), "role for workloads", picked=account.roles, known=roles)
        _check_annotations(account.annotations, ("serviceAccount", "annotations"), findings)
        _check_paths(child, parent.access.secrets, findings)
    if isinstance(child, ServiceChild) and child.expose is not None:
        _check_annotations(child.expose.annotations, ("expose", "annotations"), findings)
    _check_annotations(child.annotations, ("annotations",), findings)
    network = parent.tenancy.network
    ways = {name: way.teams for name, way in network.ways.items()} if network is not None else {}
    _offered(child, findings, ("network", "ways"), "way", picked=child.network.ways, known=ways)
    for index, called in enumerate(child.network.calls):
        loc: Loc = ("network", "calls", index)
        if called == child.name:
            findings.at(loc, "a child needs no leave to call itself", "remove it")
        elif children is not None and called not in children:
            findings.at(
                loc, f"there is no child `{called}`", suggestion(called, children) or f"children: {listed(children)}"
            )


def boundary_of(parent: Parent | None, namespace: str) -> Boundary:
    """Return what the objects of charts and plain manifests are held to in a namespace."""
    return Boundary(namespace, custom_groups=None) if parent is None else tenancy_boundary(parent.tenancy, namespace)


def check_values(child: ChartChild, boundary: Boundary, findings: Findings) -> None:
    """Note what a chart's values ask for openly that no child may have."""
    for below, message, hint in value_faults(child.values, boundary):
        findings.at(("values", *below), message, hint)


def secret_teams(path: str, secrets: Mapping[str, SecretOwners]) -> tuple[str, ...]:
    """Return the teams whose children may refer to a path: those of the longest prefix that covers it."""
    steps = path.split("/")
    for count in range(len(steps), 0, -1):
        owners = secrets.get("/".join(steps[:count]))
        if owners is not None:
            return owners.teams
    return ()


def grants_to(grant: Grant, child: str, team: str) -> bool:
    """Say whether a grant covers a child of a team."""
    return bool(grant.all) or team in (grant.teams or ()) or child in (grant.children or ())


def reach(access: Access, role: str) -> str:
    """Say by what a role, or one that it includes, reaches secrets; nothing when it does not."""
    for name in included(access, role):
        for rule in access.roles[name].kubernetes:
            if how := reaches_secrets(rule):
                return how
    return ""


def included(access: Access, role: str) -> tuple[str, ...]:
    """Return a role and all roles that it includes, each once, in a stable order; unknown names are left out."""
    seen: dict[str, None] = {}
    stack = [role]
    while stack:
        name = stack.pop()
        if name in access.roles and name not in seen:
            seen[name] = None
            stack.extend(reversed(access.roles[name].includes))
    return tuple(seen)


def _check_rules(rules: Iterable[KubernetesRule], loc: Loc, findings: Findings) -> None:
    for index, rule in enumerate(rules):
        for below, message, hint in faults(rule):
            findings.at((*loc, "kubernetes", index, *below), message, hint)


def _check_includes(access: Access, findings: Findings) -> None:
    edges = {name: [other for other in role.includes if other in access.roles] for name, role in access.roles.items()}
    for cycle in cycles(edges):
        message = f"the roles include each other in a circle: {' → '.join(cycle)}"
        findings.at(("access", "roles", cycle[0], "includes"), message, "remove one of them")


def _check_grant(
    grant: Grant, loc: Loc, names: Mapping[str, Collection[str] | None], access: Access, findings: Findings
) -> None:
    _check_known(findings, loc, (grant.role,), "role", access.roles, at=(*loc, "role"))
    _check_known(findings, (*loc, "teams"), grant.teams or (), "team", names["team"])
    _check_known(findings, (*loc, "children"), grant.children or (), "child", names["child"])
    if grant.group.startswith("system:"):
        what = "groups under `system:` are Kubernetes' own (system:masters may do everything)"
        findings.at((*loc, "group"), what, "name a group of the identity provider")
    how = reach(access, grant.role)
    if how and not grant.reaches_secrets:
        what = f"role `{grant.role}` reaches the secrets of the pods by {how}"
        findings.at((*loc, "role"), what, "grant a narrower role, or say `reachesSecrets: true` here")
    elif grant.reaches_secrets and not how and grant.role in access.roles:
        findings.at((*loc, "reachesSecrets"), f"role `{grant.role}` reaches no secrets", "remove it")


def _check_paths(child: PodChild, secrets: Mapping[str, SecretOwners], findings: Findings) -> None:
    if not secrets:
        return
    used: list[tuple[Loc, str]] = []
    for name, reference in child.secrets.items():
        if reference.path is not None:
            used.append((("secrets", name, "path"), reference.path))
        elif reference.dynamic is not None:
            used.append((("secrets", name, "dynamic"), f"{reference.dynamic.mount}/creds/{reference.dynamic.role}"))
    used += [(("volumes", index, "secret"), v.secret) for index, v in enumerate(child.volumes) if v.secret is not None]
    for loc, path in used:
        teams = secret_teams(path, secrets)
        if child.team not in teams:
            who = f"belongs to {listed(teams)}" if teams else "is not given to anybody"
            message = f"`{path}` {who}, and this child is of team {child.team}"
            findings.at(loc, message, "the parent gives paths to teams, under access: secrets")


def _check_annotations(annotations: Iterable[str], loc: Loc, findings: Findings) -> None:
    for name in annotations:
        if reason := refused_annotation(name):
            findings.at_key((*loc, name), reason, "remove it")


def _offered(
    child: Child,
    findings: Findings,
    loc: Loc,
    what: str,
    *,
    picked: Iterable[str],
    known: Mapping[str, Sequence[str] | None],
) -> None:
    """Note what a child picks by name that the parent does not have, or has for other teams only."""
    offered = [name for name, teams in known.items() if teams is None or child.team in teams]
    for index, name in enumerate(picked):
        if name in offered:
            continue
        if name in known:
            message = f"{what} `{name}` is not offered to team {child.team}"
            findings.at((*loc, index), message, f"offered here: {listed(offered)}; the parent decides who gets it")
        else:
            hint = suggestion(name, offered) or f"offered here: {listed(offered)}"
            findings.at((*loc, index), f"the parent has no {what} `{name}`", hint)


def _check_known(
    findings: Findings,
    loc: Loc,
    wanted: Iterable[str],
    what: str,
    known: Collection[str] | None,
    *,
    at: Loc | None = None,
) -> None:
    for index, name in enumerate(wanted):
        if known is not None and name not in known:
            hint = suggestion(name, known) or f"known here: {listed(known)}"
            findings.at(at or (*loc, index), f"there is no {what} `{name}`", hint)
