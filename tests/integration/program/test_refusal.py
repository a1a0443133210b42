"""What is found before anything is touched: invalid files, the wrong cluster, a secret that is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .audit import Audit
from .world import Run, World, service

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

INVALID, REFUSED, UNAVAILABLE = 2, 3, 4


def run(world: World, command: str) -> Run:
    """Run `up` by one of the two front doors."""
    return world.up() if command == "pulumi" else world.aoa("up", "staging")


# -- invalid files ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def invalid(make_world: MakeWorld) -> World:
    children = {
        "api": service(needs=["dbb"], replica=2),
        "db": service(needs=["web"]),
        "web": service(needs=["db"]),
    }
    return make_world("invalid", children)


@pytest.mark.parametrize("command", ["pulumi", "aoa"])
def test_an_invalid_manifest_is_told_whole_and_nobody_is_asked_anything(invalid: World, command: str) -> None:
    prod = Audit(invalid.box, "prod")
    mark = prod.mark()
    done = run(invalid, command)
    assert done.code == INVALID if command == "aoa" else done.code != 0
    for words in ("apps/api.yaml:", "replica", "did you mean `replicas`", "dbb", "did you mean `db`"):
        assert words in done.text, done.text
    assert "db → web → db" in done.text or "web → db → web" in done.text
    assert "Traceback" not in done.text
    # Not only nothing written: the API servers did not hear of it at all.
    for audit, requests in ((invalid.audit, done.requests), (prod, prod.since(mark))):
        assert [one for one in requests if one.user == audit.admin] == []


# -- the wrong cluster -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def elsewhere(make_world: MakeWorld) -> World:
    return make_world("elsewhere", {"api": service()})


def overlay(world: World, folder: Path, **cluster: str) -> dict[str, str]:
    """Return an environment in which one fact of the registered cluster differs."""
    facts = json.loads((world.box.layout.overlay / "staging.yaml").read_text())
    facts["cluster"] |= cluster
    folder.mkdir()
    (folder / "staging.yaml").write_text(json.dumps(facts))
    return {**world.environ, "AOA_ENVIRONMENT_OVERLAY_DIR": str(folder)}


def prods_kubeconfig(box: Sandbox, folder: Path) -> Path:
    """A kubeconfig whose context ``staging`` leads to prod: what a wrong `kubectl config` command makes."""
    content = box.layout.env_kubeconfig("prod").read_text()
    config = json.loads(content)
    config["contexts"][0]["name"] = "staging"
    config["current-context"] = "staging"
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


@pytest.mark.parametrize("command", ["pulumi", "aoa"])
def test_another_cluster_behind_the_same_context_is_refused_without_a_word_to_it(
    elsewhere: World, tmp_path: Path, command: str
) -> None:
    kubeconfig = prods_kubeconfig(elsewhere.box, tmp_path)
    prod = Audit(elsewhere.box, "prod")
    mark = prod.mark()
    elsewhere.write()
    environ = {**elsewhere.environ, "KUBECONFIG": str(kubeconfig)}
    arguments = ("up", "--yes", "--skip-preview") if command == "pulumi" else ("up", "staging")
    done = (elsewhere.pulumi if command == "pulumi" else elsewhere.aoa)(*arguments, environ=environ)
    assert done.code == REFUSED if command == "aoa" else done.code != 0
    assert "cluster.server" in done.text
    assert "nothing was touched" in done.text
    assert [one for one in prod.since(mark) if one.user == prod.admin] == []
    assert [one for one in done.requests if one.user == elsewhere.audit.admin] == []


@pytest.mark.parametrize(
    ("fact", "value"), [("uid", "00000000-0000-4000-8000-000000000000"), ("caSha256", "0" * 64)], ids=["uid", "ca"]
)
def test_a_cluster_with_another_identity_is_refused(elsewhere: World, tmp_path: Path, fact: str, value: str) -> None:
    done = elsewhere.aoa("up", "staging", environ=overlay(elsewhere, tmp_path / "overlay", **{fact: value}))
    assert done.code == REFUSED
    assert f"cluster.{fact}" in done.text
    assert elsewhere.writes(done) == []


def test_another_vault_is_refused(elsewhere: World) -> None:
    done = elsewhere.aoa("up", "staging", environ={**elsewhere.environ, "VAULT_ADDR": "http://127.0.0.1:1"})
    assert done.code == REFUSED
    assert "vault.address" in done.text
    assert elsewhere.writes(done) == []


def test_settings_that_only_the_engine_was_given_are_refused(elsewhere: World, tmp_path: Path) -> None:
    elsewhere.write()
    other = tmp_path / "Pulumi.staging.yaml"
    other.write_text((elsewhere.folder / "Pulumi.staging.yaml").read_text().replace('"1.0.0"', '"6.6.6"'))
    done = elsewhere.pulumi("up", "--yes", "--skip-preview", "--config-file", str(other))
    assert done.code != 0
    assert "--config-file" in done.text
    assert elsewhere.writes(done) == []


# -- a secret that is not there --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unsupplied(make_world: MakeWorld, box: Sandbox) -> World:
    """A child that refers to a secret, to a key that its path lacks, and to a path that nobody has filled."""
    box.put_secret("staging", "unsupplied/api", {"present": "here"})
    secrets = {
        "PRESENT": {"path": "unsupplied/api", "key": "present"},
        "ABSENT": {"path": "unsupplied/api", "key": "absent-key"},
        "NOWHERE": {"path": "unsupplied/nowhere", "key": "any"},
    }
    return make_world("unsupplied", {"api": service(secrets=secrets), "other": service()})


def test_a_preview_finds_missing_secrets_and_names_child_path_and_key(unsupplied: World) -> None:
    done = unsupplied.pulumi("preview")
    assert done.code != 0
    lines = [line for line in done.text.splitlines() if "apps/api.yaml" in line]
    assert len(lines) == 2
    for place, key in (("kv-staging/unsupplied/api", "absent-key"), ("kv-staging/unsupplied/nowhere", "any")):
        assert [line for line in lines if ": api: " in line and place in line and f"'{key}'" in line], done.text
    assert unsupplied.writes(done) == []
    assert "Traceback" not in done.text


def test_up_refuses_as_well_and_touches_no_child(unsupplied: World) -> None:
    done = unsupplied.aoa("up", "staging")
    assert done.code == UNAVAILABLE
    assert "absent-key" in done.text
    assert unsupplied.writes(done) == []
    assert unsupplied.namespaces() == {"parent"}  # where the refusal is on the record


# -- removal ---------------------------------------------------------------------------------------------------------


def test_the_engine_removes_nothing_without_the_program_and_its_guard(make_world: MakeWorld) -> None:
    world = make_world("hooked", {"api": service()})
    assert world.up().code == 0
    told = world.pulumi("destroy", "--yes", "--skip-preview")
    assert told.code != 0
    assert "You must run with the `--run-program` flag" in told.text
    assert "use `aoa destroy`" in told.text
    assert world.writes(told) == []
    # What is broken can be removed: nothing waits for its health, and nothing asks for its secrets.
    world.children["api"] = service(args=["--sandbox-behaviour=crash"], deadline="10s")
    assert world.up().code != 0
    world.children["api"]["secrets"] = {"KEY": {"path": "hooked/no-such-secret", "key": "key"}}
    gone = world.pulumi("destroy", "--yes", "--skip-preview", environ={**world.environ, "PULUMI_RUN_PROGRAM": "true"})
    assert gone.code == 0, gone.text
    assert world.namespaces() <= {"parent"}


def test_an_environment_where_nothing_was_deployed_is_destroyed_at_once(make_world: MakeWorld) -> None:
    world = make_world("nothing", {"api": service()})
    for _ in range(2):
        done = world.aoa("destroy", "staging", "--yes")
        assert done.code == 0, done.text
    assert json.loads(world.pulumi("stack", "export").stdout)["deployment"].get("resources", []) == []
