"""What becomes of operations when their processes die: the worker, the keeper, all at once, one of two workers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_of_apps.service.operation import Asked, State
from tests.integration.program.world import service, worker
from tests.integration.service.conftest import make_world, serving
from tests.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox import Sandbox
    from tests.integration.approval.gated import Gated
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration

SLOW = {"behaviour": "slow", "delay-seconds": "6"}


@pytest.fixture(scope="module")
def world(box: Sandbox, area: Path) -> Gated:
    return make_world(box, area, "killed")


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'service.db'}"


def slow(world: Gated, version: str) -> None:
    """Have the next update take a while."""
    world.children = {"db": worker(pods=SLOW), "site": service(needs=["db"], pods=SLOW)}
    world.versions = {"db": version, "site": version}
    world.commit()


def processes(folder: Path, *words: str) -> list[int]:
    """Return the processes that work in a project's folder and have these words in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            here = (entry / "cwd").readlink() == folder.resolve()
        except OSError:
            continue
        if here and all(word in command for word in words):
            found.append(int(entry.name))
    return found


def begun(served: Served) -> str:
    """Begin an update and return its id as soon as its first child is waited for."""
    with served.client() as client:
        operation = client.begin("staging", Asked(operation="up"))
        for _, kind, data in client.events(operation.id):
            if kind == "child" and data["child"] == "db" and "Deployment" in data["text"]:
                return operation.id
    raise AssertionError(operation.id)


def eventually(condition: Callable[[], bool], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def attempts(world: Gated) -> Iterator[dict]:
    yield from json.loads(world.program("history", "staging", "--output", "json").stdout)["attempts"]


def test_an_operation_outlives_the_worker_that_began_it(world: Gated, port: int, database: str) -> None:
    slow(world, "1.0.1")
    with serving(world, port, database=database) as first:
        identity = begun(first)
        first.process.kill()
        first.process.wait()
        assert processes(world.folder, "service.keeper")
        with serving(world, port + 1, database=database) as second, second.client() as client:
            ended = client.wait(identity)
            assert ended.state is State.SUCCEEDED, ended.message
            assert ended.attempt == 1
            again = client.wait(client.begin("staging", Asked(operation="preview")).id)
            assert again.state is State.SUCCEEDED, "the queue goes on"
    assert [one["result"] for one in attempts(world)] == ["succeeded"]


def test_an_operation_whose_keeper_dies_is_run_again(world: Gated, port: int, database: str) -> None:
    slow(world, "1.0.2")
    with serving(world, port, database=database) as served, served.client() as client:
        identity = begun(served)
        (keeper,) = processes(world.folder, "service.keeper")
        os.kill(keeper, signal.SIGKILL)
        ended = client.wait(identity)
        assert ended.state is State.SUCCEEDED, ended.message
        assert ended.attempt == 2


def test_after_a_crash_of_the_machine_the_next_one_goes_on(world: Gated, port: int, database: str) -> None:
    slow(world, "1.0.3")
    with serving(world, port, database=database) as first:
        identity = begun(first)
        first.process.kill()
        for number in processes(world.folder):
            os.kill(number, signal.SIGKILL)
        first.process.wait()
    with serving(world, port + 1, database=database) as second, second.client() as client:
        ended = client.wait(identity)
        assert ended.state is State.SUCCEEDED, ended.message
        assert ended.attempt == 2


def test_a_cancelled_update_ends_what_it_has_begun_and_can_go_on(world: Gated, port: int, database: str) -> None:
    slow(world, "1.0.4")
    with serving(world, port, database=database) as served, served.client() as client:
        identity = begun(served)
        client.cancel(identity)
        ended = client.wait(identity)
        assert ended.state is State.INTERRUPTED, ended.message
        assert ended.exit_code == 130
        assert client.wait(client.begin("staging", Asked(operation="up")).id).state is State.SUCCEEDED


def test_two_workers_on_one_postgresql_share_the_work_and_one_survives(world: Gated, port: int) -> None:
    slow(world, "1.0.5")
    with postgres() as server, ExitStack() as stack:
        url = server.url("service")
        one = stack.enter_context(serving(world, port, database=url))
        two = stack.enter_context(serving(world, port + 1, database=url))
        identity = begun(one)
        with two.client() as client:
            waiting = [client.begin("staging", Asked(operation="preview")).id for _ in range(3)]
            assert client.operation(waiting[0]).state is State.QUEUED
            one.process.kill()
            one.process.wait()
            for number in processes(world.folder, "service.keeper"):
                os.kill(number, signal.SIGKILL)
            found = [client.wait(number) for number in (identity, *waiting)]
        assert [each.state for each in found] == [State.SUCCEEDED] * 4, [each.message for each in found]
        for before, after in itertools.pairwise(found[1:]):
            assert before.ended <= after.started
        # The database goes away for a while and comes back: what runs goes on, and the service too.
        with two.client() as client:
            server.stop()
            eventually(lambda: client._client.get("/readyz").status_code == 503)
            server.start()
            eventually(lambda: client._client.get("/readyz").status_code == 200)
            ended = client.wait(client.begin("staging", Asked(operation="preview")).id)
            assert ended.state is State.SUCCEEDED, ended.message
