"""Makes chains of records with keys of its own, as the program would write them."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app_of_apps.evidence.chain import Signed
from app_of_apps.release.digest import canonical_json, digest

KEY = "transit/aoa-evidence-prod:1"
START = datetime(2026, 11, 16, 8, tzinfo=UTC)
ZEROS = "sha256:" + "0" * 64


def private_key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(random.Random(seed).randbytes(32))  # noqa: S311 - a test's key


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def signature(key: Ed25519PrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content)).decode()


EVIDENCE = private_key(1)
PEOPLE = {
    name: (private_key(seed), f"00000000-0000-0000-0000-{seed:012}") for seed, name in enumerate(("ada", "ben"), 2)
}


def spelled(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def approval(name: str, release: str, when: datetime, **more: Any) -> dict[str, Any]:
    key, entity = PEOPLE[name]
    payload = {
        "format": "app-of-apps/approval/v1",
        "kind": "approve",
        "parent": "shop",
        "environment": "prod",
        "digest": release,
        "base": None,
        "preview": None,
        "deletions": [],
        "nonce": digest([name, release])[7:39],
        "issued": spelled(when),
        "expires": spelled(when + timedelta(hours=24)),
        "approver": {"name": name, "entity": entity},
        "reason": "",
        "revokes": None,
        **more,
    }
    return {
        "payload": payload,
        "signature": signature(key, canonical_json(payload)),
        "key": f"transit/aoa-person-{entity}:1",
        "publicKey": base64.b64encode(public(key)).decode(),
    }


class Chain:
    """A growing chain; each method adds a record and returns its number."""

    def __init__(self, parent: str = "shop", environment: str = "prod") -> None:
        self.parent, self.environment = parent, environment
        self.records: list[Signed] = []

    def add(self, kind: str, when: datetime, **more: Any) -> int:
        number = len(self.records) + 1
        shape = {
            "format": "app-of-apps/record/v1",
            "sequence": number,
            "previous": self.records[-1].hash if self.records else ZEROS,
            "kind": kind,
            "time": spelled(when),
            "parent": self.parent,
            "environment": self.environment,
            "operation": "up",
            "attempt": None,
            "who": {
                "kubernetes": {"username": "ci@example.com", "uid": "", "groups": ["deployers"]},
                "vault": {
                    "displayName": "oidc-carl",
                    "entity": "e-carl",
                    "entityName": "carl",
                    "policies": ["aoa-prod"],
                },
            },
            "front": "pulumi",
            "program": "0.1.0",
            "release": None,
            "snapshot": None,
            "secrets": {},
            "git": None,
            "children": {},
            "changes": [],
            "approvals": [],
            "breakGlass": None,
            "preview": None,
            "policies": [],
            "result": None,
            "reason": "",
            "seconds": None,
            "rollbackOf": None,
            "overrides": [],
            "details": {},
            **more,
        }
        text = canonical_json(shape).decode()
        self.records.append(Signed(text, signature(EVIDENCE, text.encode()), KEY))
        return number

    def up(self, when: datetime, *, result: str | None = "succeeded", minutes: int = 3, **more: Any) -> int:
        """An attempt with beginning and, unless ``result`` is None, end."""
        number = len(self.records) + 1
        release = {"digest": digest(["release", number]), "number": number, "name": f"release-{number}"}
        body = {
            "release": release,
            "git": {
                "commit": f"{number:040x}",
                "dirty": False,
                "author": "dora@example.com",
                "authors": ["dora@example.com"],
            },
            "children": {
                "api": {
                    "digest": digest(number),
                    "version": f"1.{number}.0",
                    "type": "service",
                    "team": "web",
                    "image": None,
                }
            },
            "changes": [{"child": "api", "change": "changed", "words": [f"version 1.{number - 1}.0 → 1.{number}.0"]}],
            "approvals": [approval("ada", release["digest"], when), approval("ben", release["digest"], when)],
            **more,
        }
        self.add("began", when, **body)
        if result is not None:
            ended = {
                "attempt": number,
                "result": result,
                "seconds": minutes * 60.0,
                "reason": "" if result == "succeeded" else "api: no",
            }
            self.add("ended", when + timedelta(minutes=minutes), release=release, **ended)
        return number


def week() -> Chain:
    """Monday 16 to Sunday 22 November 2026; on Tuesday a hotfix, on Wednesday a refusal, a failure and a rollback."""
    chain = Chain()
    tuesday, wednesday, friday = (START + timedelta(days=days) for days in (1, 2, 4))
    chain.up(START)
    words = ["version 1.1.0 → 1.1.1-hotfix"]
    chain.up(tuesday, changes=[{"child": "orders", "change": "changed", "words": words}])
    chain.add("refused", wednesday, reason="0 of 2 approvals", result="refused")
    chain.up(wednesday + timedelta(hours=1), result="failed")
    chain.up(wednesday + timedelta(hours=2), operation="rollback", rollbackOf=3)
    glass = approval("ben", digest(["release", 10]), friday, kind="break-glass", reason="shop is down")
    chain.up(friday, approvals=[], breakGlass=glass)
    return chain
