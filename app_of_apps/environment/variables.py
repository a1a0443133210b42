"""Variables of the process that would lead a provider elsewhere than the environment's file says.

The providers inherit our environment, and Vault's client library lets some of its variables win over the address that
a provider is given. They are refused, never corrected: whoever set them meant something.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.environment.settings import Environment

# The library takes the agent's address instead of any other, and sends all requests through a proxy of its own.
_ADDRESSES: Final = ("VAULT_ADDR", "VAULT_AGENT_ADDR")
_DETOURS: Final = ("VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY")
_FALSE: Final = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})


def contradictions(settings: Environment, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable that contradicts the settings."""
    vault = settings.vault
    for name in _ADDRESSES:
        given = environ.get(name)
        if vault.address is not None and given and given.rstrip("/") != vault.address.rstrip("/"):
            yield f"vault.address is {vault.address}, and {name} says {without_credentials(given)}"
    namespace = environ.get("VAULT_NAMESPACE", "").strip("/")
    if namespace and namespace != (vault.namespace or "").strip("/"):
        yield f"vault.namespace is {vault.namespace or 'not set'}, and VAULT_NAMESPACE says {namespace}"
    for name in _DETOURS:
        if environ.get(name):
            yield f"{name} sends the requests to Vault through {without_credentials(environ[name])}; unset it"
    if environ.get("VAULT_SKIP_VERIFY", "") not in _FALSE:
        yield "VAULT_SKIP_VERIFY lets anybody answer for Vault; unset it, and name the CA's file in VAULT_CACERT"


def without_credentials(address: str) -> str:
    """Return an address without the user name and the password that may stand in it."""
    return re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?[^/]*@", r"\1…@", address)
