"""From the first `pulumi up` over changes to `pulumi destroy`: what was asked for is touched, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .story import Story
from .world import RECORD, Run, World, migration, service, worker

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Step:
    """One `pulumi up`, and the objects of all children before and after it."""

    run: Run
    before: dict
    after: dict
    records: dict[str, dict[str, str]]

    def unchanged(self, world: World, child: str) -> bool:
        """Whether all of a child's objects, its pods too, are the very same as before."""
        mine = [{k: v for k, v in each.items() if k[1] == world.namespace(child)} for each in (self.before, self.after)]
        return bool(mine[0]) and mine[0] == mine[1]


def take(world: World) -> Step:
    """Deploy what the files are to say now."""
    before = world.objects()
    done = world.up()
    assert done.code == 0, done.text
    return Step(done, before, world.objects(), world.records())


def create(world: World) -> Step:
    return take(world)


def outputs(world: World) -> dict[str, Any]:
    return world.outputs()


def again(world: World) -> Step:
    return take(world)


def preview(world: World) -> Run:
    return world.pulumi("preview", "--expect-no-changes")


def change(world: World) -> Step:
    world.versions["api"] = "1.1.0"
    return take(world)


def share(world: World) -> Step:
    world.shared["market"]["CURRENCY"] = "CHF"
    return take(world)


def add(world: World) -> Step:
    world.children["mail"] = worker(needs=["api"])
    return take(world)


def rename(world: World) -> Step:
    world.children["post"] = world.children.pop("mail")
    return take(world)


def remove(world: World) -> Step:
    del world.children["post"]
    return take(world)


def destroy(world: World) -> Run:
    return world.destroy()


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    shared = {"config": {"shared": ["market"]}}
    children = {
        "db": migration(),
        "cache": service(),
        "api": service(needs=["db", "cache"], **shared),
        "site": service(needs=["api"], **shared),
    }
    world = make_world("change", children, shared={"market": {"CURRENCY": "EUR"}})
    return Story(world, create, outputs, again, preview, change, share, add, rename, remove, destroy)


def edge(world: World, step: Step) -> set[str]:
    """Return the child at the other end of an edge that came or went: of it, who may call it follows, and no more."""
    written = {one.resource for one in world.writes(step.run, "api")}
    assert written <= {"networkpolicies"}
    return {"api"} if written else set()


def test_the_first_up_makes_every_child_healthy(story: Story) -> None:
    created: Step = story.step("create")
    assert {key[2] for key in created.after if key[0] == "Deployment"} == {"cache", "api", "site"}
    assert {key[1] for key in created.after if key[0] == "Job"} == {"change-db"}
    assert {key[1] for key in created.after if key[0] == "Service"} == {"change-cache", "change-api", "change-site"}


def test_the_first_up_follows_the_order_of_the_graph(story: Story) -> None:
    writes = story.world.writes(story.step("create").run)
    spans = {child: [one for one in writes if one.namespace == f"change-{child}"] for child in story.world.children}
    for need, child in (("db", "api"), ("cache", "api"), ("api", "site")):
        assert spans[need][-1].answered <= spans[child][0].received, f"{child} was touched before {need} was done"


def test_the_release_record_comes_last_and_names_every_child(story: Story) -> None:
    created: Step = story.step("create")
    last = story.world.writes(created.run)[-1]
    (name,) = created.records
    assert (last.resource, last.namespace, last.name) == ("configmaps", "change-parent", name)
    record = created.records[name]
    assert name == f"release-1-{record['digest'].removeprefix('sha256:')[:12]}"
    assert {child: each["version"] for child, each in json.loads(record["children"]).items()} == dict.fromkeys(
        ("db", "cache", "api", "site"), "1.0.0"
    )


def test_the_outputs_are_one_status_map_and_one_map_per_child(story: Story) -> None:
    outputs: dict[str, Any] = story.step("outputs")
    (record,) = story.step("create").records.values()
    status, children = outputs.pop("status"), story.world.children
    assert status == {"version": 1, "environment": "staging", "release": record["digest"], "children": outputs}
    for name, output in outputs.items():
        assert output == {
            "type": children[name]["type"],
            "team": "one",
            "version": "1.0.0",
            "namespace": f"change-{name}",
            "digest": json.loads(record["children"])[name]["digest"],
        }
    assert outputs.keys() == children.keys()


def test_every_object_says_whose_it_is(story: Story) -> None:
    for (kind, namespace, name), item in story.step("create").after.items():
        if name in {"kube-root-ca.crt", "default"}:  # the control plane's own
            continue
        labels = item["labels"]
        assert labels["app.kubernetes.io/part-of"] == "change", (kind, namespace, name)
        if namespace != "change-parent":
            assert labels["app.kubernetes.io/name"] == namespace.removeprefix("change-"), (kind, namespace, name)
            assert item["annotations"]["app-of-apps/team"] == "one", (kind, namespace, name)


def test_a_second_up_writes_nothing(story: Story) -> None:
    again: Step = story.step("again")
    assert story.world.writes(again.run) == []
    assert again.before == again.after


def test_a_preview_of_what_is_deployed_expects_no_changes_and_writes_nothing(story: Story) -> None:
    run: Run = story.step("preview")
    assert run.code == 0, run.text
    assert story.world.writes(run) == []


def test_a_changed_child_alone_is_touched_and_the_record_follows(story: Story) -> None:
    step: Step = story.step("change")
    assert story.world.touched(step.run) == {"api", RECORD}
    assert all(step.unchanged(story.world, child) for child in ("db", "cache", "site"))
    (deployment,) = [item for key, item in step.after.items() if key[:2] == ("Deployment", "change-api")]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/test/app:1.1.0"
    written = [(one.resource, one.name) for one in story.world.writes(step.run) if one.namespace == "change-parent"]
    assert written == [("configmaps", max(step.records.keys() - story.step("again").records.keys()))]


def test_the_record_of_the_release_before_stays(story: Story) -> None:
    before, after = story.step("again").records, story.step("change").records
    assert len(before) == 1
    assert before.items() < after.items()
    (new,) = after.keys() - before.keys()
    assert json.loads(after[new]["children"])["api"]["version"] == "1.1.0"


def test_shared_configuration_rolls_exactly_the_pods_of_those_who_asked(story: Story) -> None:
    step: Step = story.step("share")
    assert story.world.touched(step.run) == {"api", "site", RECORD}
    assert all(step.unchanged(story.world, child) for child in ("db", "cache"))

    def pods(objects: dict) -> dict[str, set]:
        found: dict[str, set] = {}
        for (kind, namespace, name), item in objects.items():
            if kind == "Pod" and namespace != "change-db":
                found.setdefault(namespace, set()).add(item["uid"] + name)
        return found

    before, after = pods(step.before), pods(step.after)
    assert before["change-cache"] == after["change-cache"]
    for rolled in ("change-api", "change-site"):
        assert before[rolled].isdisjoint(after[rolled])
        assert step.after["ConfigMap", rolled, "shared-market"]["data"] == {"CURRENCY": "CHF"}


def test_shared_configuration_reaches_the_dependent_last(story: Story) -> None:
    step: Step = story.step("share")
    api, site = (story.world.writes(step.run, child) for child in ("api", "site"))
    assert api[-1].answered <= site[0].received


def test_an_added_child_leaves_the_others_alone(story: Story) -> None:
    step: Step = story.step("add")
    assert story.world.touched(step.run) == {"mail", RECORD} | edge(story.world, step)
    assert all(step.unchanged(story.world, child) for child in ("db", "cache", "api", "site"))


def test_a_renamed_child_moves_to_its_own_namespace_and_nothing_of_the_old_one_stays(story: Story) -> None:
    step: Step = story.step("rename")
    assert story.world.touched(step.run) == {"mail", "post", RECORD} | edge(story.world, step)
    assert {key[1] for key in step.after if key[0] == "Deployment"} == {
        f"change-{child}" for child in ("cache", "api", "site", "post")
    }
    verbs = {child: {one.verb for one in story.world.writes(step.run, child)} for child in ("mail", "post")}
    assert verbs == {"mail": {"delete"}, "post": {"patch"}}
    assert all(step.unchanged(story.world, child) for child in ("db", "cache", "api", "site"))


def test_the_new_name_is_up_before_the_old_one_goes(story: Story) -> None:
    step: Step = story.step("rename")
    old, new = story.world.writes(step.run, "mail"), story.world.writes(step.run, "post")
    assert new[-1].answered <= old[0].received


def test_a_removed_child_goes_alone(story: Story) -> None:
    step: Step = story.step("remove")
    assert story.world.touched(step.run) == {"post", RECORD} | edge(story.world, step)
    assert {one.verb for one in story.world.writes(step.run, "post")} == {"delete"}
    assert {key[1] for key in step.after} == {f"change-{child}" for child in ("db", "cache", "api", "site", RECORD)}
    assert all(step.unchanged(story.world, child) for child in ("db", "cache", "api", "site"))


def test_a_release_that_comes_back_gets_a_record_of_its_own(story: Story) -> None:
    shared, removed = story.step("share").records, story.step("remove").records
    assert shared.items() < removed.items()
    by_number = {int(one["number"]): one["digest"] for one in removed.values()}
    assert sorted(by_number) == [1, 2, 3, 4, 5, 6]  # create, change, share, add, rename, remove
    assert by_number[6] == by_number[3]
    assert len(set(by_number.values())) == 5


def test_destroy_goes_backwards_and_finishes_a_dependent_before_it_begins_with_its_needs(story: Story) -> None:
    done: Run = story.step("destroy")
    assert done.code == 0, done.text
    gone: dict[str, Any] = {}
    for one in done.requests:
        # The namespace controller takes the last finalizer away when nothing is left in the namespace.
        if (one.resource, one.verb) == ("namespaces/finalize", "update") and one.namespace.startswith("change-"):
            gone[one.namespace] = one.answered
    for need, child in (("api", "site"), ("db", "api"), ("cache", "api")):
        begun = story.world.writes(done, need)[0].received
        assert story.world.writes(done, child)[-1].received < begun
        assert gone[f"change-{child}"] <= begun, f"{need} was touched before {child} had gone"
    assert all(one.verb == "delete" for one in story.world.writes(done))


def test_destroy_leaves_the_records_and_nothing_else(story: Story) -> None:
    kept = story.step("remove").records
    story.step("destroy")
    assert story.world.namespaces() == {RECORD}
    assert story.world.records() == kept
