"""A preview with an identity that can change nothing: what it sees, and what API server and Vault say that it asked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.issuer import Issuer
from sandbox.person import id_token
from sandbox.vault_client import VaultClient
from tests.integration.program.audit import Audit
from tests.integration.program.world import environment, run, service, watched, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld
    from tests.integration.program.world import Run, World

pytestmark = pytest.mark.integration

AOA = (sys.executable, "-m", "app_of_apps")
WHO = "gus"
"""Who is a member of nothing, and so has no right but those given here."""
USER = f"oidc:{WHO}"
POLICY = "aoa-preview-of-tests"
# What Vault calls an update or a creation, and changes nothing.
HARMLESS = {"transit/decrypt/pulumi-staging", "identity/lookup/group"}


@dataclass
class Seen:
    """One preview, and who was asked for what."""

    told: Run
    shape: dict[str, Any]
    vault: list[dict[str, Any]]


@pytest.fixture(scope="module")
def world(make_world: MakeWorld) -> Iterator[World]:
    """A parent that is deployed, and whose files then say something else: an update, a new child, and one that goes."""
    secret = {"secrets": {"DATABASE_URL": {"path": "orders/database", "key": "url"}}}
    children = {"api": service(**secret), "old": worker()}
    made = make_world("looked", children)
    done = made.up()
    assert done.code == 0, done.text
    made.versions["api"] = "1.1.0"
    made.children = {"api": service(**secret), "new": worker(needs=["api"])}
    made.write()
    yield made
    made.children, made.versions = children, {}
    made.write()
    assert made.destroy().code == 0


@pytest.fixture(scope="module")
def environ(box: Sandbox, world: World, area: Path) -> Iterator[dict[str, str]]:
    """The variables of somebody with the rights that the verb writes, and no others."""
    admin = environment(box, "staging")
    ports = json.loads((box.layout.root / "ports.json").read_text())
    policy = run([*AOA, "access", "previews", "staging", "--for", "vault"], cwd=world.folder, environ=admin).stdout
    with VaultClient(ports["vault"], json.loads((box.layout.vault / "keys.json").read_text())["root_token"]) as root:
        root.write(f"sys/policies/acl/{POLICY}", {"policy": policy}, method="PUT")
        made = {"policies": [POLICY], "no_default_policy": False, "ttl": "1h", "display_name": "preview-of-tests"}
        token = root.write("auth/token/create-orphan", made)["auth"]["client_token"]
    config = json.loads(json.dumps(_kubeconfig(admin)))
    user = {"token": id_token(Issuer(box.layout, ports), WHO, "staging")}
    config["users"] = [{"name": one["name"], "user": user} for one in config["users"]]
    file = area / "preview-kubeconfig"
    file.write_text(json.dumps(config))
    yield {**admin, "KUBECONFIG": str(file), "VAULT_TOKEN": token}
    file.unlink()
    with VaultClient(ports["vault"], json.loads((box.layout.vault / "keys.json").read_text())["root_token"]) as root:
        root.write("auth/token/revoke", {"token": token})
        root.write(f"sys/policies/acl/{POLICY}", {}, method="DELETE")


def _kubeconfig(environ: dict[str, str]) -> dict[str, Any]:
    command = ["kubectl", "config", "view", "--raw", "--flatten", "--output", "json"]
    return json.loads(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module", params=[False, True], ids=["read-only", "dry-run"])
def seen(request: pytest.FixtureRequest, box: Sandbox, world: World, environ: dict[str, str]) -> Iterator[Seen]:
    """A preview with one of the two levels of rights."""
    admin = environment(box, "staging")
    options = ["--user", USER, *(["--dry-run"] if request.param else [])]
    objects = run([*AOA, "access", "previews", "staging", *options], cwd=world.folder, environ=admin).stdout
    kubectl(admin, "apply", "--server-side", "-f", "-", text=objects)
    try:
        if request.param:
            _await_policy(environ)
        log = box.layout.vault / "audit.log"
        mark = log.stat().st_size
        command = [*AOA, "preview", "staging", "--format", "json"]
        told = watched(Audit(box), command, cwd=world.folder, environ=environ)
        assert told.code == 0, told.text
        asked = [json.loads(line) for line in log.read_text()[mark:].splitlines() if line.endswith("}")]
        yield Seen(told, json.loads(told.stdout), [one for one in asked if one["type"] == "request"])
    finally:
        kubectl(admin, "delete", "-f", "-", text=objects)


def _await_policy(environ: dict[str, str]) -> None:
    """Wait until the API server holds the identity to dry runs: it notices a new policy within a second or two."""
    deadline = time.monotonic() + 30
    while True:
        done = kubectl(environ, "create", "configmap", "probe", "--namespace=kube-public", ok=(0, 1))
        if "may try, and change nothing" in done.stderr:
            return
        kubectl(environ, "delete", "configmap", "probe", "--namespace=kube-public", ok=(0, 1))
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.2)


def kubectl(
    environ: dict[str, str], *arguments: str, text: str = "", ok: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", *arguments]
    done = subprocess.run(command, env=environ, input=text, capture_output=True, text=True, check=False)
    assert done.returncode in ok, done.stderr
    return done


def tried(seen: Seen) -> bool:
    return any(one.dry for one in seen.told.requests if one.user == USER)


def test_nothing_is_written_and_no_secret_is_read(seen: Seen) -> None:
    own = [one for one in seen.told.requests if one.user == USER]
    assert own
    assert [one for one in own if one.is_write and not one.resource.startswith("self")] == []
    assert [one for one in own if one.resource.startswith("secrets") and one.code < 400] == []


def test_vault_is_asked_for_names_and_for_the_state_key(seen: Seen) -> None:
    own = [
        one["request"] for one in seen.vault if one.get("auth", {}).get("display_name", "").endswith("preview-of-tests")
    ]
    assert own
    writes = {one["path"] for one in own if one["operation"] not in {"read", "list"}}
    assert writes <= HARMLESS
    assert [one["path"] for one in own if one["path"].startswith("kv-staging/data/orders")] == []


def test_what_the_preview_says_is_as_sure_as_the_rights_allow(seen: Seen, request: pytest.FixtureRequest) -> None:
    children = {one["name"]: one for one in seen.shape["preview"]["children"]}
    assert {name: one["change"] for name, one in children.items()} == {
        "api": "changed",
        "new": "added",
        "old": "removed",
    }
    (deployment,) = [one for one in children["api"]["resources"] if one["kind"] == "Deployment"]
    images = [(one["before"], one["after"]) for one in deployment["fields"] if one["path"].endswith("image")]
    assert images == [("registry.example.com/test/app:1.0.0", "registry.example.com/test/app:1.1.0")]
    expected = "exact" if "dry-run" in request.node.callspec.id else "assumed"
    assert deployment["confidence"] == expected
    assert tried(seen)


def test_plain_pulumi_previews_with_the_same_rights(seen: Seen, world: World, environ: dict[str, str]) -> None:
    assert seen
    done = run(["pulumi", "preview", "--stack", "staging", "--non-interactive"], cwd=world.folder, environ=environ)
    assert done.code == 0, done.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "configmap", "probe"),
        ("delete", "deployment", "--all"),
        ("scale", "deployment", "--all", "--replicas=3"),
        ("get", "secrets"),
        ("create", "token", "default"),
        ("create", "rolebinding", "mine", "--clusterrole=cluster-admin", f"--user={USER}"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_with_these_rights_nothing_can_be_changed(
    seen: Seen, environ: dict[str, str], arguments: tuple[str, ...]
) -> None:
    assert seen
    done = kubectl(environ, *arguments, "--namespace=looked-api", ok=(1,))
    assert "orbidden" in done.stderr or "denied" in done.stderr


@pytest.mark.parametrize(
    "path", ["kv-staging/data/orders/database", "transit/sign/aoa-evidence-staging", "sys/policies/acl/staging_x"]
)
def test_with_this_token_nothing_can_be_changed_in_vault(environ: dict[str, str], box: Sandbox, path: str) -> None:
    ports = json.loads((box.layout.root / "ports.json").read_text())
    with VaultClient(ports["vault"], environ["VAULT_TOKEN"]) as vault:
        with pytest.raises(Exception, match="403"):
            vault.write(path, {"input": "eA==", "policy": ""})
        if "data" in path:
            with pytest.raises(Exception, match="403"):
                vault.read(path)
