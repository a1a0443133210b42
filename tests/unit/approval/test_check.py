"""What the gate asks and what it says when it is shut, with a Vault in memory; the real one is asked elsewhere."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.approval.check import Question, Standing, check_gate, demands, look, refusal
from app_of_apps.approval.store import Login
from app_of_apps.environment.settings import Environment, Gates
from app_of_apps.errors import Refused

from .ballot import BASE, BEN, CLEO, DORA, FAY, GATES, NOW, RELEASE

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.approval.check import Findings
    from app_of_apps.approval.gate import Person, Stored


def settings(gates: Gates = GATES) -> Environment:
    shape = {
        "name": "prod",
        "cluster": {"context": "prod"},
        "vault": {"address": "https://vault.example.com", "mounts": {"kv": "kv-prod", "jwt": "jwt-prod"}},
        "identity": {"groupsPrefix": "oidc:", "oidcMount": "oidc-prod"},
        "gates": gates.model_dump(by_alias=True),
    }
    return Environment.model_validate(shape)


class FakeVault:
    """Stands for `ApprovalVault`: the same questions, answered from memory."""

    statements_kept: tuple[Stored, ...] = ()
    groups: dict[str, frozenset[str]] = {}  # noqa: RUF012 - replaced by each test
    owner = Login("", "")
    asked = 0

    address = "https://vault.example.com"

    def __init__(self, *_: object) -> None:
        type(self).asked += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def now(self) -> Any:
        return NOW

    def accessor(self, mount: str) -> str:
        assert mount == "oidc-prod"
        return "accessor"

    def login(self, accessor: str) -> Login:
        assert accessor == "accessor"
        return self.owner

    def members(self, group: str, accessor: str) -> frozenset[str] | None:
        assert accessor == "accessor"
        return self.groups.get(group)

    def statements(self, kv: str, parent: str) -> tuple[Stored, ...]:
        assert (kv, parent) == ("kv-prod", "shop")
        return self.statements_kept

    def person(self, entity: str, accessor: str, groups: dict[str, frozenset[str]] | None = None) -> Person | None:
        assert accessor == "accessor"
        somebody = next((one for one in (DORA, CLEO, FAY, BEN) if one.entity == entity), None)
        if somebody is None:
            return None
        held = frozenset(group for group, members in (groups or {}).items() if entity in members)
        return replace(somebody.known, groups=held, keys={})

    def public_keys(self, mount: str, entity: str) -> dict[int, str]:
        assert mount == "transit"
        return {1: next(one.public for one in (DORA, CLEO, FAY, BEN) if one.entity == entity)}


@pytest.fixture
def vault() -> type[FakeVault]:
    class Vault(FakeVault):
        groups = {  # noqa: RUF012
            "platform-admins": frozenset({DORA.entity, CLEO.entity, BEN.entity}),
            "on-call": frozenset({FAY.entity}),
        }

    return Vault


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose one commit is ben's."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ben", "-c", "user.email=ben@example.com"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "A change"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    return tmp_path


def question(gates: Gates = GATES, **changed: Any) -> Question:
    # What stands was deployed from nobody knows where, so everybody who ever committed is an author.
    return Question(
        **{
            "settings": settings(gates),
            "parent": "shop",
            "digest": RELEASE,
            "standing": Standing(BASE, None),
            **changed,
        }
    )


def asked(vault: type[FakeVault], project: Path, *statements: Stored, **changed: Any) -> Findings:
    vault.statements_kept = statements
    return look(question(**changed), project=project, environ={}, connect=vault)  # type: ignore[arg-type]


def test_an_environment_that_asks_for_nothing_is_not_asked_about(vault: type[FakeVault], tmp_path: Path) -> None:
    """Neither Vault nor git: the folder is no repository."""
    for free in (question(Gates()), question(digest=BASE)):
        assert not demands(free)
        passed = check_gate(free, project=tmp_path, environ={}, connect=vault)  # type: ignore[arg-type]
        assert passed.approvals == ()
    assert vault.asked == 0


def test_rules_of_the_release_that_stands_are_asked_for_too() -> None:
    assert demands(question(Gates(), standing=Standing(BASE, None, GATES)))


def test_two_approvals_open_the_gate(vault: type[FakeVault], project: Path) -> None:
    found = asked(vault, project, DORA.approves(), CLEO.approves())
    assert found.passed is not None
    assert found.passed.names == ("cleo", "dora")
    assert found.passed.warning is None


def test_a_shut_gate_says_who_could_open_it_and_how(vault: type[FakeVault], project: Path) -> None:
    found = asked(vault, project, DORA.approves(), BEN.approves())
    assert found.passed is None
    text = "\n".join(refusal(question(), found))
    commit = found.change.commit[:12] if found.change else ""
    for words in (
        "prod of shop asks for 2 approvals of this release and has 1; nothing was touched.",
        "1 approval missing, of platform-admins: cleo\n",
        "not of its authors: ben@example.com",
        f"at {commit} run `aoa approve prod`",
        "counts: dora, signed 2026-11-24T11:30:00Z, until 2026-11-24T13:00:00Z",
        "the person is an author of the change",
        "as a member of on-call: aoa approve prod --break-glass REASON",
    ):
        assert words in text, text


def test_what_was_about_other_releases_is_not_told(vault: type[FakeVault], project: Path) -> None:
    found = asked(vault, project, DORA.approves(digest=BASE))
    assert "does not count" not in "\n".join(refusal(question(), found))


def test_a_group_that_vault_has_never_seen_is_named(vault: type[FakeVault], project: Path) -> None:
    vault.groups = {}
    text = "\n".join(refusal(question(), asked(vault, project)))
    assert "Vault knows no group platform-admins yet: `aoa approvals prod --prepare`" in text


def test_the_owner_of_the_token_that_deploys_does_not_approve(vault: type[FakeVault], project: Path) -> None:
    vault.owner = Login(DORA.entity, "dora")
    found = asked(vault, project, DORA.approves(), CLEO.approves())
    assert found.passed is None
    assert "the person runs the deployment" in "\n".join(refusal(question(), found))


def test_uncommitted_files_are_refused_by_name_even_with_enough_approvals(
    vault: type[FakeVault], project: Path
) -> None:
    (project / "parent.yaml").write_text("x")
    vault.statements_kept = (DORA.approves(), CLEO.approves())
    with pytest.raises(Refused, match=r"not committed.*: parent\.yaml\. Commit them"):
        check_gate(question(), project=project, environ={}, connect=vault)  # type: ignore[arg-type]


def test_breaking_the_glass_is_said_aloud(vault: type[FakeVault], project: Path) -> None:
    broken = FAY.approves(kind="break-glass", reason="customers cannot pay", expires="2026-11-24T12:20:00Z")
    found = asked(vault, project, broken)
    assert found.passed is not None
    assert found.passed.names == ("fay",)
    assert str(found.passed.warning).startswith("BREAK-GLASS: fay went around the gate of prod of shop with sha256:")
    assert "customers cannot pay" in str(found.passed.warning)


def test_a_deletion_is_agreed_to_by_all_who_approve(vault: type[FakeVault], project: Path) -> None:
    both = [DORA.approves(deletions=("a", "b")), CLEO.approves(deletions=("b",))]
    found = asked(vault, project, *both)
    assert found.passed is not None
    assert found.passed.deletions == {"b"}


def test_an_environment_cannot_ask_for_approvals_of_nobody() -> None:
    with pytest.raises(ValueError, match="does not say whose"):
        Gates.model_validate({"approvals": {"required": 1}})
