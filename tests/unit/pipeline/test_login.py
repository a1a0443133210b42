"""A pipeline's identity and what is made of it. Vault's side runs in the integration tests."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from app_of_apps.environment.settings import Cluster
from app_of_apps.errors import InvalidInput, Unavailable
from app_of_apps.pipeline.kubeconfig import credential, kubeconfig
from app_of_apps.pipeline.login import id_token
from tests.unit.pipeline.fake_forge import forge


def test_elsewhere_than_at_github_the_token_is_in_a_variable_or_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    assert id_token("any", {"AOA_ID_TOKEN": "from-a-variable"}) == "from-a-variable"
    assert id_token("any", {"AOA_ID_TOKEN_FILE": str(file)}) == "from-a-file"


def test_a_run_without_an_identity_is_told_how_to_get_one():
    with pytest.raises(InvalidInput, match="id-token: write"):
        id_token("any", {})


def test_a_file_that_is_not_there_is_named_by_its_variable(tmp_path):
    with pytest.raises(Unavailable, match="AOA_ID_TOKEN_FILE"):
        id_token("any", {"AOA_ID_TOKEN_FILE": str(tmp_path / "missing")})


def test_a_request_for_a_token_that_fails_says_nothing_of_its_address():
    with forge() as fake:  # which knows no such request
        environ = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{fake.url}/token?secret=canary",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary",
        }
        with pytest.raises(Unavailable) as told:
            id_token("vault", environ)
        assert fake.requests == ["GET /token?secret=canary&audience=vault"]
    assert "canary" not in str(told.value)


def test_the_kubeconfig_has_no_credential_and_is_gone_afterwards():
    cluster = Cluster(context="prod", server="https://127.0.0.1:6443")
    with kubeconfig(cluster, "kube-prod", "PEM") as variables:
        file = variables["KUBECONFIG"]
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123 - a path as others get it
            found = yaml.safe_load(stream)
    assert found["contexts"][0]["name"] == "prod"
    assert found["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert set(found["users"][0]["user"]) == {"exec"}
    assert found["users"][0]["user"]["exec"]["args"][-2:] == ["--audience", "kube-prod"]
    with pytest.raises(FileNotFoundError):
        open(file, encoding="utf-8")  # noqa: PTH123, SIM115 - it is not there


def test_a_credential_is_asked_for_again_when_it_runs_out():
    payload = base64.urlsafe_b64encode(json.dumps({"exp": 1_800_000_000}).encode()).decode().rstrip("=")
    found = credential(f"head.{payload}.signature")
    assert found["status"]["expirationTimestamp"] == "2027-01-15T08:00:00Z"
    assert "expirationTimestamp" not in credential("opaque")["status"]
