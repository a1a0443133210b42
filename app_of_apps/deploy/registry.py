"""Asks an image registry which digest a tag has: the OCI Distribution API, and of it nothing but manifests.

A registry answers at once or names where to get a bearer token
(https://distribution.github.io/distribution/spec/auth/token/). Credentials are those of ``docker login``, and go to the
registry and to the place that it names for tokens, over TLS. Plain HTTP is spoken to this machine alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import httpx

from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER: Final = re.compile(r'([a-z]+)="([^"]*)"', re.IGNORECASE)
_MAX_BYTES: Final = 4 * 1024 * 1024
"""The size up to which registries must take a manifest; nothing larger is read."""
_MAX_REDIRECTS: Final = 3
_DOCKER_HUB: Final = "docker.io"
_AT_DOCKER_HUB: Final = "registry-1.docker.io"
_IN_DOCKER_CONFIG: Final = "https://index.docker.io/v1/"


class Registries:
    """All registries that images come from, read-only; several threads may ask. Close it, or use it in ``with``."""

    def __init__(self, environ: Mapping[str, str], *, timeout: float = 10.0) -> None:
        """Prepare to ask; ``timeout`` is in seconds and holds for connecting and for each answer."""
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        self._environ = environ
        self._authorization: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def digest(self, repository: str, tag: str) -> str:
        """Return ``sha256:<hex>``, the digest of what a tag of an image's repository names now.

        Raises Refused when there is no such tag, Unavailable when the registry does not answer, does not let us look,
        or says something that cannot be believed.
        """
        host, name = _taken_apart(repository)
        url = f"{'http' if _is_here(host) else 'https'}://{host}/v2/{name}/manifests/{tag}"
        status, headers, _ = self._ask("HEAD", url, host, name)
        if status == httpx.codes.NOT_FOUND:
            msg = f"the registry {host} has no tag {tag} of {name}"
            raise Refused(msg)
        self._check(status, host, f"{name}:{tag}")
        found: str = headers.get("docker-content-digest", "")
        if _DIGEST.fullmatch(found):
            return found
        # The header is no duty: what it would say follows from the manifest's bytes.
        status, _, content = self._ask("GET", url, host, name)
        self._check(status, host, f"{name}:{tag}")
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def _ask(self, method: str, url: str, host: str, name: str) -> tuple[int, httpx.Headers, bytes]:
        known = self._authorization.get((host, name))
        status, headers, content = self._send(method, url, host, known)
        if status == httpx.codes.UNAUTHORIZED and known is None:
            challenge = headers.get("www-authenticate", "")
            self._authorization[host, name] = granted = self._granted(challenge, host, name)
            status, headers, content = self._send(method, url, host, granted)
        return status, headers, content

    def _granted(self, challenge: str, host: str, name: str) -> str:
        """Return what a registry wants to see in ``Authorization``, got the way that its challenge says."""
        login = _login(host, self._environ)
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and login:
            return f"Basic {login}"
        said = {key.lower(): value for key, value in _PARAMETER.findall(rest)}
        if scheme.lower() != "bearer" or "realm" not in said:
            msg = f"the registry {host} wants a login for {name}: run `docker login {host}`"
            raise Unavailable(msg)
        realm = httpx.URL(said["realm"])
        if realm.userinfo or not (realm.scheme == "https" or (_is_here(realm.netloc.decode()) and _is_here(host))):
            msg = f"the registry {host} names a place for tokens that is not reached over TLS"
            raise Unavailable(msg)
        scope = said.get("scope") or f"repository:{name}:pull"
        asked = realm.copy_merge_params({"scope": scope, **({"service": said["service"]} if "service" in said else {})})
        status, _, content = self._send("GET", str(asked), host, f"Basic {login}" if login else None)
        self._check(status, host, name)
        try:
            answer = json.loads(content)
            token = answer.get("token") or answer["access_token"]
        except (ValueError, KeyError, AttributeError):
            msg = f"the registry {host} answers with something that is no token"
            raise Unavailable(msg) from None
        return f"Bearer {token}"

    def _send(self, method: str, url: str, host: str, authorization: str | None) -> tuple[int, httpx.Headers, bytes]:
        """Return status, headers and content; follow a few redirects that stay with the scheme."""
        target = first = httpx.URL(url)
        for _ in range(_MAX_REDIRECTS + 1):
            headers = {"Accept": ", ".join(_MANIFESTS)}
            if authorization and (target.host, target.port) == (first.host, first.port):
                headers["Authorization"] = authorization
            try:
                with self._client.stream(method, target, headers=headers) as answer:
                    if not answer.has_redirect_location:
                        return answer.status_code, answer.headers, _bounded(answer, host)
                    target = target.join(answer.headers["location"])
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                msg = f"the registry {host} does not answer ({type(error).__name__})"
                raise Unavailable(msg) from error
            if target.scheme != first.scheme:
                msg = f"the registry {host} redirects from {first.scheme} to {target.scheme}, which is not followed"
                raise Unavailable(msg)
        msg = f"the registry {host} redirects again and again"
        raise Unavailable(msg)

    @staticmethod
    def _check(status: int, host: str, what: str) -> None:
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            hint = f"run `docker login {host}` as somebody who may pull it"
            msg = f"the registry {host} answers {status} for {what}: {hint}"
            raise Unavailable(msg)
        if status != httpx.codes.OK:
            msg = f"the registry {host} answers {status} for {what}"
            raise Unavailable(msg)


def _bounded(answer: httpx.Response, host: str) -> bytes:
    content = b""
    for part in answer.iter_bytes():
        content += part
        if len(content) > _MAX_BYTES:
            msg = f"the registry {host} answers with more than {_MAX_BYTES // 1024 // 1024} MiB"
            raise Unavailable(msg)
    return content


def _taken_apart(repository: str) -> tuple[str, str]:
    """Return host and name; a repository without a host is one of Docker Hub, as everywhere else."""
    host, slash, name = repository.partition("/")
    if not slash or not (host == "localhost" or "." in host or ":" in host):
        host, name = _DOCKER_HUB, repository
    if host == _DOCKER_HUB:
        return _AT_DOCKER_HUB, name if "/" in name else f"library/{name}"
    return host, name


def _is_here(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    name = httpx.URL(f"http://{host}").host
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _login(host: str, environ: Mapping[str, str]) -> str | None:
    """Return user and password for a host as `docker login` keeps them, in base64; None where there are none."""
    folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME", "~"), ".docker").expanduser())
    key = _IN_DOCKER_CONFIG if host == _AT_DOCKER_HUB else host
    try:
        kept = json.loads(Path(folder, "config.json").read_text())["auths"][key]["auth"]
        base64.b64decode(kept, validate=True)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        return None
    return str(kept)
