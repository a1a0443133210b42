"""Putting made-up values for the example's secrets into Vault, without ever reading a value."""

from __future__ import annotations

import secrets
import string
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SeedError
from sandbox.layout import ENVIRONMENTS

if TYPE_CHECKING:
    from sandbox.vault_client import VaultClient

SEED_FILE = Path(__file__).parent / "seed.yaml"
_ALPHABET = string.ascii_letters + string.digits

Seed = dict[str, dict[str, str]]
"""Path below the kv mount → key → how its value is made."""


def load(path: Path = SEED_FILE) -> dict[str, Seed]:
    """Read a seed file into one `Seed` per environment; raises `SeedError` naming file and place."""
    import yaml  # noqa: PLC0415 - slow, and `env` and `status` do without it

    try:
        content = yaml.safe_load(path.read_bytes()) or {}
    except OSError as error:
        message = f"{path}: {error.strerror}. It names the example's secret keys; restore it from git."
        raise SeedError(message) from error
    except yaml.YAMLError as error:
        message = f"{path}: not YAML: {error}"
        raise SeedError(message) from error
    sections = ("all", *ENVIRONMENTS)
    if not isinstance(content, dict) or not set(content) <= set(sections):
        message = f"{path}: expected a mapping with {', '.join(sections)} and nothing else"
        raise SeedError(message)
    result: dict[str, Seed] = {}
    for env in ENVIRONMENTS:
        merged: Seed = {}
        for section in ("all", env):
            for entry, keys in (content.get(section) or {}).items():
                merged.setdefault(entry, {}).update(_checked(path, f"{section}.{entry}", keys))
        result[env] = merged
    return result


def _checked(path: Path, where: str, keys: object) -> dict[str, str]:
    if not isinstance(keys, dict) or not keys:
        message = f"{path}: {where}: expected a mapping of keys, for example `API_KEY: random`"
        raise SeedError(message)
    for key, how in keys.items():
        if not isinstance(how, str) or (how != "random" and "{random}" not in how):
            wish = "expected `random` or a text with {random} in it; a fixed value is no secret"
            message = f"{path}: {where}.{key}: {wish}"
            raise SeedError(message)
    return {str(key): how for key, how in keys.items()}


def make(how: str) -> str:
    """A fresh value."""
    value = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    return value if how == "random" else how.replace("{random}", value)


def plant(client: VaultClient, env: str, seed: Seed) -> int:
    """Write the keys of `seed` that are missing in ``kv-<env>``; return how many. Existing ones are not touched."""
    planted = 0
    for path, keys in seed.items():
        found = client.read(f"kv-{env}/subkeys/{path}")
        present = (found or {}).get("data", {}).get("subkeys") or {}
        missing = {key: make(how) for key, how in keys.items() if key not in present}
        if missing:
            put(client, env, path, missing)
            planted += len(missing)
    return planted


def put(client: VaultClient, env: str, path: str, values: dict[str, str]) -> None:
    """Set keys at a path as a new version, keeping the path's other keys."""
    found = client.read(f"kv-{env}/subkeys/{path}")
    is_new = not (found or {}).get("data", {}).get("subkeys")
    client.write(f"kv-{env}/data/{path}", {"data": values}, method="POST" if is_new else "PATCH")
