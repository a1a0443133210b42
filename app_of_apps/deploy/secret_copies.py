"""What an operator says of its copies of secrets in a cluster. Reads the operator's objects, never a Secret.

The Vault Secrets Operator keeps no version of what it has copied. It does keep a keyed hash of the data, which changes
when and only when what the child gets has changed, and the API server notes when the operator last wrote that status.
The version in the cluster is therefore the newest one that Vault had at that moment. Reading the Secret, even its
metadata alone, would take the right to read its values, which nobody has who is not the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.environment.kube_writer import MANAGER
from app_of_apps.manifest.child import PodChild, ScaledChild
from app_of_apps.objects.secrets import secret_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.deploy.facts import Reader
    from app_of_apps.deploy.health import Object
    from app_of_apps.release.model import ResolvedChild

RESTARTED: Final = "vso.secrets.hashicorp.com/restartedAt"
"""Annotation of a pod template that the operator sets when it restarts what uses a changed secret."""
ASKED: Final = "app-of-apps/vault-version"
"""Annotation of the operator's object: the version that a rotation has asked it to copy."""
_COPIES = "/apis/secrets.hashicorp.com/v1beta1/namespaces/{}/vaultstaticsecrets/{}"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments/{}"


@dataclass(frozen=True, slots=True)
class SecretCopy:
    """One path in one child's namespace, as the operator's object tells it."""

    name: str
    fingerprint: str
    """A keyed hash of the data, which changes with it; empty before the first copy."""
    copied: datetime | None
    """When the operator last wrote it; whole seconds, by the API server's clock."""
    asked: int = 0
    """The version that a rotation has last asked the operator to look at."""
    asked_at: datetime | None = None


def copy_path(child: ResolvedChild, path: str) -> str:
    """Return the API path of the operator's object for a child's secret; KeyError when the child has no such path."""
    if not isinstance(child.spec, PodChild):
        raise KeyError(path)
    return _COPIES.format(child.namespace, secret_names(child.spec)[path])


def read_copy(kube: Reader, child: ResolvedChild, path: str) -> SecretCopy | None:
    """Return what the operator says of a child's secret; None when its object is not in the cluster."""
    item = kube.get(copy_path(child, path))
    if item is None:
        return None
    status = item.get("status") or {}
    meta, mac = item["metadata"], str(status.get("secretMAC") or "")
    asked = str((meta.get("annotations") or {}).get(ASKED, ""))
    return SecretCopy(
        name=meta["name"],
        fingerprint=mac,
        copied=_written(meta, "subresource", "status") if mac else None,
        asked=int(asked) if asked.isdecimal() else 0,
        asked_at=_written(meta, "manager", MANAGER),
    )


def _written(meta: Mapping[str, Any], field: str, value: str) -> datetime | None:
    """Return when those fields were last changed, by the API server's own notes; None: never."""
    entries = [entry for entry in meta.get("managedFields") or () if entry.get(field) == value and entry.get("time")]
    return max((datetime.fromisoformat(entry["time"]) for entry in entries), default=None)


def read_deployment(kube: Reader, child: ResolvedChild) -> Object | None:
    """Return the Deployment of a child whose pods run all the time; None for others and where there is none."""
    if not isinstance(child.spec, ScaledChild):
        return None
    item = kube.get(_DEPLOYMENTS.format(child.namespace, child.name))
    return None if item is None else {**item, "kind": "Deployment"}


def restarted_at(item: Object) -> str:
    """Return when the operator has restarted a Deployment, or the Deployment of a pod; empty: never."""
    template: Any = item["spec"]["template"] if item.get("kind") == "Deployment" else item
    return str((template["metadata"].get("annotations") or {}).get(RESTARTED, ""))
