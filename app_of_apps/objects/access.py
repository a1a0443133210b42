"""The parent's access as objects: Roles and RoleBindings in each child's namespace, groups and policies in Vault.

Everything is namespaced or names its paths one by one; there is no wildcard in any of it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child import PodChild
from app_of_apps.objects.model import KubernetesObject, VaultPolicy
from app_of_apps.objects.secrets import secret_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.access import Right
    from app_of_apps.release.model import Release, ResolvedChild

RBAC: Final = "rbac.authorization.k8s.io"
PREFIX: Final = "aoa-"
"""Before the names of Roles and RoleBindings of people; those of workloads have `aoa-workload-`."""

CAPABILITIES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "list": {"metadata": ("read",), "subkeys": ("read",)},
    # `patch` replaces one key and keeps the others; `create` and `update` serve a path that has no version yet.
    "rotate": {"data": ("create", "patch", "update")},
    "destroy": {"delete": ("update",), "destroy": ("update",)},
}
"""Word of `access: roles: vault` → endpoint of a kv-v2 mount → capabilities there. No word reads `data`."""

_LONGEST_SLUG: Final = 60
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class VaultGroup:
    """A group of the identity provider in Vault: an external identity group with one alias and one policy."""

    name: str
    """Of the identity group and of its policy: ``<environment>_<parent>_group_<group>``."""
    alias: str
    """The value of the groups claim, exactly as the identity provider sends it."""
    mount: str
    """The auth method whose logins carry the claim."""
    policy: VaultPolicy


def access_objects(release: Release, child: ResolvedChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return the Roles and RoleBindings of one child's namespace: people first, then its service account."""
    objects: list[KubernetesObject] = []
    for role, groups in release.access.of_child(child.name).items():
        subjects = [
            {"apiGroup": RBAC, "kind": "Group", "name": f"{release.access.groups_prefix}{group}"} for group in groups
        ]
        objects += _bound(f"{PREFIX}{role}", release.access.roles[role].kubernetes, subjects, metadata)
    account = {"kind": "ServiceAccount", "name": child.name, "namespace": child.namespace}
    for role, rights in release.access.workloads.get(child.name, {}).items():
        objects += _bound(f"{PREFIX}workload-{role}", rights, [account], metadata)
    return tuple(objects)


def vault_groups(release: Release) -> tuple[VaultGroup, ...]:
    """Return the groups that have rights in Vault, sorted; none where the environment names no mount for people."""
    mount = release.access.oidc_mount
    if mount is None:
        return ()
    found = []
    for group in release.access.groups:
        rules = vault_rules(release, group)
        if rules:
            name = group_name(release.parent, release.environment, group)
            policy = "\n".join(_stanza(path, capabilities) for path, capabilities in rules.items())
            found.append(VaultGroup(name, group, mount, VaultPolicy(name=name, policy=policy)))
    return tuple(found)


def vault_rules(release: Release, group: str) -> dict[str, tuple[str, ...]]:
    """Return what a group may do in Vault: complete path → capabilities, both sorted."""
    rules: dict[str, set[str]] = {}
    for grant in release.access.grants:
        if grant.group != group:
            continue
        for path in child_paths(release.child(grant.child)):
            for word in release.access.roles[grant.role].vault:
                for endpoint, capabilities in CAPABILITIES[word].items():
                    rules.setdefault(f"{release.vault.mounts.kv}/{endpoint}/{path}", set()).update(capabilities)
    return {path: tuple(sorted(rules[path])) for path in sorted(rules)}


def child_paths(child: ResolvedChild) -> tuple[str, ...]:
    """Return the paths in the kv-v2 mount that a child refers to, sorted."""
    return tuple(secret_paths(child.spec)) if isinstance(child.spec, PodChild) else ()


def group_name(parent: str, environment: str, group: str) -> str:
    """Return the name in Vault of a group of the identity provider.

    Vault folds the case of policies' names, so what is no lowercase name already is made one and told apart by a hash.
    A child's name has no underscore: its policy ``<environment>_<parent>_<child>`` can never be a group's.
    """
    slug = re.sub(r"[^a-z0-9.-]+", "-", group.lower()).strip("-.")[:_LONGEST_SLUG].strip("-.")
    if slug != group:
        slug = f"{slug}-{hashlib.sha256(group.encode()).hexdigest()[:_DIGITS]}".lstrip("-")
    return f"{environment}_{parent}_group_{slug}"


def rule(right: Right) -> dict[str, Any]:
    """Return a right as a rule of a Role."""
    names = {"resourceNames": list(right.names)} if right.names else {}
    return {"apiGroups": [right.api_group], "resources": [right.resource], **names, "verbs": list(right.verbs)}


def _bound(
    name: str, rights: Iterable[Right], subjects: list[dict[str, str]], metadata: Metadata
) -> tuple[KubernetesObject, ...]:
    rules = [rule(right) for right in rights]
    if not rules:
        return ()
    role = metadata.object(f"{RBAC}/v1", "Role", name, rules=rules)
    binding = metadata.object(
        f"{RBAC}/v1",
        "RoleBinding",
        name,
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": name},
        subjects=subjects,
    )
    plain = name.removeprefix(PREFIX)
    return (
        KubernetesObject(name=f"role-{plain}", group="identity", manifest=role),
        KubernetesObject(name=f"role-binding-{plain}", group="identity", manifest=binding),
    )


def _stanza(path: str, capabilities: Iterable[str]) -> str:
    words = ", ".join(f'"{word}"' for word in capabilities)
    return f'path "{path}" {{\n  capabilities = [{words}]\n}}\n'
