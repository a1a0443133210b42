"""Checking Ed25519 signatures with nothing but a public key. Signing itself happens in Vault, where the keys stay."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


def raw_key(text: str) -> bytes | None:
    """Return the 32 bytes of a public key in PEM form or, as Vault gives it, in base64; None for anything else."""
    try:
        if text.lstrip().startswith("-----BEGIN"):
            found = load_pem_public_key(text.strip().encode())
            if not isinstance(found, Ed25519PublicKey):
                return None
            return found.public_bytes(Encoding.Raw, PublicFormat.Raw)
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if len(key) == KEY_BYTES else None


def pem(key: bytes) -> str:
    """Return a public key in PEM form, as an environment's file pins it."""
    found = Ed25519PublicKey.from_public_bytes(key)
    return found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def verified(key: bytes, signature: str, content: bytes) -> bool:
    """Whether a signature in base64 over ``content`` was made with the private half of ``key``."""
    try:
        raw = base64.b64decode(signature, validate=True)
        # Decoders forgive what does not matter at the end; a signature has one spelling here.
        if len(raw) != SIGNATURE_BYTES or base64.b64encode(raw).decode() != signature:
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(raw, content)
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True
