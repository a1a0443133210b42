"""What marks a cluster and a Vault engine as those of one environment: written once by `aoa environment register`.

A cluster carries the ConfigMap below; it names the environment and no parent, so parents that share a cluster share
the marker, and have to agree on what the environment is called. The kv-v2 engine carries a path without any secret,
whose custom metadata names the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app_of_apps.environment.kube_reader import KubeReader

NAMESPACE: Final = "app-of-apps"
NAME: Final = "app-of-apps-environment"
KEY: Final = "environment"
PATH: Final = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}"
VAULT_PATH: Final = "app-of-apps/environment"
"""Below the kv-v2 engine; no child's secret may stand there."""


def cluster_marker(kube: KubeReader) -> str | None:
    """Return which environment the cluster says it is; None when it says nothing. Raises what `KubeReader.get` does."""
    found = kube.get(PATH)
    return None if found is None else str((found.get("data") or {}).get(KEY, ""))


def marker_objects(environment: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return API path and object of all that makes the cluster's marker, in the order in which to apply them."""
    labels = {"app.kubernetes.io/managed-by": "app-of-apps"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    marker = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "data": {KEY: environment},
    }
    return (f"/api/v1/namespaces/{NAMESPACE}", namespace), (PATH, marker)
