"""People who have logged in to the sandbox's Vault, and a parent whose environment asks for their approval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app_of_apps.approval.store import ApprovalVault
from tests.integration.approval.people import Voter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox import Sandbox

    LogIn = Callable[[str], Voter]


@pytest.fixture(scope="session")
def address(box: Sandbox) -> str:
    """Where the sandbox's Vault listens."""
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def log_in(box: Sandbox, address: str) -> Iterator[LogIn]:
    """Return a function that logs somebody in to staging, each time anew."""
    voters: list[Voter] = []

    def make(who: str) -> Voter:
        token = box.as_person(who, "staging")["VAULT_TOKEN"]
        voters.append(Voter(who, token, ApprovalVault(address, None, {"VAULT_TOKEN": token})))
        return voters[-1]

    yield make
    for voter in voters:
        voter.vault.__exit__()


@pytest.fixture(scope="session")
def program(box: Sandbox, address: str) -> Iterator[ApprovalVault]:
    """Vault as the program sees it, with its token for staging."""
    with ApprovalVault(address, None, {"VAULT_TOKEN": box.layout.token("staging").read_text().strip()}) as vault:
        yield vault
