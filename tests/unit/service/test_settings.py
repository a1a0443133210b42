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
