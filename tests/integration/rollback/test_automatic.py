"""`onFailure: rollback`: what failed comes back by itself, and one report tells the whole story."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.story import Story
from tests.integration.program.world import Run, World, migration, service, worker

from .standing import BACK, CRASHES, healthy, last_children, numbers, tell, versions

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

FAILED = 5
LAST_WORDS = "relation orders has no column total"


def deploy(world: World, **changed: str) -> Run:
    world.versions |= changed
    return world.aoa("up", "staging")


def first_fails(world: World) -> Run:
    world.children["api"] = service(needs=["db", "cache"], pods=CRASHES, **BACK)
    return deploy(world)


def first(world: World) -> Run:
    world.children["api"] = service(needs=["db", "cache"], **BACK)
    done = deploy(world)
    assert done.code == 0, done.text
    return done


def api_fails(world: World) -> tuple[Run, dict[str, str]]:
    """Fail in the middle of the chain: the cache before it is fine, the site behind it is not reached."""
    world.children["api"] = service(needs=["db", "cache"], pods=CRASHES, **BACK)
    before = site(world)
    done = deploy(world, cache="2.0.0", api="2.0.0", site="2.0.0")
    tell("by itself, a failing API in the middle of a chain (with the failing update)", done)
    assert before == site(world), "the site was touched"
    return done, versions(world)


def site(world: World) -> dict[Any, Any]:
    return {key: item for key, item in world.objects().items() if key[1] == world.namespace("site")}


def again(world: World) -> Run:
    """Nothing was mended: the same happens."""
    return world.aoa("up", "staging", "--format", "json")


def mended(world: World) -> Run:
    world.children["api"] = service(needs=["db", "cache"], **BACK)
    done = deploy(world)
    assert done.code == 0, done.text
    return done


def migration_fails(world: World) -> tuple[Run, dict[str, str]]:
    pods = {"behaviour": "fail", "message": LAST_WORDS}
    world.children["db"] = migration(pods=pods, compatibleFrom="1.0.0", **BACK)
    done = deploy(world, db="3.0.0", api="3.0.0")
    tell("by itself, a failing migration (with the failing update)", done)
    return done, versions(world)


def migration_mended(world: World) -> Run:
    world.children["db"] = migration(compatibleFrom="1.0.0", **BACK)
    done = deploy(world)
    assert done.code == 0, done.text
    return done


def past_the_schema(world: World) -> Run:
    """The migration is fine, the API fails, and its older version cannot live with the new schema."""
    world.children["db"] = migration(compatibleFrom="4.0.0", **BACK)
    world.children["api"] = service(needs=["db", "cache"], pods=CRASHES, **BACK)
    return deploy(world, db="4.0.0", api="4.0.0")


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    children = {
        "db": migration(compatibleFrom="1.0.0", **BACK),
        "cache": service(),
        "api": service(needs=["db", "cache"], **BACK),
        "site": service(needs=["api"]),
        "mail": worker(),
    }
    world = make_world("auto", children)
    steps = (first_fails, first, api_fails, again, mended, migration_fails, migration_mended, past_the_schema)
    return Story(world, *steps)


def test_a_first_deployment_says_that_there_is_nothing_to_go_back_to(story: Story) -> None:
    run = story.step("first_fails")
    assert run.code == FAILED
    assert run.stdout.count("ROOT CAUSE") == 1
    assert (
        "NOT ROLLED BACK\n  nothing has become healthy in staging yet, so there is nothing to go back to" in run.stdout
    )


def test_what_failed_comes_back_and_what_is_healthy_stays(story: Story) -> None:
    run, standing = story.step("api_fails")
    assert run.code == FAILED
    assert standing == {"db": "1.0.0", "cache": "2.0.0", "api": "1.0.0", "site": "1.0.0", "mail": "1.0.0"}


def test_the_report_tells_the_story_once(story: Story) -> None:
    run, _ = story.step("api_fails")
    report = run.stdout
    assert report.startswith("up of auto in staging FAILED after ")
    assert " and was rolled back · release " in report.splitlines()[0]
    assert report.count("ROOT CAUSE") == 1
    assert CRASHES["message"] in report
    assert report.index("ROOT CAUSE") < report.index("ROLLED BACK to release 1 (")
    assert "  api 2.0.0 → 1.0.0 comes back" in report
    assert "Traceback" not in run.text


def test_what_came_back_is_a_release_of_its_own(story: Story) -> None:
    story.step("api_fails")
    assert numbers(story.world)[:2] == [1, 2]


def test_without_a_repair_the_same_happens_again(story: Story) -> None:
    run = story.step("again")
    assert run.code == FAILED
    told = json.loads(run.stdout)
    assert told["cameBack"]["ok"] is True
    assert [cause["child"] for cause in told["causes"]] == ["api"]


def test_after_the_repair_the_update_goes_through(story: Story) -> None:
    story.step("mended")
    assert all(healthy(story.world, child) for child in ("cache", "api", "site", "mail"))


def test_a_migration_that_fails_comes_back_to_what_ran(story: Story) -> None:
    run, standing = story.step("migration_fails")
    assert run.code == FAILED
    assert LAST_WORDS in run.stdout
    assert "ROLLED BACK to release" in run.stdout
    assert standing["api"] == "2.0.0"
    assert last_children(story.world)["db"] is not None


def test_a_migration_that_failed_can_be_mended(story: Story) -> None:
    run = story.step("migration_mended")
    assert "succeeded" in run.stdout


def test_past_what_the_schema_can_live_with_it_says_why_it_stays(story: Story) -> None:
    run = story.step("past_the_schema")
    assert run.code == FAILED
    assert "NOT ROLLED BACK" in run.stdout
    assert (
        "the schema of db 4.0.0 needs api 4.0.0 or newer (compatibleFrom), and api 3.0.0 would come back" in run.stdout
    )
    assert versions(story.world)["api"] == "4.0.0"
