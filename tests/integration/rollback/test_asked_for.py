"""`aoa rollback`: an earlier release comes back, whole or in part, and a schema only goes where it says it can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.program.story import Story
from tests.integration.program.world import Run, World, migration, service, worker

from .standing import healthy, last_children, numbers, tell, versions

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

REFUSED = 3
DOWN = {"down": {"args": ["schema", "down"]}}


def at(world: World, version: str, **db: object) -> Run:
    """Deploy all children at one version."""
    world.children["db"] = migration(**db)
    world.versions = dict.fromkeys(world.children, version)
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    return done


def jobs(world: World) -> set[str]:
    return {one["metadata"]["uid"] for one in world.get("jobs", "db")}


def first(world: World) -> Run:
    return at(world, "1.0.0")


def nothing_before(world: World) -> Run:
    return world.aoa("rollback", "staging", "--yes")


def second(world: World) -> Run:
    return at(world, "2.0.0", compatibleFrom="1.0.0")


def look(world: World) -> Run:
    return world.aoa("rollback", "staging", "--dry-run")


def unasked(world: World) -> Run:
    return world.aoa("rollback", "staging")


def back(world: World) -> tuple[Run, set[str], set[str]]:
    before = jobs(world)
    done = world.aoa("rollback", "staging", "--yes")
    assert done.code == 0, done.text
    tell("one version back, three workloads", done)
    return done, before, jobs(world)


def undone(world: World) -> Run:
    done = world.aoa("rollback", "staging", "--to", "2", "--yes")
    assert done.code == 0, done.text
    return done


def one(world: World) -> Run:
    done = world.aoa("rollback", "staging", "--to", "1", "--child", "site", "--yes", "--format", "json")
    assert done.code == 0, done.text
    tell("one child back", done)
    return done


def breaking(world: World) -> Run:
    return at(world, "3.0.0", compatibleFrom="3.0.0")


def refused(world: World) -> Run:
    return world.aoa("rollback", "staging", "--to", "2", "--yes")


def plain(world: World) -> Run:
    environ = {**world.environ, "AOA_RESTORE": "2"}
    return world.pulumi("up", "--yes", "--skip-preview", environ=environ)


def with_a_way_down(world: World) -> Run:
    return at(world, "3.0.0", compatibleFrom="3.0.0", **DOWN)


def down(world: World) -> Run:
    done = world.aoa("rollback", "staging", "--to", "2", "--yes")
    assert done.code == 0, done.text
    tell("with a way down", done)
    return done


def forward(world: World) -> Run:
    return at(world, "3.0.0", compatibleFrom="3.0.0", **DOWN)


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    """An API behind a migration, a site behind the API, and a worker beside them."""
    children = {"db": migration(), "api": service(needs=["db"]), "site": service(needs=["api"]), "mail": worker()}
    world = make_world("back", children)
    steps = (first, nothing_before, second, look, unasked, back, undone, one, breaking, refused, plain)
    return Story(world, *steps, with_a_way_down, down, forward)


def test_the_first_release_has_nothing_to_go_back_to(story: Story) -> None:
    run = story.step("nothing_before")
    assert run.code == REFUSED
    assert "release 1 is the first that became healthy in staging" in run.text
    assert story.world.writes(run) == []


def test_a_look_shows_what_would_come_back_and_changes_nothing(story: Story) -> None:
    run = story.step("look")
    assert run.code == 0, run.text
    for line in (
        "release 1 (",
        "  api 2.0.0 → 1.0.0 comes back",
        "  db stays at 2.0.0: a schema goes forward only",
        "  mail 2.0.0 → 1.0.0 comes back",
    ):
        assert line in run.stderr
    assert "WOULD CHANGE (3)" in run.stdout
    assert [one for one in story.world.writes(run) if "evidence" not in one.name] == []


def test_nobody_is_rolled_back_without_being_asked(story: Story) -> None:
    run = story.step("unasked")
    assert run.code == REFUSED
    assert "Give --yes" in run.text


def test_the_release_before_comes_back_and_the_schema_stays(story: Story) -> None:
    run, before, after = story.step("back")
    world = story.world
    assert "rollback of back in staging succeeded" in run.stdout
    assert before == after, "the migration ran again"
    story.step("back")
    children = json.loads(max(world.records().values(), key=lambda one: int(one["number"]))["children"])
    assert children.keys() == {"db", "api", "site", "mail"}


def test_it_says_what_the_working_tree_still_holds(story: Story) -> None:
    run, _, _ = story.step("back")
    assert "The working tree still holds the later release" in run.stderr
    assert "The next `aoa up staging` would deploy it again" in run.stderr


def test_a_rollback_is_a_release_of_its_own_and_can_be_undone(story: Story) -> None:
    story.step("undone")
    assert numbers(story.world)[:4] == [1, 2, 3, 4]


def test_one_child_comes_back_and_nothing_else_is_touched(story: Story) -> None:
    run = story.step("one")
    assert story.world.touched(run) == {"site", "parent"}


def test_past_what_a_schema_can_live_with_it_is_refused_and_nothing_is_touched(story: Story) -> None:
    run = story.step("refused")
    assert run.code == REFUSED
    assert "the schema of db 3.0.0 needs api 3.0.0 or newer (compatibleFrom), and api 2.0.0 would come back" in run.text
    assert story.world.writes(run) == []


def test_plain_pulumi_is_refused_the_same_way(story: Story) -> None:
    run = story.step("plain")
    assert run.code != 0
    assert "the schema of db 3.0.0 needs api 3.0.0 or newer" in run.text
    assert story.world.writes(run) == []


def test_a_way_down_runs_before_the_older_version_comes_back(story: Story) -> None:
    run = story.step("down")
    world = story.world
    assert "db runs its down Job first, in the image of 3.0.0: back to 2.0.0" in run.stderr
    assert run.ready(world.namespace("db")) <= world.writes(run, "api")[0].received


def test_the_way_down_is_the_migrations_own_image_and_knows_where_to(story: Story) -> None:
    story.step("down")
    records = sorted(story.world.records().values(), key=lambda one: int(one["number"]))
    assert [json.loads(one["children"])["api"]["version"] for one in records][-1] in {"2.0.0", "3.0.0"}
    text = story.step("down").stderr
    assert "api 3.0.0 → 2.0.0 comes back" in text


def test_afterwards_the_working_tree_is_deployed_forward_again(story: Story) -> None:
    story.step("forward")
    world = story.world
    assert versions(world) == dict.fromkeys(("db", "api", "site", "mail"), "3.0.0")
    assert last_children(world) == dict.fromkeys(("db", "api", "site", "mail"), "3.0.0")
    assert all(healthy(world, child) for child in ("api", "site", "mail"))
    (job,) = world.get("jobs", "db")
    assert "args" not in job["spec"]["template"]["spec"]["containers"][0]
