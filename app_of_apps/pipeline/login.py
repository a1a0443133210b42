"""Trades the identity that a pipeline has for this run for a token of Vault: nothing is stored anywhere.

GitHub gives an ID token on request (https://docs.github.com/en/actions/concepts/security/openid-connect); GitLab and
Jenkins put one into a variable or a file. Vault's JWT auth method checks it
(https://developer.hashicorp.com/vault/docs/auth/jwt).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from app_of_apps.deploy.redact import plain
from app_of_apps.environment.vault_reader import tls_context
from app_of_apps.errors import InvalidInput, Position, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.environment.settings import Vault

TOKEN_VARIABLE: Final = "AOA_ID_TOKEN"  # noqa: S105 - the name of a variable
FILE_VARIABLE: Final = "AOA_ID_TOKEN_FILE"
_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_REQUEST: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SECRETS: Final = (TOKEN_VARIABLE, _REQUEST)
"""Variables by which more tokens of this run could be had."""
_TIMEOUT: Final = 20.0


def id_token(audience: str, environ: Mapping[str, str]) -> str:
    """Return an ID token of this run.

    GitHub makes it for ``audience``; elsewhere it has the audience that the pipeline's file asked for. Raises
    InvalidInput where there is none, with what to do, and Unavailable when it cannot be had.
    """
    if environ.get(_URL) and environ.get(_REQUEST):
        return _asked(audience, environ[_URL], environ[_REQUEST])
    if environ.get(TOKEN_VARIABLE):
        return environ[TOKEN_VARIABLE]
    if file := environ.get(FILE_VARIABLE):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            msg = f"the ID token cannot be read from the file that {FILE_VARIABLE} names: {type(error).__name__}"
            raise Unavailable(msg) from error
    hint = (
        f"GitHub: give the job `permissions: id-token: write`; GitLab: `id_tokens: {TOKEN_VARIABLE}`; elsewhere: "
        f"{TOKEN_VARIABLE} or {FILE_VARIABLE}"
    )
    raise InvalidInput([Problem(Position(f"${TOKEN_VARIABLE}"), "", "this run has no identity of its own", hint)])


def _asked(audience: str, address: str, credential: str) -> str:
    url = httpx.URL(address).copy_add_param("audience", audience)
    try:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {credential}"}, timeout=_TIMEOUT)
        answer.raise_for_status()
        return str(answer.json()["value"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        # The error's own text would hold the address, which is good for a token.
        msg = f"the pipeline's system gives no ID token ({type(error).__name__}); nothing was touched"
        raise Unavailable(msg) from None


def vault_login(vault: Vault, mount: str, role: str, token: str, environ: Mapping[str, str]) -> str:
    """Return a token of the environment's Vault; raises Refused when it does not let this run in, else Unavailable."""
    try:
        with _client(vault, environ) as client:
            answer = client.post(f"auth/{mount}/login", json={"role": role, "jwt": token})
            said = _json(answer)
    except (httpx.HTTPError, OSError) as error:
        msg = f"Vault at {vault.address} does not answer ({type(error).__name__}); nothing was touched"
        raise Unavailable(msg) from error
    if answer.is_error:
        words = plain("; ".join(map(str, said.get("errors") or ())).replace(token, "[id token]"), limit=300)
        msg = (
            f"Vault at {vault.address} does not let this run in as role {role!r} of auth/{mount} (it answers "
            f"{answer.status_code}: {words or 'nothing more'}); nothing was touched. Compare the role's "
            "bound_audiences and bound_claims with what this pipeline is"
        )
        raise (Refused if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR else Unavailable)(msg)
    return str(said["auth"]["client_token"])


def revoke(vault: Vault, token: str, environ: Mapping[str, str]) -> None:
    """Make a token worthless; where Vault does not answer, its time to live does it."""
    with suppress(httpx.HTTPError, OSError), _client(vault, environ, token) as client:
        client.post("auth/token/revoke-self")


def _client(vault: Vault, environ: Mapping[str, str], token: str | None = None) -> httpx.Client:
    address = str(vault.address).rstrip("/")
    headers = {"X-Vault-Request": "true"}
    if token is not None:
        headers["X-Vault-Token"] = token
    if vault.namespace is not None:
        headers["X-Vault-Namespace"] = vault.namespace
    verify = tls_context(environ) if address.startswith("https:") else False
    return httpx.Client(base_url=f"{address}/v1/", headers=headers, timeout=_TIMEOUT, verify=verify, trust_env=False)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
