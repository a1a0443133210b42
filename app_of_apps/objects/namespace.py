"""The namespace of a child and the service account its pods run as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from app_of_apps.manifest.child import PodChild
from app_of_apps.objects.model import KubernetesObject

if TYPE_CHECKING:
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild


def namespace(
    child: ResolvedChild, metadata: Metadata, wrapped: Literal["baseline", "restricted"] = "baseline"
) -> KubernetesObject:
    """Return the child's namespace; pods of our own making are held to the `restricted` Pod Security Standard.

    What charts and plain manifests bring along is held to ``wrapped`` and measured against `restricted`.
    """
    enforced = "restricted" if isinstance(child.spec, PodChild) else wrapped
    levels = {"enforce": enforced, "audit": "restricted", "warn": "restricted"}
    pod_security = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
    manifest = metadata.object("v1", "Namespace", child.namespace, labels=pod_security)
    del manifest["metadata"]["namespace"]
    return KubernetesObject(name="namespace", group="namespace", manifest=manifest)


def service_account(spec: PodChild, metadata: Metadata) -> KubernetesObject:
    """Return the child's service account. Its token reaches the pods only where the child asks for it."""
    manifest = metadata.object(
        "v1",
        "ServiceAccount",
        spec.name,
        annotations=spec.service_account.annotations,
        automountServiceAccountToken=spec.service_account.mount_token,
    )
    return KubernetesObject(name="service-account", group="identity", manifest=manifest)
