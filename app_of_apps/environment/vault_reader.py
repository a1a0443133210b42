"""Asks one Vault which keys a secret has. Never reads a value: the endpoints it knows answer with names.

``/subkeys`` of a kv-v2 engine returns the keys of a secret with every value replaced by null, and needs no capability
on ``/data``.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEALED = 503
_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFIGURATION = ("sys/", "auth/", "identity/")


class Forbidden(Unavailable):
    """Vault answers, and does not let this token read what was asked for."""


class VaultReader:
    """One Vault, read-only. May be shared between threads; close it, or use it in a ``with`` statement."""

    def __init__(
        self, address: str, namespace: str | None, environ: Mapping[str, str], *, timeout: float = 5.0
    ) -> None:
        """Prepare to ask the Vault at ``address`` with the token of ``VAULT_TOKEN`` or ``~/.vault-token``.

        ``timeout`` is in seconds and holds for connecting and for each answer. Raises Unavailable when there is no
        token or the CA file of ``VAULT_CACERT`` cannot be read. Nothing is sent yet.
        """
        self.address = address.rstrip("/")
        headers = {"X-Vault-Token": _token(environ), "X-Vault-Request": "true"}
        if namespace is not None:
            headers["X-Vault-Namespace"] = namespace
        self._client = httpx.Client(
            base_url=f"{self.address}/v1/",
            headers=headers,
            timeout=timeout,
            # A verifying context costs 20 ms to make; plain HTTP needs none.
            verify=tls_context(environ) if self.address.startswith("https:") else False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def keys(self, mount: str, path: str) -> frozenset[str] | None:
        """Return the names of a secret's keys in its latest version; None when there is no secret or it was deleted.

        Raises Unavailable, with what to do, when Vault does not answer, is sealed, or does not let us look.
        """
        data = self._get(f"{mount}/subkeys/{path}", depth="1")
        return None if data is None else frozenset(data.get("subkeys") or ())

    def accessor(self, mount: str) -> str | None:
        """Return the accessor of an auth method, by which Vault tells its logins from others'; None: no such method.

        Raises Unavailable as `keys` does.
        """
        data = self._get(f"sys/mounts/auth/{mount}")
        return None if data is None else str(data["accessor"])

    def custom_metadata(self, mount: str, path: str) -> dict[str, str] | None:
        """Return what is noted beside a secret, values excluded; None when nothing stands at the path.

        Raises Forbidden when the token may not look, Unavailable as `keys` does.
        """
        data = self._get(f"{mount}/metadata/{path}")
        return None if data is None else dict(data.get("custom_metadata") or {})

    def bound_issuer(self, mount: str) -> str | None:
        """Return whose tokens alone a JWT auth method accepts, "" when anybody's; None when there is no such method.

        Raises Forbidden when the token may not look, Unavailable as `keys` does.
        """
        data = self._get(f"auth/{mount}/config")
        return None if data is None else str(data.get("bound_issuer") or "")

    def configuration(self, path: str, *, names: bool = False) -> dict[str, Any] | None:
        """Return how Vault is set up at a path below ``sys/``, ``auth/`` or ``identity/``; None when nothing is there.

        ``names`` asks for the names below the path, under ``keys``. Secrets stand at no such path. Raises Forbidden
        when the token may not look, Unavailable as `keys` does.
        """
        if not path.startswith(_CONFIGURATION):
            msg = f"{path} is no path of Vault's configuration"
            raise ValueError(msg)
        return self._get(path, **({"list": "true"} if names else {}))

    def token_is_valid(self) -> bool:
        """Say whether Vault knows the token; raises Unavailable when it does not answer."""
        try:
            return self._get("auth/token/lookup-self") is not None
        except Forbidden:
            return False

    def _get(self, path: str, **parameters: str) -> dict[str, Any] | None:
        try:
            answer = self._client.get(path, params=parameters)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            msg = (
                f"Vault at {self.address} does not answer ({type(error).__name__}); nothing was touched. "
                "Check that it is up and that you can reach it"
            )
            raise Unavailable(msg) from error
        # Of a mount that is not there Vault says so with 400.
        if answer.status_code == _NOT_FOUND or (answer.status_code == _BAD_REQUEST and path.startswith("sys/mounts/")):
            return None
        if answer.is_error:
            msg = f"Vault at {self.address} {self._refusal(answer.status_code, path)}; nothing was touched"
            raise (Forbidden if answer.status_code == _FORBIDDEN else Unavailable)(msg)
        data: dict[str, Any] = answer.json()["data"]
        return data

    @staticmethod
    def _refusal(status: int, path: str) -> str:
        if status == _SEALED:
            return "is sealed or has no active node: unseal it and run again"
        if status == _FORBIDDEN:
            return f"answers 403 for {path}: the token has expired, or its policy does not allow `read` there"
        return f"answers {status} for {path}"


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get("VAULT_TOKEN")
    if token:
        return token
    file = Path(environ.get("HOME", "~"), ".vault-token").expanduser()
    try:
        return file.read_text().strip()
    except OSError:
        msg = "no token for Vault: set VAULT_TOKEN, or run `vault login`"
        raise Unavailable(msg) from None


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a verifying context that trusts the CAs of ``VAULT_CACERT`` and ``VAULT_CAPATH``, else the system's.

    Raises Unavailable when they cannot be read.
    """
    file = environ.get("VAULT_CACERT")
    folder = environ.get("VAULT_CAPATH")
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        msg = f"VAULT_CACERT or VAULT_CAPATH cannot be read: {os.strerror(error.errno or 0)}"
        raise Unavailable(msg) from error
