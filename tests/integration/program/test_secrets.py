"""Secrets reach the pods through the operator, and the program neither sees nor keeps a value or a credential."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING

import pytest

from .world import Run, World, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

CANARY = f"canary-{secrets.token_hex(16)}"


@pytest.fixture(scope="module")
def deployed(make_world: MakeWorld, box: Sandbox) -> tuple[World, Run]:
    box.put_secret("staging", "vaulted/api", {"token": CANARY})
    api = service(secrets={"API_TOKEN": {"path": "vaulted/api", "key": "token"}})
    world = make_world("vaulted", {"api": api, "site": service(needs=["api"])})
    done = world.up()
    assert done.code == 0, done.text
    return world, done


def test_the_value_is_in_the_cluster_and_the_pod_refers_to_it(deployed: tuple[World, Run]) -> None:
    world, _ = deployed
    (pod,) = world.get("pods", "api")
    (variable,) = pod["spec"]["containers"][0]["env"]
    reference = variable["valueFrom"]["secretKeyRef"]
    assert (variable["name"], reference["key"]) == ("API_TOKEN", "token")
    (secret,) = [item for item in world.get("secrets", "api") if item["metadata"]["name"] == reference["name"]]
    assert base64.b64decode(secret["data"]["token"]).decode() == CANARY


def test_the_workload_waits_until_the_secret_is_there(deployed: tuple[World, Run]) -> None:
    world, run = deployed
    workload = next(one for one in world.writes(run, "api") if one.resource == "deployments")
    synced = next(
        one
        for one in run.requests
        if one.user == "sandbox:vault-secrets-operator" and one.what[1:3] == ("secrets", "vaulted-api") and one.is_write
    )
    assert synced.answered <= workload.received


def test_nothing_that_opens_a_door_is_in_state_or_output(deployed: tuple[World, Run]) -> None:
    world, run = deployed
    box = world.box
    export = world.pulumi("stack", "export", "--show-secrets", write=False)
    assert export.code == 0, export.stderr
    assert '"vaulted-api"' in export.stdout
    texts = {"output": run.text, "exported state with secrets": export.text}
    for folder in (box.layout.state, box.layout.pulumi_home, world.folder):
        texts |= {str(file): file.read_bytes().decode(errors="replace") for file in _files(folder)}
    assert any("/.pulumi/stacks/vaulted/" in name for name in texts)
    found = [(what, name) for name, text in texts.items() for what, value in _doors(world).items() if value in text]
    assert found == []


def test_the_preview_of_a_secret_shows_no_value(deployed: tuple[World, Run]) -> None:
    world, _ = deployed
    for arguments in (("--diff",), ("--json",)):
        done = world.pulumi("preview", "--show-secrets", *arguments)
        assert done.code == 0, done.text
        assert [what for what, value in _doors(world).items() if value in done.text] == []


def _files(folder: object) -> Iterator:
    """Yield the real files of a folder; plugins are links to binaries of the toolchain."""
    for file in folder.rglob("*"):  # type: ignore[attr-defined]
        if file.is_file() and not file.is_symlink():
            yield file


def _doors(world: World) -> dict[str, str]:
    """What must not be found anywhere: name → value."""
    kubeconfig = world.box.layout.env_kubeconfig("staging").read_text()
    (user,) = json.loads(kubeconfig)["users"]
    key = user["user"]["client-key-data"]
    return {
        "the secret": CANARY,
        "the secret, encoded": base64.b64encode(CANARY.encode()).decode().rstrip("="),
        "Vault's token": world.environ["VAULT_TOKEN"],
        "the client's key, encoded": key[:200],
        "the client's key": base64.b64decode(key).decode().splitlines()[1],
        "a private key": "PRIVATE KEY-----",
    }
