"""Giving and taking back: the one place where something is signed and stored, with the token of a person."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from app_of_apps.approval.statement import Approver, Kind, Signed, Statement, spelled
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.manifest.base import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.approval.store import ApprovalVault, Login
    from app_of_apps.environment.settings import Environment

TOKEN: Final = "AOA_APPROVER_TOKEN"  # noqa: S105 - the name of a variable
"""Whose token of Vault signs, where ``VAULT_TOKEN`` is that of a pipeline or an administrator."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody agrees to."""

    kind: Kind
    parent: str
    digest: str
    base: str | None
    preview: str | None = None
    deletions: tuple[str, ...] = ()
    reason: str = ""
    valid_for: str | None = None
    """Shorter than what the environment allows; None for as long as that."""
    revokes: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was stored."""

    statement: Statement
    public_key: str
    """Base64 of the person's public key."""


def approver_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with the token of the person who signs as Vault's token."""
    own = environ.get(TOKEN)
    return {**environ, "VAULT_TOKEN": own} if own else dict(environ)


def whoever(vault: ApprovalVault, settings: Environment) -> Login:
    """Return whose token this is; raise Refused when it is nobody's who could be held to a signature."""
    mount = settings.identity.oidc_mount if settings.identity is not None else None
    if mount is None:
        msg = f"Pulumi.{settings.name}.yaml does not say where people log in to Vault (identity: oidcMount)"
        raise Refused(msg)
    how = (
        f"log in to Vault at {mount} as yourself (`vault login -method=oidc -path={mount}`), "
        f"or give your own token in {TOKEN}"
    )
    if not vault.entity():
        msg = f"the token for Vault belongs to nobody, and an approval is a person's; nothing was signed: {how}"
        raise Refused(msg)
    accessor = vault.accessor(mount)
    login = vault.login(accessor) if accessor is not None else None
    if login is None or not login.name:
        msg = f"this login to Vault did not come by {mount}, where the approvers of {settings.name} log in: {how}"
        raise Refused(msg)
    return login


def give(vault: ApprovalVault, settings: Environment, login: Login, proposal: Proposal) -> Receipt:
    """Sign a proposal with the person's own key and store it.

    Raises InvalidInput and Refused from what is proposed, Unavailable when Vault does not let this person sign.
    """
    rules = settings.gates
    longest = seconds(rules.break_glass.valid_for if proposal.kind == "break-glass" else rules.approvals.valid_for)
    lasts = longest if proposal.valid_for is None else min(longest, seconds(proposal.valid_for))
    now = vault.now()
    statement = Statement(
        kind=proposal.kind,
        parent=proposal.parent,
        environment=settings.name,
        digest=proposal.digest,
        base=proposal.base,
        preview=proposal.preview,
        deletions=tuple(sorted(set(proposal.deletions))),
        nonce=secrets.token_hex(16),
        issued=spelled(now),
        expires=spelled(now + timedelta(seconds=lasts)),
        approver=Approver(name=login.name, entity=login.entity),
        reason=proposal.reason,
        revokes=proposal.revokes,
    )
    mount, content = settings.evidence.mount, statement.signed_bytes()
    try:
        keys = vault.ensure_key(mount, login.entity)
        signature, key = vault.sign(mount, login.entity, content)
        place = (proposal.parent, login.entity, statement.nonce)
        vault.keep(settings.vault.mounts.kv, place, Signed(content.decode(), signature, key))
    except Unavailable as error:
        msg = f"{error}. What a person's token needs for this is in docs/approvals.md"
        raise type(error)(msg) from None
    return Receipt(statement, keys[int(key.rpartition(":")[2])])
