"""Delivery by the External Secrets Operator; fields are those of external-secrets.io/v1, operator 0.18.

One SecretStore logs in as the child's service account, with the same role in Vault as any other delivery; one
ExternalSecret per path copies the keys, one per lease takes them from a generator. The operator restarts nothing: pods
see a new value when they start, and in volumes when the kubelet has copied it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.base import seconds
from app_of_apps.objects.metadata import SKIP_AWAIT
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.objects.secrets import UNKNOWN_ADDRESS, lease_names, leases, secret_names, secret_paths
from app_of_apps.objects.vault import role_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.child import PodChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import Release

API_VERSION: Final = "external-secrets.io/v1"
GENERATORS: Final = "generators.external-secrets.io/v1alpha1"
NAME: Final = "vault"
LEASE_REFRESH: Final = "30m"
"""How often a generator makes new credentials; the operator does not know how long a lease is."""


def objects(release: Release, spec: PodChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return the store, one ExternalSecret per path, and a generator with an ExternalSecret per lease."""
    paths, leased = secret_paths(spec), leases(spec)
    if not paths and not leased:
        return ()
    found: list[KubernetesObject] = []
    if paths:
        store = {**_server(release, spec), "path": release.vault.mounts.kv, "version": "v2"}
        manifest = metadata.object(
            API_VERSION, "SecretStore", NAME, annotations=SKIP_AWAIT, spec={"provider": {"vault": store}}
        )
        found.append(KubernetesObject(name="secret-store", group="secrets", manifest=manifest))
    refresh = f"{seconds(release.vault.refresh_after)}s"
    for path, name in secret_names(spec).items():
        keys = paths[path]
        data: dict[str, Any] = (
            {"dataFrom": [{"extract": {"key": path}}]}
            if keys is None
            else {"data": [{"secretKey": key, "remoteRef": {"key": path, "property": key}} for key in sorted(keys)]}
        )
        body = {"secretStoreRef": {"kind": "SecretStore", "name": NAME}, **data}
        found.append(
            _external(f"secret-{name.removeprefix('vault-')}", name, refresh, body, spec=spec, metadata=metadata)
        )
    for lease, name in lease_names(spec).items():
        generator = {
            "path": f"{release.vault.mounts.dynamic[lease.mount]}/creds/{lease.role}",
            "method": "GET",
            "resultType": "Data",
            "provider": _server(release, spec),
        }
        manifest = metadata.object(GENERATORS, "VaultDynamicSecret", name, spec=generator)
        logical = f"lease-{name.removeprefix('vault-')}"
        found.append(KubernetesObject(name=f"{logical}-generator", group="secrets", manifest=manifest))
        source = {"generatorRef": {"apiVersion": GENERATORS, "kind": "VaultDynamicSecret", "name": name}}
        # All keys of one lease belong together; a template leaves those out that the child does not name.
        template = {
            "engineVersion": "v2",
            "mergePolicy": "Replace",
            "data": {key: f'{{{{ index . "{key}" }}}}' for key in sorted(leased[lease])},
        }
        body = {"dataFrom": [{"sourceRef": source}]}
        found.append(_external(logical, name, LEASE_REFRESH, body, spec=spec, metadata=metadata, template=template))
    return tuple(found)


def _server(release: Release, spec: PodChild) -> dict[str, Any]:
    vault = release.vault
    account = {"name": spec.name, "audiences": [vault.audience]}
    return {
        "server": vault.address or UNKNOWN_ADDRESS,
        **({} if vault.namespace is None else {"namespace": vault.namespace}),
        "auth": {
            "jwt": {
                "path": vault.mounts.jwt,
                "role": role_name(release, spec.name),
                "kubernetesServiceAccountToken": {"serviceAccountRef": account},
            }
        },
    }


def _external(
    logical: str,
    name: str,
    refresh: str,
    source: Mapping[str, Any],
    *,
    spec: PodChild,
    metadata: Metadata,
    template: Mapping[str, Any] | None = None,
) -> KubernetesObject:
    target: dict[str, Any] = {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if template is not None:
        target["template"] = template
    body = {"refreshInterval": refresh, "target": target, **source}
    manifest = metadata.object(API_VERSION, "ExternalSecret", name, annotations=SKIP_AWAIT, spec=body)
    deadline = seconds(spec.deadline or "5m")
    return KubernetesObject(name=logical, group="secrets", manifest=manifest, wait=True, deadline=deadline)
