"""Somebody with a token of their own, and what they sign with it."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app_of_apps.approval.statement import Approver, Signed, Statement, spelled
from app_of_apps.release.digest import digest
from sandbox.vault_client import VaultClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app_of_apps.approval.store import ApprovalVault, Login
    from sandbox import Sandbox

MOUNT, KV, OIDC = "transit", "kv-staging", "oidc-staging"


@dataclass
class Voter:
    """One login of one person to staging."""

    name: str
    token: str
    vault: ApprovalVault

    @cached_property
    def accessor(self) -> str:
        found = self.vault.accessor(OIDC)
        assert found is not None
        return found

    @cached_property
    def login(self) -> Login:
        return self.vault.login(self.accessor)

    def statement(self, parent: str = "paths", **changed: Any) -> Statement:
        now = self.vault.now()
        values: dict[str, Any] = {
            "kind": "approve",
            "parent": parent,
            "environment": "staging",
            "digest": digest("release"),
            "nonce": secrets.token_hex(16),
            "issued": spelled(now),
            "expires": spelled(now + timedelta(hours=1)),
            "approver": Approver(name=self.login.name, entity=self.login.entity),
        }
        return Statement(**{**values, **changed})

    def sign(self, statement: Statement) -> Signed:
        self.vault.ensure_key(MOUNT, self.login.entity)
        signature, key = self.vault.sign(MOUNT, self.login.entity, statement.signed_bytes())
        return Signed(statement.signed_bytes().decode(), signature, key)

    def gives(self, statement: Statement) -> tuple[str, str, str]:
        """Sign and store a statement; return its place."""
        place = (statement.parent, self.login.entity, statement.nonce)
        self.vault.keep(KV, place, self.sign(statement))
        return place


@contextlib.contextmanager
def as_root(box: Sandbox) -> Iterator[Callable[[str, dict[str, Any] | None], str]]:
    """Give a function that writes to Vault (or deletes, where there is nothing to write) and returns the new ID."""
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, token) as client:

        def send(path: str, body: dict[str, Any] | None) -> str:
            answer = client.write(path, body or {}, method="DELETE" if body is None else "POST")
            return str((answer.get("data") or {}).get("id"))

        yield send
