"""Whether a Vault can serve anybody at all right now. Asks without a token, for nothing that belongs to anybody."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import httpx

from app_of_apps.environment.vault_reader import tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 3.0  # seconds for one answer
_SERVES = frozenset({200, 429, 472, 473})
_SEALED, _NOT_INITIALISED = 503, 501


def trouble(address: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return why the Vault at an address serves nobody, None when it does.

    Standby nodes pass requests on, so they count as serving. Never raises for what the other side does.
    """
    verify = tls_context(os.environ if environ is None else environ) if address.startswith("https:") else False
    url = f"{address.rstrip('/')}/v1/sys/health"
    try:
        status = httpx.get(url, timeout=_PATIENCE, verify=verify, trust_env=False).status_code
    except httpx.TimeoutException:
        return f"has not answered for {_PATIENCE:.0f} s"
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    if status in _SERVES:
        return None
    return {_SEALED: "is sealed", _NOT_INITIALISED: "is not initialised"}.get(status, f"answers {status}")
