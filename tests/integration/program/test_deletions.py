"""What a release would delete: seen before it, refused when it is too much, and data stays whatever is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .story import Story
from .world import RECORD, Run, World, service, worker

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

REFUSED = 3
LABELS = {"app": "broker"}
BROKER = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "broker"},
    "spec": {
        "serviceName": "broker",
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "broker", "image": "registry.example.com/test/broker:1.0.0"}]},
        },
    },
}
# Nobody here makes volumes, so nobody waits for one.
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "queue", "annotations": {"pulumi.com/skipAwait": "true"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
STATEFUL = {"type": "manifests", "team": "one", "files": ["../existing"], "deadline": "30s"}
KEPT = "statefulsets,persistentvolumeclaims"


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    children = {"api": service(), "mail": worker(), "post": worker(), "broker": STATEFUL}
    files = {"existing/broker.yaml": BROKER, "existing/claim.yaml": CLAIM}
    world = make_world("less", children, files=files)
    return Story(world, create, too_much, told, allowed, data, let_go, afterwards, back, emptied, renamed)


def create(world: World) -> Run:
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    return done


def too_much(world: World) -> tuple[Run, Run]:
    """Remove two of the children, with the engine and with ours."""
    del world.children["mail"], world.children["post"]
    return world.up(), world.aoa("up", "staging")


def told(world: World) -> Run:
    return world.pulumi("preview")


def allowed(world: World) -> Run:
    world.gates = {"deletions": {"allowed": ["mail", "post"]}}
    return world.aoa("up", "staging")


def data(world: World) -> Run:
    """Remove the one that keeps data: one child is in the budget."""
    world.gates = {}
    del world.children["broker"]
    return world.up()


def let_go(world: World) -> tuple[Run, list[dict[str, Any]], list[dict[str, Any]]]:
    before = world.get(KEPT, "broker")
    world.gates = {"deletions": {"allowed": ["broker"]}}
    done = world.aoa("up", "staging")
    world.gates = {}
    return done, before, world.get(KEPT, "broker")


def afterwards(world: World) -> Run:
    return world.aoa("up", "staging")


def back(world: World) -> tuple[Run, list[dict[str, Any]]]:
    world.children["broker"] = STATEFUL
    return world.aoa("up", "staging"), world.get(KEPT, "broker")


def emptied(world: World) -> Run:
    """Nothing that stands is in the files any more, as after a template that went wrong."""
    kept = dict(world.children)
    world.gates = {"deletions": {"budget": 9, "allowed": ["broker"]}}
    world.children = {"other": worker()}
    done = world.up()
    world.children, world.gates = kept, {}
    return done


def renamed(world: World) -> tuple[Run, set[str]]:
    """Give the parent another name: all that stands under the old one is declared no longer."""
    world.name = "more"
    done = world.up()
    world.name = "less"
    return done, world.namespaces()


def test_more_children_than_the_budget_are_refused_before_anything_is_touched(story: Story) -> None:
    for done in story.step("too_much"):
        assert done.code != 0, done.text
        assert "it removes 2 children, and gates.deletions.budget is 1; nothing was touched" in done.text
        assert "mail (worker 1.0.0, team one): namespace less-mail" in done.text
        assert "say so in Pulumi.staging.yaml: gates.deletions.allowed: [mail, post]" in done.text
        assert story.world.writes(done) == []
    assert story.step("too_much")[1].code == REFUSED


def test_a_preview_tells_what_would_go(story: Story) -> None:
    done: Run = story.step("told")
    assert done.code == 0, done.text
    assert "this release deletes:" in done.text
    assert "post (worker 1.0.0, team one): namespace less-post" in done.text


def test_the_file_lifts_it_where_nobody_is_asked_for_approvals(story: Story) -> None:
    done: Run = story.step("allowed")
    assert done.code == 0, done.text
    assert {one.verb for one in story.world.writes(done, "mail")} == {"delete"}


def test_one_child_that_keeps_data_is_refused_although_it_is_in_the_budget(story: Story) -> None:
    done: Run = story.step("data")
    assert done.code != 0
    assert "broker keeps data" in done.text
    assert "StatefulSet broker (kept, with the namespace), PersistentVolumeClaim queue (kept" in done.text
    assert story.world.writes(done) == []


def test_allowed_it_goes_and_its_data_stays(story: Story) -> None:
    done, before, after = story.step("let_go")
    assert done.code == 0, done.text
    assert len(before) == 2
    uids = [one["metadata"]["uid"] for one in before]
    assert [one["metadata"]["uid"] for one in after] == uids
    deleted = {one.resource for one in story.world.writes(done, "broker") if one.verb == "delete"}
    assert deleted
    assert not deleted & {"namespaces", "statefulsets", "persistentvolumeclaims"}


def test_what_was_kept_is_in_nobodys_way_afterwards(story: Story) -> None:
    done: Run = story.step("afterwards")
    assert done.code == 0, done.text
    assert story.world.writes(done) == []


def test_a_child_that_comes_back_finds_its_data(story: Story) -> None:
    done, found = story.step("back")
    assert done.code == 0, done.text
    uids = [one["metadata"]["uid"] for one in story.step("let_go")[1]]
    assert [one["metadata"]["uid"] for one in found] == uids


def test_a_release_without_anything_that_stands_is_in_no_budget(story: Story) -> None:
    done: Run = story.step("emptied")
    assert done.code != 0
    assert "it leaves nothing of what stands" in done.text
    assert story.world.writes(done) == []


def test_a_parent_with_another_name_removes_nothing_of_the_old_one(story: Story) -> None:
    done, standing = story.step("renamed")
    assert done.code != 0
    assert "this removes everything of this environment; nothing was removed" in done.text
    assert [one for one in story.world.writes(done) if one.verb == "delete"] == []
    assert standing == {"api", "broker", RECORD}
