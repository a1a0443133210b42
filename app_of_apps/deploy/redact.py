"""Keeps what is no business of a report out of it: known credentials, terminal codes, endless texts.

Messages of containers, events and the engine are written by others. No code of ours puts a credential there; this is
the belt for the day when somebody else's does.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from app_of_apps.manifest.literal_secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

# Variables whose values are credentials of the program itself.
CREDENTIALS: tuple[str, ...] = (
    "VAULT_TOKEN",
    "VAULT_SECRET_ID",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_KEY",
    "GOOGLE_CREDENTIALS",
    "GITHUB_TOKEN",
)
_SHORTEST = 6  # a shorter value would take harmless words with it
_VAULT_TOKEN = re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|<\{%[a-z ]+%\}>")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Redactor:
    """Replaces the literal values of the credentials in an environment, and what looks like a token."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Remember the credentials of ``environ`` (this process's environment when absent)."""
        environ = os.environ if environ is None else environ
        known = {environ[name]: name for name in CREDENTIALS if len(environ.get(name, "")) >= _SHORTEST}
        # The longest first, so that a value that contains another one goes as a whole.
        self._known = sorted(known.items(), key=lambda item: -len(item[0]))

    def __call__(self, text: str) -> str:
        """Return the text without credentials."""
        for value, name in self._known:
            text = text.replace(value, f"[{name}]")
        return _JWT.sub("[token]", _VAULT_TOKEN.sub("[token]", text))


def without_credentials(text: str) -> str:
    """Return what somebody typed, a reason or a patch, without what looks like a credential: it is kept and shown."""
    return without_secrets(Redactor()(text))


def plain(text: str, limit: int = 1000) -> str:
    """Return text of others as safe lines: no terminal codes, no control characters, at most `limit` characters."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def one_line(text: str, limit: int = 300) -> str:
    """Return text of others as one safe line."""
    return plain(" ".join(plain(text, limit=10 * limit).split()), limit)
