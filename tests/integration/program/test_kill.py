"""`aoa up` killed at any moment: one more `aoa up`, and everything is as declared, once, and nothing else is there.

The moments are drawn from a seed that is printed. AOA_TEST_KILLS and AOA_TEST_SEED choose others.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .killing import PREVIEW, UP, Victim, attempts, killed, kinds, locks, problems
from .world import HELD, Run, World, eventually, migration, service, worker

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("AOA_TEST_KILLS", "50"))
SEED = int(os.environ.get("AOA_TEST_SEED", "20261124"))
UNAVAILABLE, INTERRUPTED = 4, 130

# Every process of the run at once, as when the machine loses power, is what happens most; the others one in ten each.
VICTIMS = (*["all"] * 4, "aoa", "engine", "program", "language host", "kubernetes provider", "vault provider")
# What the files say when it is killed: everything new, one child more, one less, or something that is taken back before
# the next run.
CHANGES = ("versions", "add", "versions", "remove", "back", "add and drop")


_numbers = itertools.count(1)


@pytest.fixture
def world(make_world: MakeWorld, box: Sandbox) -> World:
    box.put_secret("staging", "killed/api", {"token": "of no use"})
    secret = {"API_TOKEN": {"path": "killed/api", "key": "token"}}
    children = {"db": migration(), "api": service(needs=["db"], secrets=secret), "mail": service(needs=["db"])}
    return make_world(f"killed{next(_numbers)}", children)


def roll(world: World, version: str) -> None:
    for child in ("db", "api", "mail"):
        world.versions[child] = version


def change(world: World, what: str, number: int) -> None:
    """Change the files before a run that will be killed."""
    if what in {"versions", "back"}:
        roll(world, f"1.{number}.0")
    elif what in {"add", "add and drop"}:
        secret = {"TAIL_TOKEN": {"path": "killed/api", "key": "token"}}
        world.children["tail"] = worker(needs=["mail"], secrets=secret)
    else:
        world.children.pop("tail", None)


def take_back(world: World, what: str, before: dict[str, str]) -> None:
    """Change the files between the killed run and the next one."""
    if what == "back":
        world.versions = before
    elif what == "add and drop":
        world.children.pop("tail", None)


def test_every_kill_is_followed_by_one_run_that_puts_everything_right(world: World) -> None:
    chance = random.Random(SEED)  # noqa: S311 - which moments, not a secret
    print(f"\nseed {SEED}")  # noqa: T201 - for whoever wants to see it again
    count, number, seconds, listed = 0, 0, 8.0, ""
    while count < KILLS:
        number += 1
        what, victim = CHANGES[number % len(CHANGES)], chance.choice(VICTIMS)
        before, after = dict(world.versions), chance.uniform(0.2, seconds)
        # The first ones are killed while everything is created for the first time.
        if number > 1:
            change(world, what, number)
        hit = killed(world, victim, after)
        if number > 1:
            take_back(world, what, before)
        done = world.aoa("up", "staging")
        told = f"kill {count + 1} ({what}): {victim} after {after:.2f} s of about {seconds:.1f} s"
        print(told, "" if hit else "- it was done before", f"- then {done.seconds:.1f} s")  # noqa: T201
        listed = listed or kinds(world)
        assert done.code == 0, f"{told}\n{hit}\n{done.text}"
        assert problems(world, listed) == [], f"{told}\n{hit}\n{done.text}"
        count += hit is not None
        seconds = done.seconds if hit and after < seconds / 2 else seconds
        if number % 10 == 0 or count == KILLS:
            look = world.pulumi(*PREVIEW)
            assert look.code == 0, f"{told}\n{look.text}"
    results = Counter(attempts(world).values())
    print(f"attempts in the chain of evidence: {dict(results)}")  # noqa: T201
    assert results["killed"] > 0


@dataclass(frozen=True, slots=True)
class Beside:
    """A run, and a second one that was tried meanwhile."""

    second: Run
    locks: int
    first: int
    text: str


def test_a_second_run_beside_one_that_lives_is_refused_and_names_it(world: World) -> None:
    world.children = {"api": service(pods=HELD)}
    with world.started(*UP) as first:
        eventually(lambda: world.held("api") if locks(world) else None, first)
        second = world.aoa("up", "staging")
        assert first.poll() is None
        assert second.code == UNAVAILABLE, second.text
        assert "the stack is locked by " in second.text
        assert "Nothing was touched" in second.text
        assert world.writes(second) == []
        engine = next(one for one, _ in Victim(first).descendants() if one.name == "pulumi")
        assert f"(process {engine.pid}, since" in second.text
        world.release("api", first)
        text, _ = first.communicate(timeout=60)
    assert first.returncode == 0, text
    assert locks(world) == []


def test_two_interruptions_leave_nothing_that_the_next_run_does_not_mend(world: World) -> None:
    world.children = {"api": service(pods=HELD)}
    with world.started(*UP) as process:
        eventually(lambda: world.held("api"), process)
        process.send_signal(signal.SIGINT)
        eventually(lambda: "Interrupted" in (process.stdout.readline() if process.stdout else ""), process)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, text
    world.children = {"api": service()}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert problems(world, kinds(world)) == []


def test_an_update_that_was_killed_and_taken_back_is_undone_in_the_cluster(world: World) -> None:
    world.children = {"api": service()}
    assert world.aoa("up", "staging").code == 0
    world.children = {"api": service(pods=HELD)}
    with world.started(*UP) as process:
        eventually(lambda: world.held("api"), process)
        Victim(process).kill("all")
        process.wait()
    world.children = {"api": service()}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert "what it had begun is settled in the state" in done.text
    assert problems(world, kinds(world)) == []


def test_half_of_a_file_beside_the_state_stops_the_engine_and_not_us(world: World) -> None:
    """The engine's file store writes it in two steps; one kill of some hundreds comes between them."""
    world.children = {"api": service()}
    assert world.aoa("up", "staging").code == 0
    attributes = world.box.layout.state / f".pulumi/stacks/{world.name}/staging.json.attrs"
    for verb in ("preview", "up"):
        assert attributes.exists()
        attributes.write_text("")
        plain = world.pulumi(*PREVIEW)
        assert plain.code != 0
        assert "failed to load checkpoint: EOF" in plain.text
        done = world.aoa(verb, "staging")
        assert done.code == 0, done.text
        assert attributes.exists() == (verb == "up")
        if verb == "preview":
            assert world.aoa("up", "staging").code == 0


def test_a_migration_that_was_killed_and_taken_back_leaves_no_job(world: World) -> None:
    world.children = {"db": migration()}
    assert world.aoa("up", "staging").code == 0
    world.versions["db"] = "2.0.0"
    world.children = {"db": migration(pods=HELD, deadline="5m")}
    with world.started(*UP) as process:
        names = eventually(lambda: world.held("db"), process)
        Victim(process).kill("all")
        process.wait()
        world.kubectl("annotate", "pods", "-n", world.namespace("db"), *names, "sandbox.app-of-apps/behaviour-")
    eventually(lambda: not [job for job in world.get("jobs", "db") if job["status"].get("active")])
    assert len(world.get("jobs", "db")) == 2
    world.versions["db"] = "1.0.0"
    world.children = {"db": migration()}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert "was created by it and is declared no longer: it is removed" in done.text
    assert problems(world, kinds(world)) == []


def test_an_engine_that_was_killed_alone_leaves_a_lock_that_the_next_run_takes_over(world: World) -> None:
    world.children = {"api": service(pods=HELD)}
    with world.started(*UP) as process:
        eventually(lambda: world.held("api"), process)
        assert Victim(process).kill("engine")
        text, _ = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, text
    assert "was INTERRUPTED" in text
    world.children = {"api": service()}
    done = world.aoa("up", "staging")
    assert done.code == 0, done.text
    assert "because that process is dead" in done.text
    assert problems(world, kinds(world)) == []
