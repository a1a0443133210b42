"""A program that names the component gets what a Python program with the parent gets."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.package.abroad import names_the_component, speaks_go, speaks_yaml
from tests.integration.program.story import Story
from tests.integration.program.world import Run, World, migration, run, service, worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

REFUSED, DEPLOYMENT_FAILED = 3, 5
CHART = {"type": "chart", "team": "one", "chart": "../chart"}
BEGAN, SUCCEEDED = ("began", None), ("ended", "succeeded")
LAST_WORDS = "relation orders has no column total"


def chain(world: World) -> list[tuple[str, str]]:
    """Return what the signed records of a world's attempts say, oldest first: kind and result."""
    told = world.aoa("evidence", "list", "staging", "--output", "json")
    assert told.code == 0, told.text
    records = [one["record"] for one in json.loads(told.stdout)["records"]]
    return [(one["kind"], one["result"]) for one in records]


# -- a life ----------------------------------------------------------------------------------------------------------


def first(world: World) -> Run:
    names_the_component(world)
    return world.up()


def again(world: World) -> Run:
    return world.up()


def changed(world: World) -> Run:
    """A new version of everything, its preview first."""
    world.versions = {"db": "2.0.0", "api": "2.0.0"}
    return world.pulumi("up", "--yes")


def broken(world: World) -> tuple[Run, dict, dict]:
    """A version whose migration fails, by `aoa up`; returns what stood of the API before and after, too."""
    world.children["db"] = migration(pods={"behaviour": "fail", "message": LAST_WORDS})
    world.versions = {"db": "3.0.0", "api": "3.0.0"}
    before = _api(world)
    done = world.aoa("up", "staging")
    return done, before, _api(world)


def unguarded(world: World) -> Run:
    world.children["db"] = migration()
    return world.pulumi("destroy", "--yes", "--skip-preview", write=False)


def gone(world: World) -> Run:
    return world.destroy()


def _api(world: World) -> dict:
    return {key: item for key, item in world.objects().items() if key[1] == world.namespace("api")}


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    """An API behind a migration, a worker behind the API."""
    secret = {"DATABASE_URL": {"path": "orders/database", "key": "url"}}
    children = {"db": migration(), "api": service(needs=["db"], secrets=secret), "mail": worker(needs=["api"])}
    return Story(make_world("abroad", children), first, again, changed, broken, unguarded, gone)


def test_children_come_up_in_order(story: Story) -> None:
    world, done = story.world, story.step("first")
    assert done.code == 0, done.text
    began = {child: world.writes(done, child)[0].received for child in ("db", "api", "mail")}
    assert began["db"] < done.ready(world.namespace("db")) < began["api"]
    assert began["api"] < done.ready(world.namespace("api")) < began["mail"]


def test_the_release_is_recorded_and_its_attempt_ended(make_world: MakeWorld) -> None:
    world = make_world("noted", {"mail": worker()})
    names_the_component(world)
    done = world.up()
    assert done.code == 0, done.text
    assert len(world.records()) == 1
    assert chain(world) == [BEGAN, SUCCEEDED]
    outputs = world.outputs()
    assert outputs["environment"] == "staging"
    assert outputs["children"]["mail"]["namespace"] == "noted-mail"
    (record,) = world.records().values()
    assert outputs["release"] in json.dumps(record)


def test_a_second_run_writes_nothing(story: Story) -> None:
    done = story.step("again")
    assert done.code == 0, done.text
    assert story.world.writes(done) == []


def test_a_new_version_goes_through_its_preview_in_order(story: Story) -> None:
    world, done = story.world, story.step("changed")
    assert done.code == 0, done.text
    assert done.ready(world.namespace("db")) < world.writes(done, "api")[0].received
    assert world.touched(done) == {"db", "api", "parent"}


def test_a_failed_child_holds_back_what_needs_it_and_the_parent_tells(story: Story) -> None:
    done, before, after = story.step("broken")
    assert done.code == DEPLOYMENT_FAILED, done.text
    assert after == before
    assert LAST_WORDS in done.text
    assert "BLOCKED, NOT STARTED" in done.text


def test_every_attempt_has_an_end_on_the_record(story: Story) -> None:
    story.step("broken")
    ends = [SUCCEEDED, SUCCEEDED, SUCCEEDED, ("ended", "failed")]
    assert [one for one in chain(story.world) if one[0] != "noted"] == [one for end in ends for one in (BEGAN, end)]


def test_nothing_removes_it_without_the_program_and_its_guard(story: Story) -> None:
    before, done = story.step("broken")[2], story.step("unguarded")
    assert done.code != 0
    assert "--run-program" in done.text
    assert _api(story.world).keys() >= before.keys()


def test_it_goes_with_the_program(story: Story) -> None:
    done = story.step("gone")
    assert done.code == 0, done.text
    assert story.world.namespaces() <= {"parent"}


def test_an_earlier_release_comes_back(make_world: MakeWorld) -> None:
    world = make_world("returned", {"mail": worker()})
    names_the_component(world)
    assert world.up().code == 0
    world.versions = {"mail": "2.0.0"}
    assert world.up().code == 0
    done = world.aoa("rollback", "staging", "--to", "1", "--yes")
    assert done.code == 0, done.text
    assert world.outputs()["children"]["mail"]["version"] == "1.0.0"
    assert len(world.records()) == 3


# -- what a Python program has deployed ------------------------------------------------------------------------------


def test_a_parent_changes_between_python_and_the_component_as_it_stands(make_world: MakeWorld) -> None:
    world = make_world("moved", {"api": service(), "mail": worker(needs=["api"])})
    python = (world.folder / "__main__.py").read_text()
    assert world.up().code == 0
    before = world.objects()
    names_the_component(world)
    there = world.up()
    (world.folder / "__main__.py").write_text(python)
    back = world.up()
    for done in (there, back):
        assert done.code == 0, done.text
        assert world.writes(done) == []
    assert world.objects() == before


def test_a_chart_is_a_child_like_any_other(make_world: MakeWorld, checkout: Path) -> None:
    world = make_world("charted", {"reports": {**CHART, "values": {"brokerUrl": "amqp://broker"}}})
    shutil.copytree(checkout / "examples/wrap-existing/existing/reports-chart", world.folder / "chart")
    names_the_component(world)
    done = world.up()
    assert done.code == 0, done.text
    (reports,) = world.get("deployments", "reports")
    assert reports["status"]["readyReplicas"] == reports["spec"]["replicas"]


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(make_world: MakeWorld) -> World:
    return make_world("asked", {"mail": worker()})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ('{"environment": "prod"}', "WrongEnvironment: the program is meant for 'prod', and the stack is 'staging'"),
        ('{"project": pulumi.Output.secret(".")}', "InvalidInput: the program: project: must be a plain text"),
        ('{"project": "elsewhere"}', "elsewhere: cannot be read"),
    ],
)
def test_a_refusal_says_why_and_touches_nothing(world: World, inputs: str, words: str) -> None:
    names_the_component(world, inputs)
    done = world.up()
    assert done.code != 0
    assert words in done.text
    assert world.writes(done) == []
    assert world.namespaces() == set()


def test_aoa_knows_a_refusal_by_its_exit_code(world: World) -> None:
    names_the_component(world, '{"environment": "prod"}')
    assert world.aoa("up", "staging").code == REFUSED


# -- other programs --------------------------------------------------------------------------------------------------


def test_the_engine_reads_the_schema(world: World) -> None:
    command = shutil.which("pulumi-resource-aoa", path=world.environ["PATH"])
    assert command is not None
    told = run(["pulumi", "package", "get-schema", command], cwd=world.folder, environ=world.environ)
    assert told.code == 0, told.text
    assert set(json.loads(told.stdout)["resources"]) == {"aoa:index:ParentApp"}


def test_a_program_in_yaml_deploys_a_parent(make_world: MakeWorld) -> None:
    world = make_world("spoken", {"api": service()})
    assert shutil.which("pulumi-language-yaml", path=world.environ["PATH"]), "the toolchain has no host for YAML"
    speaks_yaml(world)
    done = world.up()
    assert done.code == 0, done.text
    assert world.outputs()["team"] == "one"


def test_a_program_in_go_deploys_a_parent(make_world: MakeWorld) -> None:
    world = make_world("compiled", {"api": service()})
    assert shutil.which("pulumi-language-go", path=world.environ["PATH"]), "the toolchain has no host for Go"
    speaks_go(world)
    done = world.up()
    assert done.code == 0, done.text
    outputs = world.outputs()
    assert outputs["environment"] == "staging"
    assert outputs["release"] in json.dumps(list(world.records().values()))
    assert world.writes(world.up()) == []
