"""Credentials at ``<mount>/creds/<role>`` get to the child through policy, login and operator, and are renewed.

The sandbox's Vault is a build without database engines. In the place of one stands a kv engine of version 1, which
answers at the same path with a duration of lease, so that everything but the making and ending of users really runs.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.vault_client import VaultClient

from .place import child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox

    from .conftest import MakePlace

pytestmark = pytest.mark.integration

MOUNT = "stand-in-database-staging"


@pytest.fixture
def engine(box: Sandbox) -> Iterator[VaultClient]:
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, token) as client:
        client.write(f"sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "1"}})
        yield client


def lease(engine: VaultClient, user: str) -> None:
    engine.write(f"{MOUNT}/creds/leased-rw", {"username": user, "password": f"of {user}", "other": "x", "ttl": "6s"})


def test_a_lease_reaches_the_child_and_its_successor_too(make_place: MakePlace, engine: VaultClient) -> None:
    lease(engine, "first")
    dynamic = {"mount": "database", "role": "leased-rw"}
    secrets = {
        "DB_USER": {"dynamic": dynamic, "key": "username"},
        "DB_PASSWORD": {"dynamic": dynamic, "key": "password"},
    }
    mounts = {"kv": "kv-staging", "jwt": "jwt-staging", "dynamic": {"database": MOUNT}}
    place = make_place("leased", {"api": child("service", secrets=secrets)}, vault={"mounts": mounts})
    done = place.aoa("up", "staging")
    assert done.code == 0, done.text

    def copied() -> dict[str, str]:
        items = place.get("secrets", "-n", place.namespace("api"))
        (found,) = [one for one in items if one["metadata"]["name"] == "vault-database-creds-leased-rw"]
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    assert copied() == {"username": "first", "password": "of first"}
    lease(engine, "second")
    deadline = time.monotonic() + 60
    while copied()["username"] != "second":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert copied() == {"username": "second", "password": "of second"}
    status = place.aoa("secrets", "status", "staging", "-o", "json")
    assert status.code == 0, status.text
    assert {row["state"] for row in json.loads(status.stdout)["secrets"]} == {"leased"}
    refused = place.aoa("secrets", "rotate", "staging", "api", "DB_USER", "--generate", environ=place.writer)
    assert (refused.code, "makes a value for each lease" in refused.stderr) == (2, True), refused.text
    place.destroy()
