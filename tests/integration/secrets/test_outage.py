"""Vault goes away in the middle of a run: the run ends within seconds, says so, and the next one mends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox import processes
from sandbox.vault_client import VaultClient

from .place import Place, child

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox

    from .conftest import MakePlace

pytestmark = pytest.mark.integration

SOON = 45.0
"""Seconds from the outage to the end of the run. On a quiet machine it is 8 to 15."""
USE = {"KEY": {"path": "outage/key", "key": "key"}}


@pytest.fixture(scope="module")
def place(make_place: MakePlace, box: Sandbox) -> Place:
    box.put_secret("staging", "outage/key", {"key": "value"})
    slow = {"args": ["--sandbox-behaviour=slow", "--sandbox-delay-seconds=6"]}
    # The first keeps the run busy; the second needs Vault when the first is done.
    return make_place(
        "outage", {"first": child("worker", **slow), "second": child("worker", dependsOn=["first"], secrets=USE)}
    )


def seal(box: Sandbox) -> None:
    with _root(box) as client:
        client.write("sys/seal", {}, method="PUT")


def stop(box: Sandbox) -> None:
    os.kill(_pid(box), signal.SIGTERM)


def freeze(box: Sandbox) -> None:
    os.kill(_pid(box), signal.SIGSTOP)


@pytest.mark.parametrize("outage", [seal, stop, freeze])
def test_the_run_ends_soon_says_so_and_the_next_one_mends_it(
    place: Place, box: Sandbox, outage: Callable[[Sandbox], None]
) -> None:
    place.write()
    frozen = _pid(box) if outage is freeze else None
    try:
        with _operation(place, "up") as run:
            _until(lambda: place.get("pods", "-n", place.namespace("first")))
            outage(box)
            began = time.monotonic()
            stdout, stderr = run.communicate(timeout=120)
            took = time.monotonic() - began
    finally:
        if frozen is not None:
            os.kill(frozen, signal.SIGCONT)
        box.up()
    assert run.returncode in {4, 5}, stdout + stderr
    assert took < SOON, f"{took:.0f} s\n{stdout}{stderr}"
    assert "Vault" in stdout + stderr, stdout + stderr
    assert not place.get("deployments", "-n", place.namespace("second"))
    mended = place.aoa("up", "staging")
    assert mended.code == 0, mended.text
    assert place.get("deployments", "-n", place.namespace("second"))
    assert place.aoa("destroy", "staging", "--yes").code == 0


def test_a_token_that_expires_in_the_middle_ends_the_run(place: Place, box: Sandbox) -> None:
    policies = _policies(box)
    with _root(box) as client:
        wanted = {"policies": policies, "ttl": "30m"}
        token = client.write("auth/token/create-orphan", wanted)["auth"]["client_token"]
        place.write()
        with _operation(place, "up", VAULT_TOKEN=token) as run:
            _until(lambda: place.get("pods", "-n", place.namespace("first")))
            client.write("auth/token/revoke", {"token": token})
            began = time.monotonic()
            stdout, stderr = run.communicate(timeout=120)
            took = time.monotonic() - began
    assert run.returncode == 5, stdout + stderr
    assert took < SOON
    assert token not in stdout + stderr
    assert "403" in stdout + stderr
    assert "permission denied" in stdout + stderr
    mended = place.aoa("up", "staging")
    assert mended.code == 0, mended.text
    assert place.aoa("destroy", "staging", "--yes").code == 0


class _operation:  # noqa: N801 - used as a function
    """Start ``aoa`` and leave it running."""

    def __init__(self, place: Place, verb: str, **variables: str) -> None:
        self._command = [sys.executable, "-m", "app_of_apps", verb, "staging"]
        self._place, self._variables = place, variables

    def __enter__(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            self._command,
            cwd=self._place.folder,
            env={**self._place.environ, **self._variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _root(box: Sandbox) -> VaultClient:
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    return VaultClient(port, json.loads((box.layout.vault / "keys.json").read_text())["root_token"])


def _policies(box: Sandbox) -> list[str]:
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    with VaultClient(port, box.layout.token("staging").read_text().strip()) as client:
        answer = client.read("auth/token/lookup-self")
    assert answer is not None
    return [name for name in answer["data"]["policies"] if name != "default"]


def _pid(box: Sandbox) -> int:
    (found,) = [process.pid for process in processes.running(box.layout.root) if process.part == "vault"]
    return found
