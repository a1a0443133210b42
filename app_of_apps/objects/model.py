"""What describes one object before anything declares it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.escalation import Boundary

# A group is deployed after the groups before it, within one child.
Group = Literal["namespace", "identity", "config", "secrets", "workload", "exposure"]
GROUPS: tuple[Group, ...] = ("namespace", "identity", "config", "secrets", "workload", "exposure")


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """One Kubernetes object of a child.

    ``name`` is the logical name inside the child, stable across releases (``deployment``, ``config-shared-regional``);
    ``manifest`` is the complete object as a plain dict in Kubernetes' own spelling.
    """

    name: str
    group: Group
    manifest: Mapping[str, Any]
    wait: bool = False
    """Whether a dependent's start depends on this object's health."""
    deadline: int | None = None
    """Seconds that creating or updating it may take."""
    protect: bool = False


@dataclass(frozen=True, slots=True)
class VaultPolicy:
    """A Vault ACL policy: exactly the child's paths, read only."""

    name: str
    """`<environment>_<parent>_<child>`, also the name of the policy in Vault."""
    policy: str
    """The HCL text."""


@dataclass(frozen=True, slots=True)
class VaultRole:
    """A role of the environment's JWT auth method, bound to the child's service account."""

    name: str
    mount: str
    bound_subject: str
    """`system:serviceaccount:<namespace>:<service account>`."""
    bound_audiences: tuple[str, ...]
    policies: tuple[str, ...]
    token_ttl: int
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ChildObjects:
    """Everything that one child declares, in the order of GROUPS."""

    child: str
    kubernetes: tuple[KubernetesObject, ...] = ()
    vault_policies: tuple[VaultPolicy, ...] = ()
    vault_roles: tuple[VaultRole, ...] = ()
    boundary: Boundary | None = None
    """What the objects of a chart are held to; those of plain manifests were held to it when they were loaded."""
    chart: Mapping[str, Any] | None = None
    """For a chart child: the inputs of helm.sh/v4 Chart (chart, name, namespace, values)."""
    documents: tuple[Mapping[str, Any], ...] = field(default=())
    """For a manifests child: its objects with namespace, labels and annotations set."""
