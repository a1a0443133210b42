"""A run that was interrupted or killed: what it had begun goes on, and the next run goes on from there."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .story import Story
from .world import HELD, UP, Run, World, eventually, migration, service

if TYPE_CHECKING:
    import subprocess

    from tests.integration.conftest import MakeWorld

    from .audit import Request

pytestmark = pytest.mark.integration

REFUSED, INTERRUPTED = 3, 130


@dataclass(frozen=True, slots=True)
class Cut:
    """A run that did not come to its end."""

    code: int
    text: str
    job: dict[str, Any]
    """The migration that was running when it was cut short, as it was afterwards."""


def interrupted(world: World) -> Cut:
    """Press Ctrl-C as soon as the migration runs."""
    with world.started(sys.executable, "-m", "app_of_apps", "up", "staging") as process:
        job = running(world, process)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    return Cut(process.returncode, text, now(world, job))


def another(world: World) -> Run:
    """Try another version meanwhile."""
    world.versions["db"] = "6.6.6"
    done = world.aoa("up", "staging")
    world.versions["db"] = "1.0.0"
    return done


def resumed(world: World) -> Run:
    """Try the same version again, and let the migration end when the run has looked at it for the second time."""
    mark = world.audit.mark()

    def looks() -> list[Request]:
        return [
            one
            for one in world.audit.since(mark)
            if one.what[:3] == ("list", "jobs", "cut-db") and "pulumi" not in one.agent and "kubectl" not in one.agent
        ]

    def meanwhile(process: subprocess.Popen[str]) -> None:
        eventually(lambda: len(looks()) > 2, process)
        world.release("db", process)

    return world.pulumi_while(meanwhile)


def killed(world: World) -> Cut:
    """Pull the plug while the next version's migration runs."""
    world.versions["db"] = world.versions["api"] = "2.0.0"
    with world.started(*UP) as process:
        job = running(world, process)
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate(timeout=60)
    # The lock of the killed run stays, as it would for anybody.
    unlocked = world.pulumi("cancel", "--yes", write=False)
    assert unlocked.code == 0, unlocked.text
    return Cut(process.returncode, text, now(world, job))


def recovered(world: World) -> Run:
    return world.pulumi_while(lambda process: world.release("db", process))


def running(world: World, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the migration's Job as soon as its pod runs."""
    eventually(lambda: world.held("db"), process)
    (job,) = [job for job in world.get("jobs", "db") if job["status"].get("active")]
    return job


def now(world: World, job: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in world.get("jobs", "db") if one["metadata"]["uid"] == job["metadata"]["uid"]]
    return found


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    children = {
        "db": migration(pods=HELD, deadline="5m"),
        "api": service(needs=["db"]),
    }
    return Story(make_world("cut", children), interrupted, another, resumed, killed, recovered)


def test_an_interruption_has_its_own_exit_code_and_says_what_stands(story: Story) -> None:
    cut: Cut = story.step("interrupted")
    assert cut.code == INTERRUPTED, cut.text
    assert "was INTERRUPTED" in cut.text
    assert "Run `aoa up staging` again" in cut.text
    assert "Traceback" not in cut.text


def test_an_interruption_leaves_the_migration_alone(story: Story) -> None:
    cut: Cut = story.step("interrupted")
    assert "deletionTimestamp" not in cut.job["metadata"]
    assert not [one for one in cut.job["status"].get("conditions", []) if one["type"] == "Failed"]


def test_another_migration_is_refused_while_the_first_one_runs(story: Story) -> None:
    done: Run = story.step("another")
    assert done.code == REFUSED, done.text
    assert "a migration is still running" in done.text
    assert story.world.writes(done) == []


def test_the_next_run_waits_for_the_migration_that_runs_and_goes_on(story: Story) -> None:
    first: Cut = story.step("interrupted")
    done: Run = story.step("resumed")
    assert done.code == 0, done.text
    assert "waiting for its end" in done.text
    assert done.ready("cut-db") <= story.world.writes(done)[0].received
    assert "delete" not in {one.verb for one in story.world.writes(done, "db")}
    # The pod that has ended is the one that ran all the time: the migration ran once.
    pods = {one.name for one in done.requests if one.what[1:3] == ("pods/status", "cut-db") and one.is_write}
    assert {name.rpartition("-")[0] for name in pods} == {first.job["metadata"]["name"]}
    assert not [one for one in done.requests if one.what[:3] == ("create", "pods", "cut-db")]


def test_a_killed_run_leaves_the_migration_alone(story: Story) -> None:
    cut: Cut = story.step("killed")
    assert cut.code == -signal.SIGKILL
    assert "deletionTimestamp" not in cut.job["metadata"]


def test_the_run_after_a_killed_one_takes_its_migration_over(story: Story) -> None:
    cut: Cut = story.step("killed")
    done: Run = story.step("recovered")
    assert done.code == 0, done.text
    (job,) = story.world.get("jobs", "db")
    assert job["metadata"]["uid"] == cut.job["metadata"]["uid"]
    (api,) = story.world.get("deployments", "api")
    assert api["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.0")
