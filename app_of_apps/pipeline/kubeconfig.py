"""A kubeconfig for one command, whose credential is the pipeline's own ID token, asked for whenever it is needed."""

from __future__ import annotations

import base64
import binascii
import json
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.environment.settings import Cluster

_API: Final = "client.authentication.k8s.io/v1"


@contextmanager
def kubeconfig(cluster: Cluster, audience: str, authority: str) -> Iterator[dict[str, str]]:
    """Give the variables of a command that finds the cluster by its context's name; the file is gone afterwards.

    ``authority`` is the cluster's CA certificate in PEM form. The file holds no credential.
    """
    name = cluster.context
    plugin = {
        "apiVersion": _API,
        "command": sys.executable,
        "args": ["-m", "app_of_apps", "ci", "kube-token", "--audience", audience],
        "interactiveMode": "Never",
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": cluster.server,
                    "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
                },
            }
        ],
        "users": [{"name": name, "user": {"exec": plugin}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    with tempfile.TemporaryDirectory(prefix="aoa-") as folder:  # mode 0700
        file = Path(folder, "kubeconfig")
        file.write_text(json.dumps(content))
        yield {"KUBECONFIG": str(file)}


def credential(token: str) -> dict[str, Any]:
    """Return what a client of Kubernetes expects from its credential plugin, with the time at which to ask again."""
    status = {"token": token}
    if (end := _end(token)) is not None:
        status["expirationTimestamp"] = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"apiVersion": _API, "kind": "ExecCredential", "status": status}


def _end(token: str) -> float | None:
    """Return the ``exp`` of a token, in seconds of Unix time; who checks the token is the API server."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"]
        return float(found)
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
