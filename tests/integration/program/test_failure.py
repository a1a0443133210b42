"""A child fails: what needs it is not touched, and one report says whose fault it is and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .story import Story
from .world import Run, World, migration, service, worker

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

LAST_WORDS = "relation orders has no column total"
BROKEN = migration(pods={"behaviour": "fail", "message": LAST_WORDS}, team="two")
SOUND = migration(team="two")
CONNECTION = "no route to the broker"
UNHEALTHY, DEPLOYMENT_FAILED = 1, 5


def first(world: World) -> Run:
    """Fail on the first run, by a plain `pulumi up`."""
    return world.up()


def mended(world: World) -> Run:
    """Mend it, and nothing else."""
    world.children["db"] = SOUND
    return world.up()


def later(world: World) -> tuple[Run, dict, dict]:
    """Fail on a healthy release, by `aoa up`; returns what stood of the dependents before and after, too."""
    world.children["db"] = BROKEN
    world.versions = {"db": "2.0.0", "api": "2.0.0"}
    before = standing(world)
    done = world.aoa("up", "staging")
    return done, before, standing(world)


def standing(world: World) -> dict:
    """Return the objects of the API and of the site."""
    return {key: item for key, item in world.objects().items() if key[1] in {"migrate-api", "migrate-site"}}


def explained(world: World) -> Run:
    return world.aoa("explain", "staging", "--format", "json")


def mended_again(world: World) -> Run:
    world.children["db"] = SOUND
    return world.up()


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    """An API behind a migration that fails, a site behind the API, and a worker that has nothing to do with it."""
    children = {"db": BROKEN, "api": service(needs=["db"]), "site": service(needs=["api"]), "mail": worker()}
    return Story(make_world("migrate", children), first, mended, later, explained, mended_again)


def test_a_failed_migration_ends_the_run(story: Story) -> None:
    assert story.step("first").code != 0


def test_what_needs_a_failed_migration_is_never_touched(story: Story) -> None:
    world, run = story.world, story.step("first")
    assert world.writes(run, "db") != []
    for child in ("api", "site"):
        assert world.writes(run, child) == []
        assert [one for one in run.requests if one.namespace == f"migrate-{child}" and one.is_write] == []


def test_what_needs_nothing_that_failed_is_up(story: Story) -> None:
    assert len(story.world.writes(story.step("first"), "mail")) > 0
    (mail,) = story.world.get("deployments", "mail")
    assert mail["status"]["readyReplicas"] == 1


def test_a_failed_run_leaves_no_record(story: Story) -> None:
    run = story.step("first")
    assert [one for one in story.world.writes(run) if one.namespace == "migrate-parent"] == []


def test_plain_pulumi_ends_with_the_parents_report(story: Story) -> None:
    text = story.step("first").text
    assert text.count("ROOT CAUSE") == 1
    report = text[text.index("ROOT CAUSE") :]
    cause = report.splitlines()[1]
    for word in ("db", "team two", "#two", "Job migrate-db/db-", LAST_WORDS):
        assert word in cause
    assert "BLOCKED, NOT STARTED (2)" in report
    assert "api (team one) service 1.0.0: waits for db\n" in report
    assert "site (team one) service 1.0.0: waits for db → api\n" in report
    assert "UP (1)" in report
    assert "Have team two (#two) mend it" in report


def test_a_run_after_the_repair_goes_on(story: Story) -> None:
    run = story.step("mended")
    assert run.code == 0, run.text
    # Nothing had succeeded yet, so the objects of mail tell this release now.
    assert story.world.touched(run) == {"db", "api", "site", "mail", "parent"}
    assert {one.verb for one in story.world.writes(run, "mail")} == {"patch"}


def test_a_failed_migration_on_a_healthy_release_leaves_the_old_version_running(story: Story) -> None:
    run, before, after = story.step("later")
    assert run.code == DEPLOYMENT_FAILED
    assert story.world.writes(run, "api") == story.world.writes(run, "site") == []
    assert before == after
    assert any(key[0] == "Pod" for key in after)


def test_aoa_ends_with_the_report_and_says_what_keeps_running(story: Story) -> None:
    run, _, _ = story.step("later")
    report = run.stdout
    assert report.startswith("up of migrate in staging FAILED after ")
    assert LAST_WORDS in report
    assert "api (team one) service 2.0.0, 1.0.0 keeps running: waits for db" in report
    assert "Traceback" not in run.text


def test_aoa_explains_the_failure_afterwards_from_the_cluster_alone(story: Story) -> None:
    run = story.step("explained")
    assert run.code == UNHEALTHY
    assert story.world.writes(run) == []
    told = json.loads(run.stdout)
    (cause,) = told["causes"]
    assert (cause["child"], cause["team"], cause["object"]["kind"]) == ("db", "two", "Job")
    assert LAST_WORDS in cause["message"]
    assert {child["name"]: child["state"] for child in told["children"]}["api"] == "blocked"


def test_a_later_failure_is_mended_the_same_way(story: Story) -> None:
    run = story.step("mended_again")
    assert run.code == 0, run.text
    (api,) = story.world.get("deployments", "api")
    assert api["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.0")


@pytest.fixture(scope="module")
def pods(make_world: MakeWorld) -> tuple[World, Run]:
    """Two children whose pods never become ready, independent of each other, after one `aoa up`."""
    brief = {"deadline": "8s"}
    children = {
        "crash": worker(pods={"behaviour": "crash", "message": CONNECTION}, **brief),
        "unpulled": worker(pods={"behaviour": "image-pull-error"}, team="two", **brief),
        "fine": worker(),
        "after": service(needs=["crash"]),
    }
    world = make_world("pods", children)
    return world, world.aoa("up", "staging", "--format", "json")


def cause(run: Run, child: str) -> dict:
    (found,) = [one for one in json.loads(run.stdout)["causes"] if one["child"] == child]
    return found


def test_a_crash_loop_fails_the_run_when_its_deadline_is_over(pods: tuple[World, Run]) -> None:
    world, run = pods
    assert run.code == DEPLOYMENT_FAILED
    found = cause(run, "crash")
    assert found["object"] == {"kind": "Deployment", "namespace": "pods-crash", "name": "crash"}
    assert CONNECTION in found["message"]
    assert "container crash ended with exit code 1" in found["message"]
    applied = [one.received for one in world.writes(run, "crash") if one.resource == "deployments"]
    # Its own deadline of 8 s counts, not the 5 min of those that name none; the rest is the machine's pace.
    assert 8 <= (max(one.answered for one in run.requests) - applied[0]).total_seconds() < 150


def test_an_image_that_cannot_be_pulled_is_named(pods: tuple[World, Run]) -> None:
    found = cause(pods[1], "unpulled")
    assert found["team"] == "two"
    assert "ImagePullBackOff" in found["message"]
    assert "registry.example.com/test/app:1.0.0" in found["message"]


def test_what_needs_a_crashing_child_is_never_touched(pods: tuple[World, Run]) -> None:
    world, run = pods
    assert world.writes(run, "after") == []
    states = {child["name"]: child["state"] for child in json.loads(run.stdout)["children"]}
    assert states == {"crash": "failed", "unpulled": "failed", "fine": "up", "after": "blocked"}
