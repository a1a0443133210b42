"""A pipeline logs in with the token of its own issuer, deploys with what Vault gives for it, and keeps nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.vault_client import VaultClient, VaultError

from .place import child

if TYPE_CHECKING:
    from sandbox import Sandbox

    from .conftest import MakePlace

pytestmark = pytest.mark.integration

ROLE = "ci-deploy-staging"


def test_a_deployment_with_a_token_of_minutes_that_a_jwt_was_exchanged_for(make_place: MakePlace, box: Sandbox) -> None:
    """The cluster's issuer of service account tokens stands for the pipeline's: to Vault both are a JWT issuer."""
    box.put_secret("staging", "login/key", {"key": "value"})
    place = make_place("login", {"api": child("worker", secrets={"KEY": {"path": "login/key", "key": "key"}})})
    place.kubectl("create", "serviceaccount", "pipeline", "-n", "default")
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    root_token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, root_token) as root:
        role = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_subject": "system:serviceaccount:default:pipeline",
            "bound_audiences": ["vault-ci"],
            "token_policies": ["aoa-program-staging"],
            "token_ttl": 600,
            "token_max_ttl": 600,
        }
        root.write(f"auth/jwt-staging/role/{ROLE}", role)

    def login(audience: str) -> str:
        jwt = place.kubectl("create", "token", "pipeline", "-n", "default", "--audience", audience).strip()
        with VaultClient(port) as client:
            answer = client.write("auth/jwt-staging/login", {"role": ROLE, "jwt": jwt})
        assert answer["auth"]["lease_duration"] <= 600
        return answer["auth"]["client_token"]

    with pytest.raises(VaultError):
        login("somebody-else")
    token = login("vault-ci")
    done = place.aoa("up", "staging", environ={**place.environ, "VAULT_TOKEN": token})
    assert done.code == 0, done.text
    state = place.run(["pulumi", "stack", "export", "--show-secrets", "--stack", "staging"])
    assert state.code == 0
    assert token not in state.text
    with VaultClient(port, token) as client:
        with pytest.raises(VaultError):
            client.read("kv-staging/data/login/key")
        client.write("auth/token/revoke-self", {})
    refused = place.aoa("preview", "staging", environ={**place.environ, "VAULT_TOKEN": token})
    assert refused.code == 4, refused.text
    assert "403" in refused.text
    place.destroy()
