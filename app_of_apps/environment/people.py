"""The auth method of Vault where people log in: that it is there, and how Vault tells its logins from others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.environment.settings import Vault


def people_accessor(
    mount: str,
    vault: Vault,
    environ: Mapping[str, str],
    *,
    connect: Callable[[str, str | None, Mapping[str, str]], VaultReader] = VaultReader,
) -> str:
    """Return the accessor of the auth method at ``mount``.

    Raises Unavailable when there is none or Vault cannot be asked.
    """
    if vault.address is None:
        msg = "the environment does not say where Vault is (vault: address), and groups of people have rights there"
        raise Unavailable(msg)
    with connect(vault.address, vault.namespace, environ) as reader:
        accessor = reader.accessor(mount)
    if accessor is None:
        msg = (
            f"Vault at {vault.address} has no auth method at {mount}, where people would log in; nothing was touched. "
            "Enable it (docs/identity.md), or correct identity: oidcMount in the environment's file"
        )
        raise Unavailable(msg)
    return accessor
