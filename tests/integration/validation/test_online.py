"""`aoa validate --online` on a real cluster and a real Vault; the registry is a stub on this machine and says so."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.guard.witness import Witness
from tests.integration.program.world import service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld
    from tests.integration.program.world import Run, World

pytestmark = pytest.mark.integration

CANARY = f"canary-{secrets.token_hex(16)}"
DIGEST = "sha256:" + "ab" * 32
ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1alpha9", "kind": "HTTPRoute", "metadata": {"name": "x"}}
OLD = {
    "apiVersion": "policy/v1beta1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "x"},
    "spec": {"minAvailable": 1},
}


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A stub that has every tag but those that begin with ``gone``."""

    class Handler(BaseHTTPRequestHandler):
        server_version = "StubRegistry/0 (a test's stand-in, no registry)"

        def do_HEAD(self) -> None:
            self.send_response(404 if "/manifests/gone" in self.path else 200)
            self.send_header("Docker-Content-Digest", DIGEST)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def validated(world: World, *arguments: str, **environ: str) -> tuple[Run, dict[str, Any]]:
    done = world.aoa("validate", "--format", "json", *arguments, environ={**world.environ, **environ})
    return done, json.loads(done.stdout)


@pytest.fixture(scope="module")
def broken(make_world: MakeWorld, box: Sandbox, registry: str) -> World:
    box.put_secret("staging", "checked/api", {"token": CANARY})
    api = service(
        replicas=2,
        secrets={
            "THERE": {"path": "checked/api", "key": "token"},
            "NO_KEY": {"path": "checked/api", "key": "absent"},
            "NO_PATH": {"path": "checked/nothing", "key": "token"},
        },
    )
    world = make_world(
        "checked",
        {
            "api": {**api, "image": f"{registry}/shop/api"},
            "gone": service() | {"image": f"{registry}/shop/gone"},
            "tool": {"type": "manifests", "team": "one", "files": ["../tool/objects.yaml", "../tool/route.yaml"]},
        },
        files={"tool/objects.yaml": OLD, "tool/route.yaml": ROUTE},
        versions={"gone": "gone-1"},
    )
    world.kubectl("create", "namespace", world.namespace("api"))
    world.kubectl("create", "quota", "tight", "--hard=pods=1", "-n", world.namespace("api"))
    return world


def test_all_that_is_missing_is_named_at_once_with_its_place(broken: World, box: Sandbox) -> None:
    witness = Witness(box)
    done, shape = validated(broken, "--online")
    seen = witness.seen()
    assert done.code == 2, done.text
    places = {
        (one["rule"], one["severity"], one["file"].rpartition("/")[2], one["path"])
        for one in shape["problems"] + shape["warnings"]
    }
    assert places == {
        ("secret-missing", "error", "api.yaml", "secrets.NO_KEY"),
        ("secret-missing", "error", "api.yaml", "secrets.NO_PATH"),
        ("image-missing", "error", "Pulumi.staging.yaml", "versions.gone"),
        ("kind-not-served", "error", "route.yaml", "apiVersion"),
        ("api-removed", "error", "objects.yaml", "apiVersion"),
        ("quota-in-use", "warning", "api.yaml", "resources"),
    }
    assert all(one["line"] and one["column"] for one in shape["problems"])
    assert shape["notLookedAt"] == []
    assert CANARY not in done.text
    # Names of keys and metadata alone, and nothing is written anywhere.
    assert [one.what for one in seen if one.mutating] == []
    assert any("subkeys" in one.what for one in seen)
    assert [one.what for one in seen if "/data/" in one.what] == []


def test_without_online_nobody_is_asked(broken: World, box: Sandbox) -> None:
    witness = Witness(box)
    done, shape = validated(broken)
    assert witness.seen() == []
    assert done.code == 0, done.text
    # Nobody has asked which version the cluster has.
    assert [one["rule"] for one in shape["warnings"]] == ["api-deprecated"]


def test_what_is_deployed_and_fine_has_no_finding(make_world: MakeWorld, box: Sandbox, registry: str) -> None:
    box.put_secret("staging", "fine/api", {"token": CANARY})
    api = service(replicas=3, secrets={"TOKEN": {"path": "fine/api", "key": "token"}})
    tool = {"type": "manifests", "team": "one", "files": ["../tool/map.yaml"]}
    files = {"tool/map.yaml": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {}}}
    fine = make_world("fine", {"api": {**api, "image": f"{registry}/shop/api"}, "tool": tool}, files=files)
    done = fine.up()
    assert done.code == 0, done.text
    done, shape = validated(fine, "--online", "--strict")
    assert (done.code, shape["problems"], shape["warnings"], shape["notLookedAt"]) == (0, [], [], []), done.text


def test_what_does_not_answer_is_told_apart(make_world: MakeWorld) -> None:
    away = make_world("away", {"api": service(secrets={"A": {"path": "checked/api", "key": "token"}})})
    done, shape = validated(away, "--online", KUBECONFIG="/nonexistent", VAULT_TOKEN="s.wrong")
    assert done.code == 4, done.text
    assert [one["what"] for one in shape["notLookedAt"] if one["silent"]] == [
        "kinds and quotas of the cluster",
        "secrets in Vault",
    ]
    # A registry that cannot be reached is no error.
    assert [one["what"] for one in shape["notLookedAt"] if not one["silent"]] == ["images of registry.example.com"]
    assert shape["problems"] == []
