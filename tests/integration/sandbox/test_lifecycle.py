"""Up, down, repair: what the sandbox promises after whatever happened to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sandbox import Sandbox
from sandbox.files import read_json
from sandbox.parts import Outcome

from .conftest import command, get, kubectl, make_project, pids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

PARTS = {
    "vault",
    "issuer",
    *(
        f"{env}/{name}"
        for env in ("staging", "prod")
        for name in (
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok-controller",
            "vault-secrets-operator",
        )
    ),
}


def unhealthy(box: Sandbox) -> list[str]:
    return [f"{line.name}: {line.health} {line.detail}" for line in box.status() if line.health != "healthy"]


def remember(box: Sandbox, value: str) -> None:
    """Leave a mark in each store."""
    kubectl(box, "staging", "create", "configmap", value, "-n", "default")
    box.put_secret("staging", "test/kept", {value: "x"})


def remembered(box: Sandbox, value: str) -> bool:
    get(box, "staging", "configmap", value, "-n", "default")
    subkeys = subprocess.run(
        ["vault", "read", "-field=subkeys", "kv-staging/subkeys/test/kept"],
        env=box.environment("staging"),
        capture_output=True,
        text=True,
        check=True,
    )
    return value in subkeys.stdout


def test_everything_is_healthy_after_up(box: Sandbox) -> None:
    box.up()
    assert {line.name for line in box.status()} == PARTS == set(pids(box))
    assert unhealthy(box) == []


def test_a_second_up_changes_nothing_and_is_quick(box: Sandbox) -> None:
    box.up()
    before = pids(box)
    report = box.up()
    assert set(report.outcomes.values()) == {Outcome.RUNNING}
    assert report.notes == []
    assert pids(box) == before
    # The shortest of three: other work on the machine is not what is measured.
    assert min(report.seconds, box.up().seconds, box.up().seconds) < 1.5


@pytest.mark.parametrize(
    "part",
    ["vault", "staging/etcd", "prod/kube-apiserver", "staging/kwok-controller", "prod/vault-secrets-operator"],
)
def test_a_killed_part_is_started_again_and_the_next_up_says_so(box: Sandbox, part: str) -> None:
    box.up()
    before = pids(box)
    os.kill(before[part], signal.SIGKILL)
    while part in pids(box):
        time.sleep(0.01)
    stopped = [line.name for line in box.status() if line.health == "stopped"]
    assert stopped == [part]
    done = subprocess.run(command(box, "up"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{part}: had died: started again" in done.stderr
    assert f"repaired: {part}\n" in done.stderr
    after = pids(box)
    assert {name for name in PARTS if before[name] != after[name]} == {part}
    assert unhealthy(box) == []


def test_a_part_that_hangs_is_replaced(box: Sandbox) -> None:
    box.up()
    before = pids(box)["staging/kube-scheduler"]
    os.kill(before, signal.SIGSTOP)
    report = box.up()
    assert report.outcomes["staging/kube-scheduler"] is Outcome.REPLACED
    assert report.repaired == ["staging/kube-scheduler"]
    assert pids(box)["staging/kube-scheduler"] != before
    assert unhealthy(box) == []


def test_data_survives_everything_being_killed_at_once(box: Sandbox) -> None:
    box.up()
    remember(box, "before-reboot")
    for pid in pids(box).values():
        os.kill(pid, signal.SIGKILL)
    report = box.up()
    assert set(report.repaired) == PARTS
    assert unhealthy(box) == []
    assert remembered(box, "before-reboot")


def test_down_leaves_no_process_and_up_brings_the_data_back(box: Sandbox) -> None:
    box.up()
    remember(box, "before-down")
    identity = box.layout.overlay.joinpath("staging.yaml").read_text()
    assert set(box.down()) == PARTS
    assert pids(box) == {}
    assert {line.health for line in box.status()} == {"stopped"}
    assert box.down() == []
    report = box.up()
    assert report.repaired == []
    assert set(report.outcomes.values()) == {Outcome.STARTED}
    assert remembered(box, "before-down")
    assert box.layout.overlay.joinpath("staging.yaml").read_text() == identity


def test_a_port_that_somebody_took_is_given_up(box: Sandbox) -> None:
    box.up()
    remember(box, "before-move")
    ports = read_json(box.layout.root / "ports.json")
    taken = ("vault", "vault-raft", "staging/kube-apiserver", "staging/etcd", "staging/etcd-peer")
    box.down()
    strangers = []
    try:
        for name in taken:
            stranger = socket.create_server(("127.0.0.1", ports[name]))
            strangers.append(stranger)
        report = box.up()
    finally:
        for stranger in strangers:
            stranger.close()
    assert sorted(note.split(":")[0] for note in report.notes if "port was taken" in note) == sorted(taken)
    assert unhealthy(box) == []
    assert remembered(box, "before-move")
    assert box.up().notes == []


def test_two_ups_at_once_make_one_sandbox(box: Sandbox) -> None:
    box.down()
    both = [subprocess.Popen(command(box, "up"), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("waiting for another sandbox command" in text for text in errors) == 1
    assert set(pids(box)) == PARTS
    assert unhealthy(box) == []


def test_a_refused_part_is_an_error_with_its_log(box: Sandbox) -> None:
    box.down()
    pem = box.layout.pki("staging") / "sa.pub"
    good = pem.read_text()
    pem.write_text("nonsense\n")
    try:
        done = subprocess.run(command(box, "up"), capture_output=True, text=True, check=False)
        assert done.returncode == 4
        assert "error: staging/kube-apiserver ended with code" in done.stderr
        assert str(box.layout.log("staging/kube-apiserver")) in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        pem.write_text(good)
    box.up()
    assert unhealthy(box) == []


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Sandbox]:
    result = Sandbox(tmp_path / "second", project=make_project(tmp_path / "project"))
    try:
        yield result
    finally:
        result.reset()


def test_sandboxes_of_several_checkouts_run_side_by_side(box: Sandbox, second: Sandbox) -> None:
    box.down()
    with ThreadPoolExecutor() as pool:
        list(pool.map(Sandbox.up, (box, second)))
    assert unhealthy(box) == unhealthy(second) == []
    ports = [read_json(each.layout.root / "ports.json").values() for each in (box, second)]
    assert not set(ports[0]) & set(ports[1])
    first = pids(box)
    second.reset()
    assert pids(box) == first
    assert unhealthy(box) == []


@pytest.mark.parametrize("seconds", [0.25, 0.6, 1.2, 2.5, 4.0])
def test_an_up_that_was_killed_is_finished_by_the_next(second: Sandbox, seconds: float) -> None:
    victim = subprocess.Popen(command(second, "up"), stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    victim.kill()
    victim.wait()
    second.up()
    assert set(pids(second)) == PARTS
    assert unhealthy(second) == []
    assert second.environment("staging")["VAULT_TOKEN"]
    assert second.down()
    assert pids(second) == {}


def test_reset_refuses_a_folder_that_is_no_sandbox(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(command(Sandbox(tmp_path), "reset"), capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "does not look like a sandbox" in done.stderr
    assert (tmp_path / "thesis.txt").exists()
