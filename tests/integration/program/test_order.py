"""Slow children: a dependent waits for health at the new version, on updates too, and independent children do not.

The slow ones are held until the test lets them go, so that nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from .story import Story
from .world import HELD, Run, World, eventually, migration, service, worker

if TYPE_CHECKING:
    import subprocess

    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

SLOW = ("db", "cache", "broker")
INDEPENDENT = (*SLOW, "mail")
WAITING = ("api", "reader")


def broker(version: str) -> dict[str, Any]:
    """Return a StatefulSet as somebody else wrote it, with a pod that takes its time."""
    annotations = {f"sandbox.app-of-apps/{key}": value for key, value in HELD.items()}
    labels = {"app": "broker"}
    container = {"name": "broker", "image": f"registry.example.com/test/broker:{version}"}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "broker"},
        "spec": {"serviceName": "broker", "selector": {"matchLabels": labels}, "template": template},
    }


def create(world: World) -> Run:
    return _up(world)


def update(world: World) -> Run:
    world.versions = dict.fromkeys(("db", "cache", "api", "mail", "reader"), "2.0.0")
    world.files["existing/broker.yaml"] = broker("2.0.0")
    return _up(world)


def _up(world: World) -> Run:
    def meanwhile(process: subprocess.Popen[str]) -> None:
        for child in SLOW:
            eventually(lambda child=child: world.held(child), process)
        eventually(lambda: _version_of_ready(world, "mail") == world.versions.get("mail", "1.0.0"), process)
        # One after the other: each of them must be enough to keep its dependent waiting.
        world.release("db", process)
        eventually(lambda: all("completionTime" in job["status"] for job in world.get("jobs", "db")), process)
        world.release("cache", process)
        world.release("broker", process)

    done = world.pulumi_while(meanwhile)
    assert done.code == 0, done.text
    return done


@pytest.fixture(scope="module")
def story(make_world: MakeWorld) -> Story:
    children = {
        "db": migration(pods=HELD, deadline="3m"),
        "cache": service(pods=HELD, deadline="3m"),
        "api": service(needs=["db", "cache"]),
        "mail": worker(),
        "broker": {"type": "manifests", "team": "two", "files": ["../existing"], "deadline": "3m"},
        "reader": worker(needs=["broker"]),
    }
    world = make_world("order", children, files={"existing/broker.yaml": broker("1.0.0")})
    return Story(world, create, update)


def started(world: World, run: Run, child: str) -> dt.datetime:
    """When the program applied what the child runs."""
    kinds = {"deployments", "statefulsets", "jobs"}
    return next(one.received for one in world.writes(run, child) if one.resource in kinds and one.verb == "patch")


def touched(world: World, run: Run, child: str) -> dt.datetime:
    """When the program first wrote anything of the child."""
    return world.writes(run, child)[0].received


def _version_of_ready(world: World, child: str) -> str | None:
    """Return the version of a child whose Deployment has nothing left to do."""
    for item in world.get("deployments", child):
        status = item["status"]
        is_current = status.get("observedGeneration") == item["metadata"]["generation"]
        if is_current and status.get("updatedReplicas") == status.get("readyReplicas") == 1:
            return item["metadata"]["labels"]["app.kubernetes.io/version"]
    return None


@pytest.mark.parametrize("step", ["create", "update"])
@pytest.mark.parametrize(
    ("need", "child"),
    [
        pytest.param("db", "api", id="migration"),
        pytest.param("cache", "api", id="service"),
        pytest.param("broker", "reader", id="manifests"),
    ],
)
def test_a_dependent_is_not_touched_before_what_it_needs_is_healthy(
    story: Story, step: str, need: str, child: str
) -> None:
    world, run = story.world, story.step(step)
    assert started(world, run, need) < run.ready(f"order-{need}") <= touched(world, run, child)


def test_on_update_the_api_server_confirms_that_the_new_pod_was_ready_first(story: Story) -> None:
    world, run = story.world, story.step("update")
    (pod,) = world.get("pods", "cache")
    assert pod["spec"]["containers"][0]["image"].endswith(":2.0.0")
    (ready,) = [one for one in pod["status"]["conditions"] if one["type"] == "Ready"]
    assert ready["status"] == "True"
    # In whole seconds, rounded down.
    assert dt.datetime.fromisoformat(ready["lastTransitionTime"]) <= touched(world, run, "api")
    (job,) = world.get("jobs", "db")
    assert job["metadata"]["labels"]["app.kubernetes.io/version"] == "2.0.0"
    assert dt.datetime.fromisoformat(job["status"]["completionTime"]) <= touched(world, run, "api")


@pytest.mark.parametrize("step", ["create", "update"])
def test_independent_children_start_without_waiting_for_each_other(story: Story, step: str) -> None:
    world, run = story.world, story.step(step)
    first_ready = min(run.ready(f"order-{child}") for child in SLOW)
    assert {child for child in INDEPENDENT if started(world, run, child) < first_ready} == set(INDEPENDENT)


@pytest.mark.parametrize("step", ["create", "update"])
def test_who_needs_nobody_is_done_while_the_others_are_held(story: Story, step: str) -> None:
    world, run = story.world, story.step(step)
    assert world.writes(run, "mail")[-1].answered < min(touched(world, run, child) for child in WAITING)


def test_an_old_migration_is_pruned_when_the_new_one_is_done(story: Story) -> None:
    world, run = story.world, story.step("update")
    (deleted,) = [one for one in world.writes(run, "db") if (one.verb, one.resource) == ("delete", "jobs")]
    assert deleted.received >= run.ready("order-db")
    assert len(world.get("jobs", "db")) == 1
