"""Delivery by HashiCorp's Vault Secrets Operator; fields are those of secrets.hashicorp.com/v1beta1, operator 0.10.

One VaultStaticSecret per path copies exactly the keys that the child names (all keys, where a volume mounts the whole
path), one VaultDynamicSecret per lease renews it and replaces it at its end. After a change the operator restarts the
child's Deployment itself.

These kinds have no conditions that the provider could wait for, and a wait of the provider's would go on to its
deadline while Vault is sealed: the program waits for them itself (`components.settling`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.child import ScaledChild
from app_of_apps.objects.metadata import SKIP_AWAIT
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.objects.secrets import UNKNOWN_ADDRESS, lease_names, leases, secret_names, secret_paths
from app_of_apps.objects.vault import role_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.manifest.child import PodChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import Release

API_VERSION: Final = "secrets.hashicorp.com/v1beta1"
NAME: Final = "vault"


def objects(release: Release, spec: PodChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return the connection, the login, one synced secret per path and one per lease."""
    paths, leased = secret_paths(spec), leases(spec)
    if not paths and not leased:
        return ()
    vault = release.vault
    inside = {} if vault.namespace is None else {"namespace": vault.namespace}
    connection = metadata.object(
        API_VERSION, "VaultConnection", NAME, spec={"address": vault.address or UNKNOWN_ADDRESS, "skipTLSVerify": False}
    )
    login = metadata.object(
        API_VERSION,
        "VaultAuth",
        NAME,
        spec={
            "vaultConnectionRef": NAME,
            "method": "jwt",
            "mount": vault.mounts.jwt,
            **inside,
            "jwt": {
                "role": role_name(release, spec.name),
                "serviceAccount": spec.name,
                "audiences": [vault.audience],
            },
        },
    )
    synced: list[KubernetesObject] = []
    for path, name in secret_names(spec).items():
        body = {
            "vaultAuthRef": NAME,
            "mount": vault.mounts.kv,
            "type": "kv-v2",
            "path": path,
            "refreshAfter": f"{seconds(vault.refresh_after)}s",
            "hmacSecretData": True,
            "destination": _destination(name, paths[path]),
            **inside,
            **_restarts(spec),
        }
        manifest = metadata.object(API_VERSION, "VaultStaticSecret", name, annotations=SKIP_AWAIT, spec=body)
        synced.append(_waited(f"secret-{name.removeprefix('vault-')}", manifest, spec))
    for lease, name in lease_names(spec).items():
        body = {
            "vaultAuthRef": NAME,
            "mount": vault.mounts.dynamic[lease.mount],
            "path": f"creds/{lease.role}",
            "destination": _destination(name, leased[lease]),
            **inside,
            **_restarts(spec),
        }
        manifest = metadata.object(API_VERSION, "VaultDynamicSecret", name, annotations=SKIP_AWAIT, spec=body)
        synced.append(_waited(f"lease-{name.removeprefix('vault-')}", manifest, spec))
    return (
        KubernetesObject(name="vault-connection", group="secrets", manifest=connection),
        KubernetesObject(name="vault-auth", group="secrets", manifest=login),
        *synced,
    )


def _destination(name: str, keys: Iterable[str] | None) -> dict[str, Any]:
    transformation: dict[str, Any] = {"excludeRaw": True}
    if keys is not None:
        # Regular expressions; a dot is the only special character that a key can have.
        transformation["includes"] = [f"^{key.replace('.', '[.]')}$" for key in sorted(keys)]
    return {"name": name, "create": True, "transformation": transformation}


def _restarts(spec: PodChild) -> dict[str, Any]:
    if not isinstance(spec, ScaledChild):
        return {}
    return {"rolloutRestartTargets": [{"kind": "Deployment", "name": spec.name}]}


def _waited(name: str, manifest: dict[str, Any], spec: PodChild) -> KubernetesObject:
    deadline = seconds(spec.deadline or "5m")
    return KubernetesObject(name=name, group="secrets", manifest=manifest, wait=True, deadline=deadline)
