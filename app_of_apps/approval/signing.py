"""The keys of people in Vault, and how their signatures are checked."""

from __future__ import annotations

from typing import Final

from app_of_apps.evidence.signing import KEY_BYTES, SIGNATURE_BYTES, pem, raw_key, verified

__all__ = ["KEY_BYTES", "KEY_PREFIX", "SIGNATURE_BYTES", "pem", "person_key", "raw_key", "verified"]

KEY_PREFIX: Final = "aoa-person-"
"""Before the entity's ID in the name of a person's key."""


def person_key(entity: str) -> str:
    """Return the name of a person's key in Vault's transit engine."""
    return f"{KEY_PREFIX}{entity}"
