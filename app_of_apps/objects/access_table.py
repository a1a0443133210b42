"""Who may do what, written out: one entry per group, role and child, and the difference between two such tables.

The table is taken from the same resolved access as the objects, and the same capabilities as the policies in Vault, so
what it says is what the API server and Vault answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from app_of_apps.objects.access import CAPABILITIES, child_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.errors import Position
    from app_of_apps.release.access import Right
    from app_of_apps.release.model import Release

TABLE_FORMAT = "app-of-apps/access/v1"
DIFF_FORMAT = "app-of-apps/access-diff/v1"


@dataclass(frozen=True, slots=True)
class VaultRight:
    """What may be done at one complete path of Vault's API."""

    path: str
    capabilities: tuple[str, ...]
    shared_with: tuple[str, ...] = ()
    """Other children that refer to the same secret: who writes a new version for one writes it for all."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one group, or the service account of one child, has through one role for one child."""

    kind: Literal["group", "workload"]
    subject: str
    """As the API server sees it, prefix included."""
    group: str
    """As the identity provider and Vault see it; empty for a workload."""
    role: str
    child: str
    team: str
    namespace: str
    kubernetes: tuple[Right, ...]
    vault: tuple[VaultRight, ...] = ()
    reaches_secrets: str = ""
    why: Position | None = None
    """Where the parent says so."""

    def shape(self) -> dict[str, Any]:
        """Return the holding as plain data for JSON and YAML."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "group": self.group or None,
            "role": self.role,
            "child": self.child,
            "team": self.team,
            "namespace": self.namespace,
            "kubernetes": [
                {"apiGroup": r.api_group, "resource": r.resource, "names": list(r.names), "verbs": list(r.verbs)}
                for r in self.kubernetes
            ],
            "vault": [
                {"path": r.path, "capabilities": list(r.capabilities), "sharedWith": list(r.shared_with)}
                for r in self.vault
            ],
            "reachesSecrets": self.reaches_secrets or None,
            "why": None
            if self.why is None
            else {"file": self.why.file, "line": self.why.line, "column": self.why.column},
        }


def holdings(release: Release, sources: Mapping[tuple[str, str, str], Position] | None = None) -> tuple[Holding, ...]:
    """Return every holding of an environment: groups sorted by group, role and child, then workloads by child.

    ``sources`` is what `release.access.sources` says of the same environment.
    """
    access = release.access
    readers: dict[str, list[str]] = {}
    for child in release.children:
        for path in child_paths(child):
            readers.setdefault(path, []).append(child.name)
    found = []
    for grant in access.grants:
        child, role = release.child(grant.child), access.roles[grant.role]
        vault: list[VaultRight] = []
        if access.oidc_mount is not None:
            vault = [
                VaultRight(
                    path=f"{release.vault.mounts.kv}/{endpoint}/{path}",
                    capabilities=capabilities,
                    shared_with=tuple(sorted(name for name in readers[path] if name != child.name)),
                )
                for path in child_paths(child)
                for word in role.vault
                for endpoint, capabilities in CAPABILITIES[word].items()
            ]
        found.append(
            Holding(
                kind="group",
                subject=f"{access.groups_prefix}{grant.group}",
                group=grant.group,
                role=grant.role,
                child=child.name,
                team=child.spec.team,
                namespace=child.namespace,
                kubernetes=role.kubernetes,
                vault=tuple(sorted(vault, key=lambda right: right.path)),
                reaches_secrets=role.reaches_secrets,
                why=(sources or {}).get((grant.group, grant.role, grant.child)),
            )
        )
    for name in sorted(access.workloads):
        child = release.child(name)
        for role_name, kubernetes in access.workloads[name].items():
            found.append(
                Holding(
                    kind="workload",
                    subject=f"system:serviceaccount:{child.namespace}:{name}",
                    group="",
                    role=role_name,
                    child=name,
                    team=child.spec.team,
                    namespace=child.namespace,
                    kubernetes=kubernetes,
                )
            )
    return tuple(found)


class Permission(NamedTuple):
    """One verb on one thing: the smallest part of access, equal in two environments where it means the same."""

    subject: str
    """`group <name>` or `workload <child>`."""
    child: str
    where: str
    """`kubernetes` or `vault`."""
    target: str
    """`pods/log`, `deployments.apps`, `leases.coordination.k8s.io (only a, b)`; in Vault `metadata/<path>`, without the
    mount, which every environment has its own of."""
    verb: str


def permissions(release: Release) -> frozenset[Permission]:
    """Return everything that anybody may do in an environment."""
    mount = f"{release.vault.mounts.kv}/"
    found = set()
    for held in holdings(release):
        subject = f"group {held.group}" if held.kind == "group" else f"workload {held.child}"
        for right in held.kubernetes:
            for verb in right.verbs:
                found.add(Permission(subject, held.child, "kubernetes", target(right), verb))
        for held_path in held.vault:
            path = held_path.path.removeprefix(mount)
            for verb in held_path.capabilities:
                found.add(Permission(subject, held.child, "vault", path, verb))
    return frozenset(found)


def target(right: Right) -> str:
    """Return a resource the way kubectl names it, with the names that a right is held to."""
    name, _, below = right.resource.partition("/")
    text = f"{name}.{right.api_group}" if right.api_group else name
    text += f"/{below}" if below else ""
    return f"{text} (only {', '.join(right.names)})" if right.names else text


@dataclass(frozen=True, slots=True)
class Change:
    """A subject gains or loses verbs on a thing, for some children."""

    subject: str
    change: Literal["gains", "loses"]
    where: str
    target: str
    verbs: tuple[str, ...]
    children: tuple[str, ...]

    def shape(self) -> dict[str, Any]:
        """Return the change as plain data for JSON and YAML."""
        return {
            "subject": self.subject,
            "change": self.change,
            "where": self.where,
            "target": self.target,
            "verbs": list(self.verbs),
            "children": list(self.children),
        }


def changes(before: frozenset[Permission], after: frozenset[Permission]) -> tuple[Change, ...]:
    """Return who gains or loses what between two sets of permissions, sorted by subject; empty when they are equal."""
    return tuple(
        sorted(
            [*_changes("loses", before - after), *_changes("gains", after - before)],
            key=lambda c: (c.subject, c.change, c.where, c.target, c.children),
        )
    )


def _changes(change: Literal["gains", "loses"], found: Iterable[Permission]) -> Iterator[Change]:
    verbs: dict[tuple[str, str, str, str], set[str]] = {}
    for one in found:
        verbs.setdefault((one.subject, one.where, one.target, one.child), set()).add(one.verb)
    children: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (subject, where, what, child), held in verbs.items():
        children.setdefault((subject, where, what, tuple(sorted(held))), []).append(child)
    for (subject, where, what, words), names in children.items():
        yield Change(subject, change, where, what, words, tuple(sorted(names)))
