"""The names of people's keys in Vault."""

from __future__ import annotations

from typing import Final

KEY_PREFIX: Final = "aoa-person-"
"""Before the entity's ID in the name of a person's key."""


def person_key(entity: str) -> str:
    """Return the name of a person's key in Vault's transit engine."""
    return f"{KEY_PREFIX}{entity}"
