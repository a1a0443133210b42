"""One signature of one person: their token becomes a login to Vault, `aoa` signs with it, and the login is revoked.

The service has no key and no login that could sign. The token is used here once and kept nowhere.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from app_of_apps.deploy.redact import Redactor
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.service.environ import own_environ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app_of_apps.environment.settings import Environment


def sign(project: Path, settings: Environment, token: str, *arguments: str) -> str:
    """Run ``aoa approve`` or ``aoa revoke`` with a person's own login to Vault and return what it says.

    Raises Refused where Vault or the gate refuses, Unavailable where something does not answer.
    """
    env = settings.name
    mount = settings.identity.oidc_mount if settings.identity is not None else None
    if mount is None:
        msg = f"Pulumi.{env}.yaml does not say where people log in to Vault (identity: oidcMount)"
        raise Refused(msg)
    address = str(settings.vault.address).rstrip("/")
    headers = {"X-Vault-Namespace": settings.vault.namespace} if settings.vault.namespace else {}
    context = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
    with httpx.Client(base_url=f"{address}/v1/", headers=headers, timeout=20, trust_env=False, verify=context) as vault:
        try:
            answer = vault.post(f"auth/{mount}/login", json={"jwt": token})  # with the mount's default role
        except httpx.HTTPError as error:
            msg = f"Vault at {address} does not answer ({type(error).__name__}); nothing was signed"
            raise Unavailable(msg) from None
        if answer.is_error:
            msg = (
                f"Vault's {mount} does not take this token (HTTP {answer.status_code}); it has to be your own "
                f"token for {env}. Nothing was signed"
            )
            raise Refused(msg)
        own = str(answer.json()["auth"]["client_token"])
        try:
            done = aoa(project, *arguments, environ={"AOA_APPROVER_TOKEN": own})
        finally:
            with contextlib.suppress(httpx.HTTPError):  # what was signed is signed; the login ends by itself
                vault.post("auth/token/revoke-self", headers={"X-Vault-Token": own})
    if done.returncode != 0:
        raise raised(done)
    return Redactor()(done.stdout.decode("utf-8", "replace").strip())


def aoa(project: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run ``aoa`` in a project for at most two minutes; raises Unavailable after them."""
    try:
        return subprocess.run(
            [sys.executable, "-P", "-m", "app_of_apps", *arguments],
            cwd=project,
            env={**own_environ(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"aoa {arguments[0]} takes longer than two minutes"
        raise Unavailable(msg) from None


def raised(done: subprocess.CompletedProcess[bytes]) -> Exception:
    """Return what to raise for a process that has failed."""
    words = Redactor()(done.stderr.decode("utf-8", "replace").strip() or done.stdout.decode("utf-8", "replace").strip())
    return {3: Refused, 4: Unavailable}.get(done.returncode, Refused)(words[-4000:])
