"""People with keys of their own in memory, and statements that they sign: what Vault would say and keep."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app_of_apps.approval.gate import Case, Person, Stored
from app_of_apps.approval.signing import person_key
from app_of_apps.approval.statement import Approver, Signed, Statement, spelled
from app_of_apps.environment.settings import Gates
from app_of_apps.release.digest import digest

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
RELEASE, BASE, OTHER = digest("release"), digest("base"), digest("other")
GATES = Gates.model_validate(
    {
        "approvals": {"required": 2, "groups": ["platform-admins"], "validFor": "24h"},
        "breakGlass": {"groups": ["on-call"], "validFor": "1h"},
    }
)
CASE = Case(
    parent="shop",
    environment="prod",
    digest=RELEASE,
    base=BASE,
    now=NOW,
    authors=frozenset({"ben@example.com"}),
    runners=frozenset({"ci"}),
)


@dataclass(frozen=True)
class Somebody:
    """A person, with the private key that Vault would hold."""

    name: str
    groups: frozenset[str] = frozenset({"platform-admins"})
    emails: frozenset[str] = frozenset()
    seed: int = 0
    parts: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def entity(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    @cached_property
    def secret(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes((self.name.encode() + bytes([self.seed])).ljust(32, b"."))

    @property
    def public(self) -> str:
        return base64.b64encode(self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    @property
    def known(self) -> Person:
        """What Vault says of them."""
        person = Person(self.entity, self.name, self.groups, self.emails, {1: self.public})
        return replace(person, **self.parts)

    def statement(self, number: int = 1, **changed: Any) -> Statement:
        values: dict[str, Any] = {
            "kind": "approve",
            "parent": "shop",
            "environment": "prod",
            "digest": RELEASE,
            "base": BASE,
            "nonce": digest([self.name, number]).removeprefix("sha256:")[:32],
            "issued": spelled(NOW - timedelta(minutes=30)),
            "expires": spelled(NOW + timedelta(hours=1)),
            "approver": Approver(name=self.name, entity=self.entity),
        }
        return Statement(**{**values, **changed})

    def sign(self, statement: Statement, **place: Any) -> Stored:
        payload = statement.signed_bytes()
        signature = base64.b64encode(self.secret.sign(payload)).decode()
        key = f"transit/{person_key(self.entity)}:1"
        return Stored(
            **{
                "parent": "shop",
                "entity": self.entity,
                "nonce": statement.nonce,
                "signed": Signed(payload.decode(), signature, key),
                "created": statement.issued_at + timedelta(seconds=1),
                **place,
            }
        )

    def approves(self, number: int = 1, **changed: Any) -> Stored:
        return self.sign(self.statement(number, **changed))

    def revokes(self, stored: Stored, **changed: Any) -> Stored:
        return self.approves(2, kind="revoke", revokes=stored.nonce, **changed)


DORA, CLEO, FAY = Somebody("dora"), Somebody("cleo"), Somebody("fay", frozenset({"on-call"}))
BEN = Somebody("ben")
EVERYBODY = {one.entity: one.known for one in (DORA, CLEO, FAY, BEN)}
