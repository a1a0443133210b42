"""Policy packs of an environment in previews and updates: what is told, and when something is touched."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.world import environment, run, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld
    from tests.integration.program.world import World

pytestmark = pytest.mark.integration

GOOD, BAD = "registry.example.com/test/app", "registry.example.org/other/app"


def packs(checkout: Path, **config: Any) -> dict[str, Any]:
    """The pack of the checkout, told that only one repository may run."""
    allowed = {"image-registry": {"allowed": [GOOD]}}
    return {"packs": [{"path": str(checkout / "policy"), "config": {**allowed, **config}}]}


@pytest.fixture(scope="module")
def world(make_world: MakeWorld, checkout: Path) -> Iterator[World]:
    """Two children, the second of which runs an image that may not run; nothing is deployed."""
    made = make_world("judged", {"first": service(), "second": service(needs=["first"], image=BAD)})
    made.policy = packs(checkout)
    yield made
    done = made.destroy()
    assert done.code == 0, done.text


def test_a_preview_fails_and_names_rule_resource_and_child(world: World) -> None:
    done = world.aoa("preview", "staging", "--format", "json")
    assert done.code == 5, done.text
    told = json.loads(done.stdout)
    (broken,) = told["preview"]["policies"]
    assert broken.startswith("app-of-apps/image-registry (mandatory): second: Deployment second-deployment: ")
    assert f"{BAD} is none of the repositories that may run here" in broken
    (cause,) = told["causes"]
    assert (cause["child"], "image-registry" in cause["message"]) == ("second", True)
    assert world.writes(done) == []
    log = json.loads(world.aoa("preview", "staging", "--format", "sarif").stdout)
    (result,) = [one for one in log["runs"][0]["results"] if one["ruleId"] == "policy-violated"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("apps/second.yaml")


def test_an_update_is_refused_before_anything_is_touched(world: World) -> None:
    done = world.aoa("up", "staging")
    assert done.code == 3, done.text
    assert "violates a mandatory policy; nothing was touched" in done.stderr
    assert "second (team one, #one): policy app-of-apps/image-registry: Deployment second-deployment: " in done.stderr
    assert world.writes(done) == []
    assert world.namespaces() == {"parent"}, "where the refusal is on the record"
    (record,) = json.loads(world.aoa("evidence", "list", "staging", "--output", "json").stdout)["records"]
    assert (record["record"]["kind"], record["record"]["operation"]) == ("refused", "up")


def test_an_engine_that_does_not_look_first_stops_in_the_middle(world: World) -> None:
    told = world.aoa("policy", "arguments", "staging")
    assert told.code == 0, told.text
    done = world.pulumi("up", "--yes", "--skip-preview", *shlex.split(told.stdout))
    assert done.code != 0
    assert "image-registry" in done.text
    assert "first" in world.touched(done)
    assert world.get("deployments", "first") != []
    assert world.get("deployments", "second") == []


def test_an_advisory_rule_is_told_and_stops_nothing(world: World, checkout: Path) -> None:
    world.policy = packs(checkout, **{"image-registry": {"allowed": [GOOD], "enforcementLevel": "advisory"}})
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert world.get("deployments", "second") != []
    seen = world.aoa("preview", "staging", "--format", "json")
    assert seen.code == 0, seen.text
    (broken,) = json.loads(seen.stdout)["preview"]["policies"]
    assert "(advisory)" in broken


@pytest.mark.parametrize("env", ["staging", "prod"])
def test_the_example_keeps_to_every_rule(box: Sandbox, checkout: Path, env: str) -> None:
    command = [sys.executable, "-m", "app_of_apps", "preview", env, "--policy-pack", "policy", "--format", "json"]
    done = run(command, cwd=checkout, environ=environment(box, env))
    assert done.code == 0, done.text
    told = json.loads(done.stdout)["preview"]
    assert told["policies"] == []
    assert not any("pulumi-analyzer-policy" in one for one in told["warnings"])
