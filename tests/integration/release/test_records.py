"""Releases one after another: their records, and where each object says that its content came from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.story import Story
from tests.integration.program.world import RECORD, Run, World, run, service

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

_KINDS = "deployments,services,configmaps,serviceaccounts,networkpolicies,vaultauths,vaultstaticsecrets"
_THEIRS = {"kube-root-ca.crt", "default"}


@dataclass(frozen=True, slots=True)
class Step:
    """One release: its run, what the objects and records say after it, and the commit that it was made from."""

    run: Run
    commit: str
    annotations: dict[str, dict[str, dict[str, str]]]
    """Child → object → the annotations of its metadata."""
    records: dict[str, dict[str, str]]


def _git(world: World, author: str, *arguments: str) -> str:
    who = ["-c", f"user.name={author}", "-c", f"user.email={author.lower()}@example.com", "-c", "commit.gpgsign=false"]
    done = run(["git", *who, *arguments], cwd=world.folder, environ=world.environ)
    assert done.code == 0, done.text
    return done.stdout.strip()


def _release(world: World, author: str) -> Step:
    """Commit what the files are to say and deploy it."""
    world.write()
    _git(world, author, "add", "--all", ".")
    _git(world, author, "commit", "-q", "-m", "Change", "--allow-empty")
    done = world.up()
    assert done.code == 0, done.text
    found: dict[str, dict[str, dict[str, str]]] = {}
    for child in world.children:
        found[child] = {
            f"{item['kind']}/{item['metadata']['name']}": item["metadata"].get("annotations", {})
            for item in world.get(_KINDS, child)
            if item["metadata"]["name"] not in _THEIRS
        }
    return Step(done, _git(world, author, "rev-parse", "HEAD"), found, world.records())


def first(world: World) -> Step:
    _git(world, "Ada", "init", "-q")
    return _release(world, "Ada")


def change(world: World) -> Step:
    world.versions["api"] = "1.1.0"
    return _release(world, "Bea")


def rotate(world: World) -> Step:
    world.box.put_secret("staging", "records/api", {"token": "second"})
    return _release(world, "Cem")


def working_tree(world: World) -> tuple[Run, Run]:
    world.versions["api"] = "1.0.0"
    return world.aoa("release", "diff", "staging", "-o", "json"), world.aoa("release", "show", "staging", "-o", "json")


def back(world: World) -> Step:
    return _release(world, "Dan")


def between(world: World) -> Run:
    return world.aoa("release", "diff", "staging@1", "staging@3", "-o", "json")


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    api = service(needs=["cache"], secrets={"TOKEN": {"path": "records/api", "key": "token"}})
    world = make_world("records", {"cache": service(), "api": api})
    world.box.put_secret("staging", "records/api", {"token": "first"})
    return Story(world, first, change, rotate, working_tree, back, between)


def _numbers(step: Step) -> dict[int, str]:
    return {int(data["number"]): data["digest"] for data in step.records.values()}


def _origin(annotations: dict[str, str]) -> tuple[str | None, ...]:
    return tuple(annotations.get(f"app-of-apps/{name}") for name in ("release-digest", "git-commit", "author"))


def test_every_object_says_which_release_commit_and_author_it_comes_from(story: Story) -> None:
    step: Step = story.step("first")
    wanted = (_numbers(step)[1], step.commit, "Ada <ada@example.com>")
    for child, objects in step.annotations.items():
        assert any(name.startswith("Deployment/") for name in objects)
        for name, noted in objects.items():
            assert _origin(noted) == wanted, (child, name)


def test_one_childs_change_touches_its_objects_alone_and_they_say_whose_it_is(story: Story) -> None:
    before, step = story.step("first"), story.step("change")
    assert story.world.touched(step.run) == {"api", RECORD}
    assert step.annotations["cache"] == before.annotations["cache"]
    wanted = (_numbers(step)[2], step.commit, "Bea <bea@example.com>")
    assert {_origin(noted) for noted in step.annotations["api"].values()} == {wanted}


def test_the_record_says_of_each_child_where_it_comes_from(story: Story) -> None:
    step: Step = story.step("change")
    (last,) = [data for data in step.records.values() if data["number"] == "2"]
    children: dict[str, Any] = json.loads(last["children"])
    assert {name: one["provenance"]["number"] for name, one in children.items()} == {"cache": 1, "api": 2}
    assert children["api"]["provenance"]["commit"] == step.commit
    assert children["api"]["version"] == "1.1.0"


def test_after_a_rotation_and_from_another_commit_a_no_op_stays_a_no_op(story: Story) -> None:
    before, step = story.step("change"), story.step("rotate")
    assert step.commit != before.commit
    assert story.world.writes(step.run) == []
    assert step.records == before.records
    assert step.annotations["cache"] == before.annotations["cache"]


def test_the_working_tree_is_told_from_what_is_deployed_in_words(story: Story) -> None:
    diff, show = story.step("working_tree")
    assert diff.code == 1, diff.text
    shape = json.loads(diff.stdout)
    assert (shape["before"]["source"], shape["before"]["release"]) == ("record 2", _numbers(story.step("rotate"))[2])
    assert [(one["name"], one["words"], one["pods"]) for one in shape["children"]] == [
        ("api", ["version 1.1.0 → 1.0.0"], "restart")
    ]
    assert show.code == 0, show.text
    assert json.loads(show.stdout)["snapshot"]["secrets"] == {"kv-staging/records/api": 2}


def test_two_releases_and_back_to_the_first_make_three_records(story: Story) -> None:
    one, step = story.step("rotate"), story.step("back")
    assert one.records.items() < step.records.items()
    digests = _numbers(step)
    assert sorted(digests) == [1, 2, 3]
    assert digests[1] == digests[3] != digests[2]
    assert {_origin(noted)[1:] for noted in step.annotations["api"].values()} == {
        (step.commit, "Dan <dan@example.com>")
    }
    done: Run = story.step("between")
    assert done.code == 0, done.text
    assert json.loads(done.stdout)["children"] == []
