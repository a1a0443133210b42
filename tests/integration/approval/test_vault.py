"""What the real Vault lets people and the program do with keys and statements, after real logins."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app_of_apps.approval.gate import Case, judge
from app_of_apps.approval.signing import person_key
from app_of_apps.approval.store import FOLDER, with_keys
from app_of_apps.environment.settings import Gates
from app_of_apps.environment.vault_reader import Forbidden
from app_of_apps.errors import Refused
from app_of_apps.evidence.signing import raw_key, verified
from app_of_apps.release.digest import digest
from tests.integration.approval.people import KV, MOUNT, OIDC, Voter, as_root

if TYPE_CHECKING:
    from app_of_apps.approval.store import ApprovalVault

    from .conftest import LogIn

pytestmark = pytest.mark.integration

DENIED = httpx.codes.FORBIDDEN


def ask(voter: Voter | str, address: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    token = voter if isinstance(voter, str) else voter.token
    with httpx.Client(base_url=f"{address}/v1/", headers={"X-Vault-Token": token}, trust_env=False) as client:
        kind = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        return client.request(method, path, json=body, headers=kind)


def test_somebody_signs_with_a_key_of_their_own_and_anybody_can_check_it(log_in: LogIn, program: ApprovalVault) -> None:
    dora = log_in("dora")
    assert dora.login.name == "dora"
    statement = dora.statement()
    signed = dora.sign(statement)
    keys = program.public_keys(MOUNT, dora.login.entity)
    assert list(keys) == [1]
    assert verified(raw_key(keys[1]) or b"", signed.signature, signed.payload.encode())
    assert dora.vault.ensure_key(MOUNT, dora.login.entity) == keys


def test_the_program_reads_who_signed_what(log_in: LogIn, program: ApprovalVault) -> None:
    dora = log_in("dora")
    place = dora.gives(dora.statement("readers"))
    (stored,) = program.statements(KV, "readers")
    assert (stored.parent, stored.entity, stored.nonce) == place
    assert stored.signed is not None
    assert stored.versions == 1
    accessor = program.accessor(OIDC)
    assert accessor == dora.accessor
    person = program.person(dora.login.entity, str(accessor))
    assert person is not None
    assert (person.name, person.emails, person.enabled) == ("dora", {"dora@shop.example.com"}, True)


def test_an_environment_without_statements_has_none(program: ApprovalVault) -> None:
    assert program.statements(KV, "nobody-ever") == ()


def test_nobody_writes_under_another_persons_path(log_in: LogIn, address: str) -> None:
    dora, ben = log_in("dora"), log_in("ben")
    statement = ben.statement()
    with pytest.raises(Forbidden):
        ben.vault.keep(KV, ("paths", dora.login.entity, statement.nonce), ben.sign(statement))
    for path in (f"paths/{statement.nonce}", statement.nonce, f"a/{ben.login.entity}/b/c", "../environment"):
        answer = ask(ben, address, "POST", f"{KV}/data/{FOLDER}/{path}", {"data": {"payload": "x"}})
        assert answer.status_code == DENIED, path


def test_nobody_signs_with_another_persons_key(log_in: LogIn, address: str) -> None:
    dora, ben = log_in("dora"), log_in("ben")
    dora.sign(dora.statement())
    with pytest.raises(Forbidden):
        ben.vault.sign(MOUNT, dora.login.entity, b"anything")
    body = {"input": base64.b64encode(b"x").decode()}
    for key in (person_key(dora.login.entity), f"{person_key(dora.login.entity)}/sha2-256", "aoa-evidence-staging"):
        assert ask(ben, address, "POST", f"{MOUNT}/sign/{key}", body).status_code == DENIED, key


def test_a_login_to_prod_is_another_person_to_staging(log_in: LogIn, box: Any, address: str) -> None:
    dora = log_in("dora")
    elsewhere = box.as_person("dora", "prod")["VAULT_TOKEN"]
    path = f"{KV}/data/{FOLDER}/paths/{dora.login.entity}/{secrets.token_hex(16)}"
    assert ask(elsewhere, address, "POST", path, {"data": {"payload": "x"}}).status_code == DENIED
    body = {"input": base64.b64encode(b"x").decode()}
    key = person_key(dora.login.entity)
    assert ask(elsewhere, address, "POST", f"{MOUNT}/sign/{key}", body).status_code == DENIED


def test_the_programs_token_neither_signs_nor_writes_statements(
    log_in: LogIn, program: ApprovalVault, box: Any, address: str
) -> None:
    dora = log_in("dora")
    statement = dora.statement()
    signed = dora.sign(statement)
    with pytest.raises(Forbidden):
        program.keep(KV, ("paths", dora.login.entity, statement.nonce), signed)
    with pytest.raises(Forbidden):
        program.sign(MOUNT, dora.login.entity, statement.signed_bytes())
    entity = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(Forbidden):
        program.ensure_key(MOUNT, entity)
    token = box.layout.token("staging").read_text().strip()
    for method, path in (
        ("POST", f"{MOUNT}/keys/{person_key(dora.login.entity)}/rotate"),
        ("POST", f"{MOUNT}/keys/{person_key(dora.login.entity)}/config"),
        ("DELETE", f"{MOUNT}/keys/{person_key(dora.login.entity)}"),
        ("POST", f"identity/entity/id/{dora.login.entity}"),
        ("POST", "sys/policies/acl/aoa-people-staging"),
    ):
        assert ask(token, address, method, path, {"name": "x"}).status_code == DENIED, path


def test_what_is_written_stays_as_it_is(log_in: LogIn, address: str) -> None:
    dora = log_in("dora")
    place = dora.gives(dora.statement())
    with pytest.raises((Forbidden, Refused)):
        dora.vault.keep(KV, place, dora.sign(dora.statement()))
    path = "/".join(place)
    for method, url in (
        ("POST", f"{KV}/data/{FOLDER}/{path}"),
        ("PATCH", f"{KV}/data/{FOLDER}/{path}"),
        ("DELETE", f"{KV}/data/{FOLDER}/{path}"),
        ("POST", f"{KV}/destroy/{FOLDER}/{path}"),
        ("POST", f"{KV}/delete/{FOLDER}/{path}"),
        ("DELETE", f"{KV}/metadata/{FOLDER}/{path}"),
        ("POST", f"{KV}/metadata/{FOLDER}/{path}"),
    ):
        assert ask(dora, address, method, url, {"data": {"payload": "x"}, "versions": [1]}).status_code == DENIED, url


def test_a_key_cannot_be_exported_rotated_replaced_or_of_another_type(
    log_in: LogIn, program: ApprovalVault, address: str
) -> None:
    dora, emil = log_in("dora"), log_in("emil")
    dora.vault.ensure_key(MOUNT, dora.login.entity)
    own, fresh = (f"{MOUNT}/keys/{person_key(one.login.entity)}" for one in (dora, emil))
    for method, path, body in (
        ("POST", f"{own}/rotate", {}),
        ("POST", f"{own}/config", {"exportable": True}),
        ("POST", f"{own}/config", {"deletion_allowed": True}),
        ("POST", f"{own}/import", {"ciphertext": "x"}),
        ("DELETE", own, None),
        ("GET", own.replace("/keys/", "/export/signing-key/"), None),
        ("GET", own.replace("/keys/", "/backup/"), None),
    ):
        assert ask(dora, address, method, path, body).status_code == DENIED, path
    for body in (
        {"type": "rsa-2048"},
        {},
        {"type": "ed25519", "exportable": True},
        {"type": "ed25519", "derived": True},
    ):
        assert ask(emil, address, "POST", fresh, body).status_code == DENIED, body
    assert program.public_keys(MOUNT, emil.login.entity) == {}


def test_nobody_reads_a_secret_by_it(log_in: LogIn, box: Any, address: str) -> None:
    box.put_secret("staging", "approvals/canary", {"key": "value"})
    for path in ("data/approvals/canary", "data/app-of-apps/other", "subkeys/approvals/canary"):
        assert ask(log_in("emil"), address, "GET", f"{KV}/{path}").status_code == DENIED, path


def test_membership_is_what_the_last_login_said(log_in: LogIn, program: ApprovalVault, box: Any) -> None:
    """A group of the provider becomes a group of Vault; who has left it is out with the next login."""
    group = "approvers-of-a-test"
    dora = log_in("dora")
    assert program.members(group, dora.accessor) is None
    with as_root(box) as root:
        made = root("identity/group/name/staging_leaving_group_x", {"type": "external"})
        alias = {"name": "platform-admins", "mount_accessor": dora.accessor, "canonical_id": made}
        root("identity/group-alias", alias)
    try:
        assert program.members("platform-admins", dora.accessor) == frozenset()
        entity = log_in("dora").login.entity
        assert program.members("platform-admins", dora.accessor) == {entity}
        members = {"platform-admins": program.members("platform-admins", dora.accessor) or frozenset()}
        voter = log_in("dora")
        statement = voter.statement("leaving")
        voter.gives(statement)
        gates = Gates.model_validate({"approvals": {"required": 1, "groups": ["platform-admins"]}})
        case = Case("leaving", "staging", digest("release"), None, program.now())
        person = program.person(entity, dora.accessor, members)
        assert person is not None
        people = with_keys(program, MOUNT, [person])
        assert judge(gates, case, program.statements(KV, "leaving"), people).allowed
        # The provider says of the next login that she is in another group now.
        with as_root(box) as root:
            root("identity/group-alias", {**alias, "name": group})
        log_in("dora")
        members = {"platform-admins": program.members(group, dora.accessor) or frozenset()}
        left = program.person(entity, dora.accessor, members)
        assert left is not None
        assert left.groups == frozenset()
        assert not judge(gates, case, program.statements(KV, "leaving"), with_keys(program, MOUNT, [left])).allowed
    finally:
        with as_root(box) as root:
            root("identity/group/name/staging_leaving_group_x", None)
