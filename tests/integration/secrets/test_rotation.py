"""A rotation reaches every pod of every child that uses the secret, in dependency order, and reads no value."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from .place import Place, Run, child

if TYPE_CHECKING:
    from sandbox import Sandbox

    from .conftest import MakePlace

pytestmark = pytest.mark.integration

URL = {"DATABASE_URL": {"path": "turning/database", "key": "url"}}
ROTATIONS = 20
CHILDREN = 20


def rotate(place: Place, *arguments: str, environ: dict[str, str] | None = None) -> Run:
    return place.aoa("secrets", "rotate", "staging", *arguments, "-o", "json", environ=environ or place.writer)


@pytest.fixture(scope="module")
def place(make_place: MakePlace, box: Sandbox) -> Place:
    box.put_secret("staging", "turning/database", {"url": "first", "migration-url": "first", "spare": "kept"})
    made = make_place(
        "turning",
        {
            "db": child("migration", secrets={"URL": {"path": "turning/database", "key": "migration-url"}}),
            "api": child("service", dependsOn=["db"], replicas=2, secrets=URL),
            "nightly": child("cronjob", dependsOn=["api"], schedule="@daily", secrets=URL),
            "mail": child("worker", dependsOn=["api"], secrets=URL),
        },
        refresh_after="1h",
    )
    done = made.up()
    assert done.code == 0, done.text
    return made


def started(place: Place, name: str) -> set[str]:
    pods = place.get("pods", "-n", place.namespace(name))
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def test_every_pod_of_every_child_that_uses_the_key_is_replaced_and_no_other(place: Place) -> None:
    before = {name: started(place, name) for name in ("db", "api", "mail")}
    done = rotate(place, "api", "DATABASE_URL", "--generate", "--destroy-old")
    assert done.code == 0, done.text
    told = json.loads(done.stdout)
    assert [one["child"] for one in told["children"]] == ["api", "mail", "nightly"]
    restarts = {one["child"]: one["restarts"] for one in told["children"]}
    assert restarts == {"api": True, "mail": True, "nightly": False}
    times = {one["child"]: one for one in told["children"]}
    # What depends on the api is asked to copy when the api runs with the new version.
    assert times["mail"]["copiedAfter"] >= times["api"]["runningAfter"]
    after = {name: started(place, name) for name in before}
    assert after["db"] == before["db"]
    assert not after["api"] & before["api"]
    assert not after["mail"] & before["mail"]
    assert len(after["api"]) == 2
    assert told["previous"] == {"version": told["version"] - 1, "destroyed": True}


def test_the_status_after_it_is_current_and_the_program_has_nothing_to_do(place: Place) -> None:
    deadline = time.monotonic() + 30
    while (done := place.aoa("secrets", "status", "staging", "-o", "json")).code:
        assert time.monotonic() < deadline, done.text
    states = {row["child"]: row["state"] for row in json.loads(done.stdout)["secrets"]}
    # The migration takes another key of the same secret: the operator has looked and found nothing new for it.
    assert states == {"db": "unchanged", "api": "current", "nightly": "current", "mail": "current"}
    preview = place.pulumi("preview", "--expect-no-changes")
    assert preview.code == 0, preview.text


def test_other_keys_of_the_secret_stay(place: Place, box: Sandbox) -> None:
    from sandbox.vault_client import VaultClient

    done = rotate(place, "db", "URL", "--generate")
    assert done.code == 0, done.text
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, token) as client:
        answer = client.read("kv-staging/data/turning/database")
    assert answer is not None
    data = answer["data"]["data"]
    assert set(data) == {"url", "migration-url", "spare"}
    assert data["spare"] == "kept"
    assert data["migration-url"] != "first"


def test_nobody_but_the_operator_has_asked_for_a_secret(place: Place, box: Sandbox) -> None:
    """Neither in the cluster, where only metadata would show as `get secrets` too, nor the data in Vault."""
    for line in box.layout.audit_log("staging").read_text().splitlines():
        event = json.loads(line)
        about = event.get("objectRef") or {}
        mine = event["user"]["username"] == "staging-admin" and about.get("resource") == "secrets"
        assert not (mine and about.get("namespace", "").startswith(f"{place.name}-")), event["requestURI"]
    for line in (box.layout.vault / "audit.log").read_text().splitlines():
        request = json.loads(line).get("request") or {}
        path = str(request.get("path"))
        if path.startswith("kv-staging/data/turning") and request.get("operation") == "read":
            said = json.loads(line)["auth"].get("display_name", "")
            assert said.startswith(("jwt-staging", "root")), said


def test_a_token_that_may_not_write_is_refused_before_anything_is_written(place: Place) -> None:
    before = _version(place)
    done = rotate(place, "api", "DATABASE_URL", "--generate", environ=place.environ)
    assert done.code == 4
    assert "the token may not patch kv-staging/data/turning/database" in done.stderr
    assert _version(place) == before


def test_a_key_that_nobody_has_is_refused(place: Place) -> None:
    done = rotate(place, "api", "DATABASE_URI", "--generate")
    assert (done.code, "did you mean DATABASE_URL?" in done.stderr) == (2, True), done.stderr


def test_a_child_that_does_not_come_up_with_the_new_value_is_named_and_the_old_version_kept(place: Place) -> None:
    healthy = place.children["api"]
    place.kubectl(
        *("patch", "deployment", "api", "-n", place.namespace("api"), "--type", "merge", "-p"),
        json.dumps({"spec": {"paused": True}}),
    )
    done = rotate(place, "api", "DATABASE_URL", "--generate", "--destroy-old", "--timeout", "8s")
    place.kubectl(
        *("patch", "deployment", "api", "-n", place.namespace("api"), "--type", "merge", "-p"),
        json.dumps({"spec": {"paused": False}}),
    )
    place.children["api"] = healthy
    assert done.code == 5, done.text
    assert "not done after 8 s: api" in done.stderr
    assert "api: waits for the operator to restart its pods" in done.stderr
    assert "was kept" in done.stderr
    again = rotate(place, "api", "DATABASE_URL", "--generate")
    assert again.code == 0, again.text


def test_how_long_it_takes(make_place: MakePlace, box: Sandbox, place: Place, capsys: pytest.CaptureFixture) -> None:
    one = []
    place.children = {name: spec for name, spec in place.children.items() if name in {"db", "api"}}
    for _ in range(ROTATIONS):
        done = rotate(place, "api", "DATABASE_URL", "--generate")
        assert done.code == 0, done.text
        one.append(json.loads(done.stdout)["seconds"])
        time.sleep(0.2)
    box.put_secret("staging", "turning/shared", {"key": "first"})
    use = {"KEY": {"path": "turning/shared", "key": "key"}}
    many = make_place("many", {f"w{n}": child("worker", secrets=use) for n in range(CHILDREN)}, refresh_after="1h")
    assert many.up().code == 0
    done = many.aoa("secrets", "rotate", "staging", "w0", "KEY", "--generate", "-o", "json", environ=many.writer)
    assert done.code == 0, done.text
    told: dict[str, Any] = json.loads(done.stdout)
    assert len(told["children"]) == CHILDREN
    cuts = statistics.quantiles(one, n=20, method="inclusive")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{ROTATIONS} rotations of one child of two pods: p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s; "
            f"one over {CHILDREN} children: {told['seconds']:.2f} s\n"
        )
    many.destroy()


def _version(place: Place) -> int:
    done = place.aoa("secrets", "status", "staging", "api", "-o", "json")
    return json.loads(done.stdout)["secrets"][0]["vault"]["version"]
