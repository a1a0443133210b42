"""A rollback that is killed: one command mends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.program.killing import Victim
from tests.integration.program.story import Story
from tests.integration.program.world import HELD, Run, World, eventually, migration, service

from .standing import BACK, healthy, last_children, tell, versions

if TYPE_CHECKING:
    import subprocess

    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

AOA = (sys.executable, "-m", "app_of_apps")


# The old pod goes before the new one comes: otherwise it is still there, and going back to it takes no time.
API = {"needs": ["db"], "rollout": {"strategy": "Recreate"}, **BACK}


def first(world: World) -> None:
    """Bring version 1 up by hand: its pods wait to be let go."""

    def let_go(process: subprocess.Popen[str]) -> None:
        world.release("api", process)

    done = world.pulumi_while(let_go)
    assert done.code == 0, done.text


def second(world: World) -> Run:
    """Deploy version 2."""
    world.children["api"] = service(**API)
    world.versions = {"api": "2.0.0", "site": "2.0.0"}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    return done


def killed(world: World) -> None:
    """Kill a rollback, engine and all, while it waits for the older API."""
    with world.started(*AOA, "rollback", "staging", "--yes") as process:
        eventually(lambda: versions(world)["api"] == "1.0.0" and world.held("api"), process)
        assert Victim(process).kill("all")
        process.wait(timeout=30)


def mended(world: World) -> Run:
    """Run it again, and let the pods go."""
    with world.started(*AOA, "rollback", "staging", "--yes") as process:
        world.release("api", process)
        text, _ = process.communicate(timeout=170)
    return Run(process.returncode, text, "", 0)


def forward(world: World) -> Run:
    """Go forward with a version that is fine."""
    world.children["api"] = service(**API)
    return world.aoa("up", "staging")


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    children = {
        "db": migration(compatibleFrom="1.0.0"),
        # Its pods become ready only when the test lets them, each time they are made.
        "api": service(pods=HELD, **{**API, "deadline": "40s"}),
        "site": service(needs=["api"]),
    }
    return Story(make_world("rough", children), first, second, killed, mended, forward)


def test_a_rollback_that_was_killed_is_mended_by_running_it_again(story: Story) -> None:
    run = story.step("mended")
    assert run.code == 0, run.text
    assert last_children(story.world) == {"db": "1.0.0", "api": "1.0.0", "site": "1.0.0"}


def test_afterwards_the_environment_goes_forward(story: Story) -> None:
    run = story.step("forward")
    assert run.code == 0, run.text
    assert versions(story.world) == {"db": "1.0.0", "api": "2.0.0", "site": "2.0.0"}
    assert all(healthy(story.world, child) for child in ("api", "site"))


@pytest.fixture(scope="module")
def killed_then_up(make_world: MakeWorld) -> World:
    """A rollback that was killed while its way down was running."""
    children = {"db": migration(), "api": service(needs=["db"])}
    world = make_world("down", children)
    assert world.aoa("up", "staging").code == 0
    down = {"compatibleFrom": "2.0.0", "down": {"args": [f"--sandbox-{key}={value}" for key, value in HELD.items()]}}
    world.children["db"] = migration(**down)
    world.versions = {"db": "2.0.0", "api": "2.0.0"}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    with world.started(*AOA, "rollback", "staging", "--yes") as process:
        eventually(lambda: world.held("db"), process)
        assert Victim(process).kill("all")
        process.wait(timeout=30)
    world.kubectl("annotate", "pods", "-n", world.namespace("db"), *world.held("db"), "sandbox.app-of-apps/behaviour-")
    return world


def test_a_way_down_that_was_killed_ends_and_one_rollback_mends_it(killed_then_up: World) -> None:
    world = killed_then_up
    done = world.aoa("rollback", "staging", "--yes")
    assert done.code == 0, done.text
    tell("after a kill during the way down", done)
    assert versions(world)["api"] == "1.0.0"
    assert healthy(world, "api")


def test_afterwards_up_takes_the_schema_forward_again(killed_then_up: World) -> None:
    world = killed_then_up
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert versions(world) == {"db": "2.0.0", "api": "2.0.0"}


@pytest.fixture(scope="module")
def failing_twice(make_world: MakeWorld) -> Story:
    children = {"api": service(pods=HELD, rollout={"strategy": "Recreate"}, **BACK)}
    return Story(make_world("twice", children), by_hand, twice, at_last)


def by_hand(world: World) -> None:
    done = world.pulumi_while(lambda process: world.release("api", process))
    assert done.code == 0, done.text


def twice(world: World) -> Run:
    """Deploy what crashes; what comes back for it is never let go, so that it fails too."""
    crash = {"behaviour": "crash", "message": "no such table"}
    world.children["api"] = service(pods=crash, rollout={"strategy": "Recreate"}, **BACK)
    world.versions = {"api": "2.0.0"}
    return world.aoa("up", "staging")


def at_last(world: World) -> Run:
    """Run the rollback again, and let the pods go."""
    with world.started(*AOA, "rollback", "staging", "--yes") as process:
        world.release("api", process)
        text, _ = process.communicate(timeout=170)
    return Run(process.returncode, text, "", 0)


def test_a_second_failure_is_told_with_its_own_cause_after_the_first(failing_twice: Story) -> None:
    run = failing_twice.step("twice")
    assert run.code == 5, run.text
    assert "no such table" in run.stdout, run.text
    assert "FAILED, TOO" in run.stdout, run.text
    assert run.stdout.index("no such table") < run.stdout.index("FAILED, TOO")
    assert "aoa rollback staging" in run.stdout


def test_and_one_rollback_mends_it(failing_twice: Story) -> None:
    run = failing_twice.step("at_last")
    assert run.code == 0, run.text
    assert versions(failing_twice.world) == {"api": "1.0.0"}
    assert healthy(failing_twice.world, "api")
