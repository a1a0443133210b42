"""Public keys from a file: pinned by an auditor, or as they come with a bundle.

Three spellings are read: ``keys.json`` of a bundle, Vault's own answer (``vault read -format=json transit/keys/NAME``),
and PEM blocks, which have no names and stand for any key.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.evidence.signing import raw_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LARGEST: Final = 2**20
_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Keys:
    """Public keys: by name, and those that count whatever the name of the key is."""

    named: Mapping[str, bytes]
    unnamed: tuple[bytes, ...] = ()

    def candidates(self, name: str) -> tuple[bytes, ...]:
        """Return the keys that a signature said to be made with the key ``name`` may be checked with."""
        # Without its mount where Vault gave the name.
        known = self.named.get(name) or self.named.get(name.rpartition("/")[2])
        return (known,) if known is not None else self.unnamed


def fingerprint(key: bytes) -> str:
    """Return ``SHA256:<hex>`` of a public key's 32 bytes."""
    return "SHA256:" + hashlib.sha256(key).hexdigest()


def read_keys(path: Path) -> Keys:
    """Return the keys of a file; raises InvalidInput when it cannot be read or holds none."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be read") from error
    if len(content) > _LARGEST:
        raise _unreadable(path, f"it has more than {_LARGEST} bytes")
    found = parse_keys(content)
    if found is None or not (found.named or found.unnamed):
        raise _unreadable(path, "it holds no Ed25519 public key")
    return found


def parse_keys(content: bytes) -> Keys | None:
    """Return the keys in a text; None when it is in none of the spellings."""
    try:
        text = content.decode()
        if blocks := _PEM.findall(text) if not text.lstrip().startswith("{") else []:
            keys = [raw_key(block) for block in blocks]
            return None if None in keys else Keys({}, tuple(key for key in keys if key is not None))
        shape = json.loads(text)
        named = dict(_of_vault(shape["data"]) if "data" in shape else _of_bundle(shape["keys"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Keys(named)


def _of_bundle(keys: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401 - not yet known JSON
    for name, spelled in keys.items():
        key = raw_key(spelled)
        if key is None:
            msg = "not a public key"
            raise ValueError(msg)
        yield name, key


def _of_vault(data: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401 - not yet known JSON
    # Vault's answer does not say at which mount it was asked.
    for version, one in data["keys"].items():
        key = raw_key(one["public_key"])
        if key is None:
            msg = "not a public key"
            raise ValueError(msg)
        yield f"{data['name']}:{int(version)}", key


def _unreadable(path: Path, reason: str) -> InvalidInput:
    hint = "Give keys.json of a bundle, the answer of `vault read -format=json transit/keys/NAME`, or keys in PEM form."
    return InvalidInput([Problem(Position(str(path)), "", f"these keys cannot be read: {reason}", hint)])
