"""What somebody signs: one statement about one release of one environment, in a form that has exactly one spelling.

The bytes that are signed are the canonical JSON of the statement. A stored statement is those bytes, the signature over
them and the name of the key; bytes in any other spelling are refused, so that one statement has one signature's worth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, ValidationError

from app_of_apps.manifest.base import Model, Name, Text, matching
from app_of_apps.release.digest import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = "app-of-apps/approval/v1"

Kind = Literal["approve", "destroy", "break-glass", "revoke"]
Digest = Annotated[str, matching(r"^sha256:[0-9a-f]{64}$", "must be sha256: and 64 lowercase hexadecimal digits")]
Nonce = Annotated[str, matching(r"^[0-9a-f]{32}$", "must be 32 lowercase hexadecimal digits")]
Time = Annotated[
    str,
    matching(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", "must be a moment such as 2026-12-20T18:00:00Z"
    ),
]


class Approver(Model):
    """Who signs, as Vault knows them."""

    name: Text
    """The name of the login at the environment's auth method for people."""
    entity: Annotated[str, matching(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "must be the ID of an entity")]
    """The ID of the identity entity in Vault; the signing key is named after it."""


class Statement(Model):
    """What is signed."""

    format: Literal["app-of-apps/approval/v1"] = FORMAT
    kind: Kind
    parent: Name
    environment: Name
    digest: Digest
    """Of the release; of a revocation, that of the statement that it takes back."""
    base: Digest | None = None
    """Digest of the release that stands while this is signed; null where none does."""
    preview: Digest | None = None
    """Digest of the preview that was shown; null where none could be made."""
    deletions: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Children whose deletion is agreed to, sorted."""
    nonce: Nonce
    issued: Time
    expires: Time
    approver: Approver
    reason: str = ""
    """Why; a break-glass statement has one."""
    revokes: Nonce | None = None
    """The nonce of the statement that a revocation takes back."""

    @property
    def issued_at(self) -> datetime:
        """When it was signed."""
        return moment(self.issued)

    @property
    def expires_at(self) -> datetime:
        """From when on it counts no more."""
        return moment(self.expires)

    def signed_bytes(self) -> bytes:
        """Return the canonical JSON, which is what is signed."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement as it is kept: the exact text, the signature over it, and which key is said to have made it."""

    payload: str
    signature: str
    """Base64 of the raw Ed25519 signature."""
    key: str
    """``<mount>/<key>:<version>``."""

    def shape(self) -> dict[str, str]:
        """Return what is stored."""
        return {"payload": self.payload, "signature": self.signature, "key": self.key}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Signed | None:
        """Return what was stored; None when it is something else."""
        values = [data.get(name) for name in ("payload", "signature", "key")]
        if len(data) != len(values) or not all(isinstance(value, str) for value in values):
            return None
        return cls(*map(str, values))


def read(payload: str) -> Statement | None:
    """Return the statement whose canonical JSON the text is; None for anything else."""
    try:
        # pydantic's own JSON reader would take a member that stands there twice.
        found = Statement.model_validate(json.loads(payload, object_pairs_hook=_once))
        if found.signed_bytes() != payload.encode():
            return None
        return found if _possible(found) else None
    except (ValidationError, ValueError, TypeError, RecursionError):
        return None


def moment(text: str) -> datetime:
    """Return the moment that `Time` spells; raises ValueError for the 31st of February."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def spelled(when: datetime) -> str:
    """Return a moment as `Time`, in whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _possible(statement: Statement) -> bool:
    """Whether what a statement says can be meant: its moments exist, lists are sorted, only a revocation revokes."""
    ordered = list(statement.deletions) == sorted(set(statement.deletions))
    takes_back = (statement.kind == "revoke") == (statement.revokes is not None)
    reasoned = statement.kind != "break-glass" or bool(statement.reason.strip())
    return ordered and takes_back and reasoned and statement.issued_at < statement.expires_at


def _once(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(members)
    if len(found) != len(members):
        msg = "a member stands twice"
        raise ValueError(msg)
    return found
