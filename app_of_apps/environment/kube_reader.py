"""Reads objects from one cluster by kubeconfig context. Never writes: the only verb it knows is GET.

Objects are plain dicts in Kubernetes' own spelling. The context is always named by the caller; the kubeconfig's
current context is never used, because it may be any cluster.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import yaml

from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PAGE = 500
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXEC_TIMEOUT = 30.0


class Forbidden(Unavailable):
    """The cluster answers, and does not let us read this."""


class KubeReader:
    """One cluster, read-only. Not to be shared between threads; close it, or use it in a ``with`` statement."""

    def __init__(self, context: str, kubeconfig: str | None = None, *, timeout: float = 5.0) -> None:
        """Prepare for the `context` of the files in `kubeconfig` (``$KUBECONFIG``, then ``~/.kube/config``).

        ``timeout`` is in seconds and holds for connecting and for each answer. Raises Unavailable when the context
        is missing or its credentials cannot be used. Nothing is sent yet.
        """
        self.context = context
        files = _files(kubeconfig)
        cluster, user = _entries(files, context)
        self.server: str = str(cluster.get("server", ""))
        if not self.server:
            msg = f"kubeconfig context {context!r} names a cluster without a server"
            raise Unavailable(msg)
        self.ca_sha256: tuple[str, ...] = _fingerprints(cluster)
        """SHA-256 of each CA certificate that the server may be signed by, in DER form; none for the system's CAs."""
        self.verified: bool = not cluster.get("insecure-skip-tls-verify")
        """Whether whoever answers has to prove with such a certificate that it is the server."""
        self._client = httpx.Client(
            base_url=self.server,
            verify=_tls(cluster, user, context),
            headers={"Accept": _JSON, **_authorization(cluster, user, context)},
            timeout=timeout,
            proxy=cluster.get("proxy-url"),
            auth=(user["username"], user["password"]) if user.get("password") else None,
        )
        self._server_name = cluster.get("tls-server-name")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return the JSON at an API path such as ``/api/v1/namespaces/kube-system``, None when there is none.

        Raises Forbidden on 403, Unavailable when the cluster cannot be reached or answers with another error.
        """
        return self._get(path, query)

    def _get(self, path: str, query: Mapping[str, str], accept: str = _JSON) -> dict[str, Any] | None:
        extensions = {"sni_hostname": self._server_name} if self._server_name else {}
        try:
            answer = self._client.get(path, params=query, headers={"Accept": accept}, extensions=extensions)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            msg = f"cluster {self.context!r} at {self.server} does not answer: {_reason(error)}"
            raise Unavailable(msg) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            kind = Forbidden if answer.status_code == httpx.codes.FORBIDDEN else Unavailable
            msg = (
                f"cluster {self.context!r} at {self.server} answers {answer.status_code} to GET {path}: {_said(answer)}"
            )
            raise kind(msg)
        try:
            found = answer.json()
        except ValueError as error:
            msg = f"cluster {self.context!r} at {self.server} answers GET {path} with something that is no JSON"
            raise Unavailable(msg) from error
        return found if isinstance(found, dict) else None

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all items at a list path, page by page; nothing when the kind does not exist in the cluster.

        Raises what `get` raises.
        """
        return [*self._items(path, query)]

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names of all items at a list path; the cluster sends their metadata and nothing else.

        Raises what `get` raises.
        """
        return tuple(sorted(item["metadata"]["name"] for item in self._items(path, {}, _METADATA)))

    def _items(self, path: str, query: Mapping[str, str], accept: str = _JSON) -> Iterator[dict[str, Any]]:
        query = {"limit": str(_PAGE), **query}
        while (page := self._get(path, query, accept)) is not None:
            yield from page.get("items") or []
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token


def _files(kubeconfig: str | None) -> list[Path]:
    named = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    found = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    present = [path for path in found if path.is_file()]
    if not present:
        msg = f"no kubeconfig: {', '.join(map(str, found))} does not exist; set KUBECONFIG"
        raise Unavailable(msg)
    return present


def _entries(files: list[Path], context: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the cluster and user of a context, with relative files made absolute; the first file wins."""
    tables: dict[str, dict[str, dict[str, Any]]] = {"contexts": {}, "clusters": {}, "users": {}}
    for path in files:
        try:
            data = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506 - both are safe loaders
        except (OSError, yaml.YAMLError) as error:
            msg = f"the kubeconfig {path} cannot be read: {type(error).__name__}"
            raise Unavailable(msg) from error
        for table, key in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
            for entry in data.get(table) or []:
                tables[table].setdefault(str(entry.get("name")), _absolute(entry.get(key) or {}, path.parent))
    if context not in tables["contexts"]:
        known = ", ".join(sorted(tables["contexts"])) or "none"
        msg = f"kubeconfig has no context {context!r} (known: {known})"
        raise Unavailable(msg)
    chosen = tables["contexts"][context]
    return tables["clusters"].get(str(chosen.get("cluster")), {}), tables["users"].get(str(chosen.get("user")), {})


def _absolute(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    keys = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
    return {**entry, **{key: str(folder / entry[key]) for key in keys if entry.get(key)}}


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], context: str) -> ssl.SSLContext:
    data = cluster.get("certificate-authority-data")
    try:
        tls = ssl.create_default_context(
            cafile=cluster.get("certificate-authority"), cadata=base64.b64decode(data).decode() if data else None
        )
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        with _pair(user) as pair:
            if pair:
                tls.load_cert_chain(*pair)
    except (OSError, ValueError) as error:
        msg = f"the certificates of kubeconfig context {context!r} cannot be used: {_reason(error)}"
        raise Unavailable(msg) from error
    return tls


def _fingerprints(cluster: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        data = cluster.get("certificate-authority-data")
        file = cluster.get("certificate-authority")
        text = base64.b64decode(data).decode() if data else Path(file).read_text() if file else ""
        ders = [ssl.PEM_cert_to_DER_cert(block) for block in _CERTIFICATE.findall(text)]
    except (OSError, ValueError) as error:
        msg = f"the cluster's CA certificate in the kubeconfig cannot be read: {_reason(error)}"
        raise Unavailable(msg) from error
    return tuple(hashlib.sha256(der).hexdigest() for der in ders)


@contextlib.contextmanager
def _pair(user: Mapping[str, Any]) -> Iterator[tuple[str, str] | None]:
    """Give the client pair as files, because the ssl module takes nothing else; what we wrote is gone afterwards."""
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    if not (certificate and key):
        files = (user.get("client-certificate"), user.get("client-key"))
        yield (str(files[0]), str(files[1])) if all(files) else None
        return
    with tempfile.TemporaryDirectory(prefix="aoa-") as folder:  # mode 0700
        paths = (Path(folder, "crt"), Path(folder, "key"))
        for path, data in zip(paths, (certificate, key), strict=True):
            path.write_bytes(base64.b64decode(data))
        yield str(paths[0]), str(paths[1])


def _authorization(cluster: Mapping[str, Any], user: Mapping[str, Any], context: str) -> dict[str, str]:
    token = user.get("token")
    if user.get("tokenFile"):
        try:
            token = Path(user["tokenFile"]).read_text().strip()
        except OSError as error:
            msg = f"the token file of kubeconfig context {context!r} cannot be read: {_reason(error)}"
            raise Unavailable(msg) from error
    if user.get("exec"):
        token = _exec_token(cluster, user["exec"], context)
    if user.get("auth-provider"):
        msg = f"kubeconfig context {context!r} uses auth-provider, which Kubernetes removed in 1.26; use an exec plugin"
        raise Unavailable(msg)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _exec_token(cluster: Mapping[str, Any], plugin: Mapping[str, Any], context: str) -> str:
    """Run the credential plugin that the kubeconfig names, as kubectl does."""
    version = plugin.get("apiVersion", _EXEC_VERSIONS[0])
    if version not in _EXEC_VERSIONS:
        msg = f"kubeconfig context {context!r}: exec plugin of {version} is not supported, use {_EXEC_VERSIONS[0]}"
        raise Unavailable(msg)
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {
            key: cluster[key]
            for key in ("server", "certificate-authority-data", "insecure-skip-tls-verify", "tls-server-name")
            if key in cluster
        }
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    extra = {str(entry["name"]): str(entry["value"]) for entry in plugin.get("env") or []}
    command = [str(plugin.get("command")), *map(str, plugin.get("args") or [])]
    try:
        result = subprocess.run(
            command,
            env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            capture_output=True,
            text=True,
            timeout=_EXEC_TIMEOUT,
            check=True,
        )
        return str(json.loads(result.stdout)["status"]["token"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        msg = f"the credential plugin {command[0]!r} of kubeconfig context {context!r} failed: {type(error).__name__}"
        raise Unavailable(msg) from None


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message") or answer.reason_phrase)[:300]
    except (ValueError, AttributeError):
        return answer.reason_phrase


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
