"""What a cluster has to hold before anything is deployed to it, and what tells it from every other cluster."""

from __future__ import annotations

import hashlib
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import kube
from sandbox.errors import SandboxError
from sandbox.files import digest, write_json

if TYPE_CHECKING:
    from sandbox.cluster import Cluster
    from sandbox.layout import Layout

_OBJECTS = Path(__file__).parent / "objects" / "cluster.yaml"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells this cluster from every other."""

    server: str
    uid: str
    """UID of the namespace ``kube-system``."""
    ca_sha256: str
    """Hex SHA-256 of the CA certificate in DER form."""


def apply(cluster: Cluster) -> bool:
    """Apply roles, nodes and the operator's CRDs unless this very set was applied before; say whether it was.

    The note that it was is a ConfigMap in the cluster, so it cannot outlive the cluster's data.
    """
    sources = [_OBJECTS, *sorted(cluster.crds.glob("*.yaml"))]
    if len(sources) == 1:
        message = f"no CRDs of the secrets operator in {cluster.crds}. Run `make up`, which builds what is missing."
        raise SandboxError(message)
    wanted = digest(paths=sources)
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sandbox", "namespace": "kube-system"}}
    with kube.KubeClient(cluster.port("kube-apiserver"), cluster.layout.pki(cluster.env), "bootstrap") as client:
        _await_system_namespace(client)
        found = client.get(kube.object_path(note))
        if found and found.get("data", {}).get("objects") == wanted:
            return False
        import yaml  # noqa: PLC0415 - slow, and only a first `up` needs it

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        items = [item for source in sources for item in yaml.load_all(source.read_bytes(), loader) if item]
        for item in items:
            client.apply(item)
        _await_crds(client, [item for item in items if item["kind"] == "CustomResourceDefinition"])
        client.apply({**note, "data": {"objects": wanted}})
    return True


def mark(cluster: Cluster) -> None:
    """Write into the cluster which environment it is, unless it says so already."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app-of-apps"}}
    about = {"name": "app-of-apps-environment", "namespace": "app-of-apps"}
    marker = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"environment": cluster.env}}
    with kube.KubeClient(cluster.port("kube-apiserver"), cluster.layout.pki(cluster.env), "bootstrap") as client:
        found = client.get(kube.object_path(marker))
        if (found or {}).get("data") != marker["data"]:
            client.apply(namespace)
            client.apply(marker)


def _await_system_namespace(client: kube.KubeClient, seconds: float = 15.0) -> None:
    """The API server makes ``kube-system`` shortly after it has become ready for the first time."""
    deadline = time.monotonic() + seconds
    while client.get("/api/v1/namespaces/kube-system") is None:
        if time.monotonic() > deadline:
            message = f"the API server has not created the namespace kube-system within {seconds:.0f} s"
            raise SandboxError(message)
        time.sleep(0.05)


def _await_crds(client: kube.KubeClient, items: list[dict[str, Any]], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    for item in items:
        path = kube.object_path(item)
        while True:
            found = client.get(path) or {}
            # A CRD that is a moment old has `conditions: null`.
            conditions = (found.get("status") or {}).get("conditions") or []
            if any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions):
                break
            if time.monotonic() > deadline:
                message = f"CRD {item['metadata']['name']} is not established after {seconds:.0f} s"
                raise SandboxError(message)
            time.sleep(0.05)


def identity(cluster: Cluster) -> Identity:
    """Ask the running cluster who it is."""
    with kube.KubeClient(cluster.port("kube-apiserver"), cluster.layout.pki(cluster.env), "bootstrap") as client:
        system = client.get("/api/v1/namespaces/kube-system")
    if system is None:
        message = f"{cluster.env}: the cluster has no namespace kube-system. `make reset` makes a new one."
        raise SandboxError(message)
    der = ssl.PEM_cert_to_DER_cert(cluster.authority.read_text())
    return Identity(
        f"https://127.0.0.1:{cluster.port('kube-apiserver')}",
        system["metadata"]["uid"],
        hashlib.sha256(der).hexdigest(),
    )


def write_facts(layout: Layout, env: str, identity: Identity, vault_address: str) -> None:
    """Write what only this sandbox knows of `env`, to be laid over the committed environment by its loader."""
    facts = {
        "cluster": {
            "context": env,
            "server": identity.server,
            "uid": identity.uid,
            "caSha256": identity.ca_sha256,
        },
        "vault": {"address": vault_address},
    }
    write_json(layout.overlay / f"{env}.yaml", facts)
