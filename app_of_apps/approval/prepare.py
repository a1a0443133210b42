"""What has to be there before anybody can approve: their groups in Vault, and the right to read the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.approval.check import groups_of
from app_of_apps.approval.store import ApprovalVault
from app_of_apps.environment.kube_writer import KubeWriter
from app_of_apps.environment.people import people_accessor
from app_of_apps.errors import Refused
from app_of_apps.objects.access import RBAC, group_name
from app_of_apps.objects.record import record_namespace, release_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release

NAME: Final = "aoa-approver"
"""Of the Role and the RoleBinding in the namespace of the records."""


def prepare(settings: Environment, release: Release, environ: Mapping[str, str]) -> list[str]:
    """Make what is missing and return one line for each thing; what is there already stays as it is.

    A group is made without any policy, under the name that the program declares it by when the parent grants it rights
    in Vault, so that the two are one. In the cluster the groups may read ConfigMaps of the namespace of the records,
    which hold no secrets, and nothing else.
    """
    groups, identity = groups_of(settings.gates), settings.identity
    if identity is None or identity.oidc_mount is None:
        msg = f"Pulumi.{settings.name}.yaml does not say where people log in (identity: oidcMount); nothing was done"
        raise Refused(msg)
    if not groups:
        msg = f"Pulumi.{settings.name}.yaml names no groups under gates, so there is nobody to prepare for"
        raise Refused(msg)
    accessor = people_accessor(identity.oidc_mount, settings.vault, environ)
    lines = []
    with ApprovalVault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        for group in groups:
            name = group_name(release.parent, settings.name, group)
            made = vault.ensure_group(name, group, accessor)
            state = f"made as {name}; its members log in once more" if made else "is there"
            lines.append(f"group {group} in Vault: {state}")
    namespace = record_namespace(release.parent)
    with KubeWriter(settings.cluster.context) as kube:
        if kube.get(f"/api/v1/namespaces/{namespace}") is None:
            home, *_ = release_record(release)
            kube.apply(f"/api/v1/namespaces/{namespace}", home.manifest)
        for path, manifest in reader_objects(namespace, [f"{identity.groups_prefix}{group}" for group in groups]):
            kube.apply(path, manifest)
    return [*lines, f"{', '.join(groups)} may read the records in {namespace}"]


def reader_objects(namespace: str, subjects: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the Role and the RoleBinding with which groups read the records: API path and object, in this order."""
    about = {"name": NAME, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "app-of-apps"}}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    role: dict[str, Any] = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": about, "rules": rules}
    binding: dict[str, Any] = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": about,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": subject} for subject in subjects],
    }
    base = f"/apis/{RBAC}/v1/namespaces/{namespace}"
    return [(f"{base}/roles/{NAME}", role), (f"{base}/rolebindings/{NAME}", binding)]
