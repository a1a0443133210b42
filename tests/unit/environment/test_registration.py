"""Registering: shown first, written once, comments kept, and never over another environment without being told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.environment import marker
from app_of_apps.environment.guard import KUBE_SYSTEM
from app_of_apps.environment.load import load_environment
from app_of_apps.environment.registration import look_up, register
from app_of_apps.errors import InvalidInput, Refused, WrongEnvironment

if TYPE_CHECKING:
    from pathlib import Path

UID = "11111111-2222-3333-4444-555555555555"
CA = "ab" * 32
FILE = """\
# The first environment.
secretsprovider: hashivault://state   # Pulumi's
config:
    app-of-apps:environment:
        # Ask the platform team before changing this.
        name: staging
        cluster:
            context: "staging"    # of everybody's kubeconfig
        vault:
            mounts: {kv: kv-staging, jwt: jwt-staging}
        network:
            database:
                - 10.20.0.0/24
        versions:
            api: '1.4'
"""


class World:
    """Stands in for a cluster and a Vault; keeps what is written."""

    server = "https://a:6443/"
    ca_sha256 = (CA,)
    verified = True

    def __init__(self, *, said: str | None = None, noted: str | None = None) -> None:
        self.said, self.noted = said, noted
        self.written: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        if path == KUBE_SYSTEM:
            return {"metadata": {"uid": UID}}
        return None if self.said is None else {"data": {marker.KEY: self.said}}

    def custom_metadata(self, *_: str) -> dict[str, str] | None:
        return None if self.noted is None else {marker.KEY: self.noted}

    def apply(self, path: str, item: dict[str, Any]) -> None:
        self.written.append(path)
        self.said = item.get("data", {}).get(marker.KEY, self.said)

    def mark(self, mount: str, environment: str) -> None:
        self.written.append(mount)
        self.noted = environment


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    (tmp_path / "Pulumi.staging.yaml").write_text(FILE)
    return tmp_path


def found(project: Path, world: World, **environ: str) -> Any:
    given = {"VAULT_ADDR": "https://vault.example.com", **environ}
    doors: dict[str, Any] = {"connect": lambda _: world, "connect_vault": lambda *_: world}
    return look_up(load_environment("staging", project), given, **doors), doors


def test_looking_up_writes_nothing_and_names_all_that_is_new(project: Path) -> None:
    world = World()
    registration, _ = found(project, world)
    assert [line.found for line in registration.lines[:4]] == [
        "https://a:6443",
        UID,
        CA,
        "https://vault.example.com",
    ]
    assert all(line.changes and not line.replaces for line in registration.lines)
    assert world.written == []
    assert (project / "Pulumi.staging.yaml").read_text() == FILE


def test_only_the_facts_are_added_to_the_file(project: Path) -> None:
    world = World()
    registration, doors = found(project, world)
    register(registration, {}, **doors)
    text = (project / "Pulumi.staging.yaml").read_text()
    added = [line.strip() for line in text.splitlines() if line not in FILE.splitlines()]
    assert added == [
        "server: https://a:6443",
        f"uid: {UID}",
        f"caSha256: {CA}",
        "address: https://vault.example.com",
    ]
    assert [line for line in FILE.splitlines() if line not in text.splitlines()] == []
    assert world.written == ["kv-staging", "/api/v1/namespaces/app-of-apps", marker.PATH]
    again, _ = found(project, world)
    assert not again.changes


def test_what_says_something_else_is_named_as_replaced(project: Path) -> None:
    world = World(said="prod", noted="prod")
    registration, _ = found(project, world)
    assert [line.before for line in registration.replaces] == ["prod", "prod"]


def test_a_cluster_that_another_environment_claims_is_refused(project: Path) -> None:
    other = FILE.replace("staging", "prod").replace('"prod" ', f'"prod"\n            uid: {UID} ')
    (project / "Pulumi.prod.yaml").write_text(other)
    world = World()
    with pytest.raises(InvalidInput, match=f"{UID} is that of prod too"):
        found(project, world)
    assert world.written == []


def test_a_cluster_without_a_ca_of_its_own_is_refused(project: Path) -> None:
    world = World()
    world.ca_sha256 = ()  # type: ignore[assignment]
    with pytest.raises(Refused, match="by which CA"):
        found(project, world)


def test_variables_that_lead_elsewhere_are_refused(project: Path) -> None:
    text = FILE.replace("        vault:\n", "        vault:\n            address: https://vault.example.com\n")
    (project / "Pulumi.staging.yaml").write_text(text)
    with pytest.raises(WrongEnvironment, match="VAULT_AGENT_ADDR"):
        found(project, World(), VAULT_AGENT_ADDR="http://127.0.0.1:1")


def test_an_interrupted_registration_is_finished_by_the_next(project: Path) -> None:
    world = World()
    registration, doors = found(project, world)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    world.apply = fail  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        register(registration, {}, **doors)
    assert (project / "Pulumi.staging.yaml").read_text() == FILE
    del world.apply
    again, doors = found(project, world)
    assert again.replaces == ()
    register(again, {}, **doors)
    assert load_environment("staging", project).settings.cluster.uid == UID
