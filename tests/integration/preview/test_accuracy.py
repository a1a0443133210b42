"""What a preview foretells is compared with what the update does; drift and the cost of waiting are in the preview."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.world import Run, World, migration, service

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

CANARY = "hunter2-is-no-good-password"


@pytest.fixture(scope="module")
def world(make_world: MakeWorld) -> World:
    return make_world(
        "foretold",
        {"db": migration(), "api": service(needs=["db"]), "site": service(needs=["api"]), "jobs": service()},
    )


def preview(world: World, *arguments: str) -> dict[str, Any]:
    done = world.aoa("preview", "staging", "--format", "json", *arguments)
    assert done.code == 0, done.text
    return json.loads(done.stdout)["preview"]


def up(world: World, *arguments: str) -> Run:
    done = world.aoa("up", "staging", *arguments)
    assert done.code == 0, done.text
    return done


def accuracy(world: World) -> dict[str, Any]:
    done = world.aoa("preview", "accuracy", "--format", "json")
    assert done.code == 0, done.text
    (found,) = json.loads(done.stdout)["environments"]
    assert not found["findings"]
    return found


def test_a_preview_an_update_and_what_became_of_it(world: World) -> None:
    """One story, because each step stands on the one before it."""
    # Nothing stands: there is no drift, no record to measure by, and that is said.
    first = preview(world)
    assert (first["base"], first["drift"]) == (None, None)
    assert first["waiting"]["deployment"] is None
    assert first["waiting"]["unmeasured"] == ["db", "jobs", "api", "site"]
    assert "As previewed: " in up(world).stderr
    (told,) = accuracy(world)["updates"]
    assert told["counted"], told
    assert (told["misses"], told["unforetold"], told["unnamed"]) == ([], 0, 0)
    assert sum(one["right"] for one in told["counts"].values()) == len(first["prediction"]["resources"])

    # The second time the API server has tried all of it, and everything exact is right.
    world.versions["api"] = "1.1.0"
    second = preview(world)
    assert second["drift"]["differences"] == []
    waiting = second["waiting"]
    assert (waiting["path"], waiting["deployment"]["samples"]) == (["api"], 1)
    assert waiting["deployment"]["seconds"] > 0
    assert "about" in world.aoa("preview", "staging").stdout
    up(world)
    found = accuracy(world)
    assert found["updates"][-1]["counts"]["exact"]["right"] > 0
    assert {one["wrong"] for one in found["updates"][-1]["counts"].values()} == {0}
    assert (found["unforetold"], found["uncompared"]) == (0, 0)

    # A file brings the prediction to where no preview was made, and an update without one is counted.
    world.versions["api"] = "1.2.0"
    file = world.folder / "preview.json"
    world.aoa("preview", "staging", "--full", str(file))
    elsewhere = {**world.environ, "AOA_STATE_DIR": str(world.folder / "elsewhere")}
    done = world.aoa("up", "staging", "--prediction", str(file), environ=elsewhere)
    assert done.code == 0, done.text
    assert "As previewed: " in done.stderr
    world.versions["api"] = "1.3.0"
    done = world.aoa("up", "staging", "--prediction", str(file), environ=elsewhere)
    assert done.code == 0, done.text
    assert "foretells other releases than this one of staging" in done.stderr
    plain = world.up()
    assert plain.code == 0, plain.text
    found = accuracy(world)
    assert (len(found["updates"]), found["uncompared"]) == (3, 2)


def test_what_was_deployed_in_between_is_named_and_not_counted(world: World) -> None:
    world.versions |= {"api": "2.0.0", "jobs": "2.0.0"}
    preview(world)
    world.versions["jobs"] = "1.0.0"
    plain = world.up()
    assert plain.code == 0, plain.text
    world.versions["jobs"] = "2.0.0"
    assert "previewed on top of release-" in up(world).stderr
    stale = accuracy(world)["updates"][-1]
    assert not stale["counted"]
    stayed = {(one["child"], one["what"]) for one in stale["misses"]}
    assert ("api", "did not happen") in stayed
    assert all(child != "jobs" for child, _ in stayed)
    text = world.aoa("preview", "accuracy", "staging").stdout
    assert "previewed on top of something else, and not counted:" in text
    assert "Deployment::api-deployment: update was predicted (exact) and did not happen" in text


def test_drift_is_in_the_preview_with_the_field_and_without_a_secret(world: World) -> None:
    site = world.namespace("site")
    world.kubectl("scale", "-n", site, "deployment/site", "--replicas=3")
    world.kubectl("set", "env", "-n", site, "deployment/site", f"DB_PASSWORD={CANARY}")
    world.versions["jobs"] = "2.1.0"
    files = [world.folder / f"drift.{end}" for end in ("html", "txt", "sarif", "md")]
    found = preview(world)
    seen = {one["field"]: one for one in found["drift"]["differences"]}
    assert {one["child"] for one in seen.values()} == {"site"}
    assert (seen["spec.replicas"]["what"], seen["spec.replicas"]["live"]) == ("changed", "3")
    assert seen["spec.replicas"]["by"] == ["kubectl"]
    assert not seen["spec.replicas"]["touched"]
    # The container had no variables before, so all of them are one field.
    (secret,) = [one for field, one in seen.items() if field.endswith("containers[site].env")]
    assert (secret["what"], secret["secret"], secret["live"]) == ("added", True, None)
    assert [one["rule"] for one in found["risks"]] == ["drift"]
    texts = [json.dumps(found)]
    for file in files:
        done = world.aoa("preview", "staging", "--full", str(file))
        texts += [done.text, file.read_text()]
    assert all(CANARY not in text for text in texts)
    assert "site: 2 differences" in files[1].read_text()
    assert "spec.replicas" in files[0].read_text()
    results = json.loads(files[2].read_text())["runs"][0]["results"]
    assert [(one["ruleId"], one["level"]) for one in results] == [("drift", "warning")]


def test_no_record_and_no_kept_prediction_holds_a_value(world: World) -> None:
    """What is secret there and what is not: neither the password nor the name of an image."""
    world.children["jobs"]["config"] = {"own": {"GREETING": CANARY}}
    preview(world)
    kept = list(Path(world.environ["AOA_STATE_DIR"]).rglob(f"{world.name}.staging.*.json"))
    assert kept
    for text in (file.read_text() for file in kept):
        assert CANARY not in text
        assert "registry.example.com" not in text
    up(world)
    notes = [
        item["data"]["record"]
        for item in world.get("configmaps", "parent")
        if '"operation":"accuracy"' in (item.get("data") or {}).get("record", "")
    ]
    assert len(notes) == len(accuracy(world)["updates"])
    for text in notes:
        assert CANARY not in text
        assert "registry.example.com" not in text
    done = world.destroy()
    assert done.code == 0, done.text
