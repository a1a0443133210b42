"""Being a member of a team: a login at the sandbox's identity provider, and one to Vault with what it gave."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx

from sandbox.errors import SandboxError
from sandbox.issuer import VAULT_ROLE, client
from sandbox.vault_client import VaultClient

if TYPE_CHECKING:
    from sandbox.issuer import Issuer

_REDIRECT = "http://127.0.0.1/callback"


def id_token(issuer: Issuer, person: str, env: str) -> str:
    """Log in as `person` the way a browser does (authorization code with a nonce) and return the ID token."""
    with httpx.Client(verify=_context(issuer), timeout=20, trust_env=False) as browser:
        found = browser.get(f"{issuer.url}/.well-known/openid-configuration").json()
        state, nonce = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        asked = {
            "client_id": client(env),
            "redirect_uri": _REDIRECT,
            "response_type": "code",
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
        }
        answer = browser.post(found["authorization_endpoint"], params=asked, data={"sub": person})
        returned = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if returned.get("state") != [state] or "code" not in returned:
            message = f"the identity provider did not let {person} in: HTTP {answer.status_code}"
            raise SandboxError(message)
        exchanged = browser.post(
            found["token_endpoint"],
            data={"grant_type": "authorization_code", "code": returned["code"][0], "redirect_uri": _REDIRECT},
            auth=(client(env), "none"),
        )
        if exchanged.status_code != httpx.codes.OK:
            message = f"the identity provider gave {person} no token: HTTP {exchanged.status_code}"
            raise SandboxError(message)
        return str(exchanged.json()["id_token"])


def vault_login(port: int, env: str, token: str) -> dict[str, Any]:
    """Log in to Vault with an ID token; the answer's ``auth`` with ``client_token`` and ``identity_policies``."""
    with VaultClient(port) as vault:
        return dict(vault.write(f"auth/oidc-{env}/login", {"role": VAULT_ROLE, "jwt": token})["auth"])


def _context(issuer: Issuer) -> Any:  # noqa: ANN401 - an ssl.SSLContext
    import ssl  # noqa: PLC0415

    return ssl.create_default_context(cafile=str(issuer.authority))
