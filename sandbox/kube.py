"""The few requests the sandbox itself makes to its API servers."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any, Self

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Namespace": "namespaces",
    "Node": "nodes",
}


class KubeClient:
    """One keep-alive connection to an API server, authenticated by a client certificate. Not thread-safe."""

    def __init__(self, port: int, pki: Path, user: str) -> None:
        """Prepare a connection to 127.0.0.1:`port` as the client pair `user` of the folder `pki`."""
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at an API `path`, or ``None`` when it does not exist."""
        status, body = self._request("GET", path)
        if status == http.HTTPStatus.NOT_FOUND:
            return None
        return self._checked("GET", path, status, body)

    def apply(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Server-side apply one object as field manager ``sandbox``, taking over fields others had set."""
        path = object_path(item) + "?fieldManager=sandbox&force=true"
        status, body = self._request("PATCH", path, item, "application/apply-patch+yaml")
        return self._checked("apply", path, status, body)

    def _request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        try:
            payload = None if body is None else json.dumps(body)
            self._connection.request(method, path, payload, {"Content-Type": content_type})
            response = self._connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            message = f"API server at 127.0.0.1:{self._connection.port}: {method} {path}: {error}"
            raise SandboxError(message) from error

    def _checked(self, verb: str, path: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
        if status >= http.HTTPStatus.BAD_REQUEST:
            message = f"API server at 127.0.0.1:{self._connection.port}: {verb} {path}: {status} {body.get('message')}"
            raise SandboxError(message)
        return body


def object_path(item: Mapping[str, Any]) -> str:
    """The API path of one of the kinds the sandbox applies; raises `SandboxError` for others."""
    version, kind, metadata = item["apiVersion"], item["kind"], item["metadata"]
    if kind not in _PLURALS:
        message = f"the sandbox cannot apply a {kind}: add its plural to {__name__}"
        raise SandboxError(message)
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{prefix}{namespace}/{_PLURALS[kind]}/{metadata['name']}"


def token_kubeconfig(env: str, port: int, authority: Path, user: str, token: str) -> dict[str, Any]:
    """A kubeconfig with one context, whose user has a bearer token and no certificate."""
    server = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": env,
        "clusters": [{"name": env, "cluster": server}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": env, "context": {"cluster": env, "user": user}}],
    }


def kubeconfig(clusters: Mapping[str, tuple[int, Path]], user: str) -> dict[str, Any]:
    """A kubeconfig with one context per environment, its current one the first.

    `clusters` maps an environment to its API server's port and PKI folder; `user` names the client pair. The
    certificates are embedded, so that a copy of the file works by itself.
    """

    def embedded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": next(iter(clusters)),
        "clusters": [
            {
                "name": env,
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": embedded(pki / "ca.crt"),
                },
            }
            for env, (port, pki) in clusters.items()
        ],
        "users": [
            {
                "name": f"{env}-{user}",
                "user": {
                    "client-certificate-data": embedded(pki / f"{user}.crt"),
                    "client-key-data": embedded(pki / f"{user}.key"),
                },
            }
            for env, (_, pki) in clusters.items()
        ],
        "contexts": [{"name": env, "context": {"cluster": env, "user": f"{env}-{user}"}} for env in clusters],
    }
