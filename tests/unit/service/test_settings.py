"""Settings as they stand in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.service.settings import load_settings

LEAST = "login: {issuer: https://login.example.com, audience: app-of-apps}\n"


def test_the_least_file_listens_on_loopback_alone(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    file.write_text(LEAST)
    settings = load_settings(file)
    assert (settings.host, settings.port, settings.url) == ("127.0.0.1", 8440, "http://127.0.0.1:8440")


def test_a_path_in_the_file_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    file.write_text(LEAST.replace("audience", "caFile: /etc/aoa/trust/ca.crt, audience"))
    assert load_settings(file).login.ca_file == Path("/etc/aoa/trust/ca.crt")


def test_who_listens_beyond_the_machine_says_how_it_is_reached(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    file.write_text(LEAST + "listen: 0.0.0.0:8440\n")
    with pytest.raises(InvalidInput, match="needs publicUrl"):
        load_settings(file)


def test_a_webhook_has_one_place(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    for places in ("{form: slack}", "{url: https://a.example.com, urlVariable: HOOK}"):
        file.write_text(f"{LEAST}webhooks: [{places}]\n")
        with pytest.raises(InvalidInput, match="by url, or by urlVariable"):
            load_settings(file)


def test_the_variable_of_a_webhook_has_to_be_set(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    file.write_text(f"{LEAST}webhooks: [{{url: https://a.example.com}}, {{urlVariable: HOOK, form: slack}}]\n")
    with pytest.raises(InvalidInput, match=r"webhooks\.1\.urlVariable: the variable HOOK is not set"):
        load_settings(file, {})
    hooks = load_settings(file, {"HOOK": "https://chat.example.com/secret"}).webhooks
    assert [one.place for one in hooks] == ["https://a.example.com", "$HOOK"]


def test_a_client_that_signs_has_a_secret_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "aoa-service.yaml"
    file.write_text(LEAST)
    login = load_settings(file).login
    assert login.approvals == {}
    both = {"AOA_SERVICE_CLIENT_SECRET": "one", "AOA_SERVICE_CLIENT_SECRET_EU_PROD": "two"}
    assert login.secret("vault-eu", "eu-prod", both) == "two"
    assert login.secret("vault-us", "us-prod", both) is None, "the login's secret goes to no other client"
    assert login.secret("app-of-apps", "us-prod", both) == "one"
