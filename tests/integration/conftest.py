"""One sandbox for all integration tests of the program; processes, ports and files are gone afterwards."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from xdist.scheduler import LoadScopeScheduling

from sandbox import Sandbox, processes
from sandbox.layout import CHECKOUT

from .cleaner import strays
from .groups import forget_groups
from .program.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xdist.remote import Producer

    MakeWorld = Callable[..., World]

_RUNNING: list[Sandbox] = []
HERE = Path(__file__).parent
POD_BEHAVIOUR = HERE / "program" / "pod-behaviour.yaml"
# Where the folders, in order, are halved: both halves take about as long.
_SECOND_HALF = "program"


@pytest.fixture(scope="session")
def area() -> Iterator[Path]:
    """A folder for the session, removed at its end with the sandbox in it, even when the session is killed."""
    folder = Path(tempfile.mkdtemp(prefix="app-of-apps-test-")).resolve()
    command = [sys.executable, "-m", "tests.integration.cleaner", str(folder)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, start_new_session=True) as cleaner:
        previous = signal.signal(signal.SIGTERM, _as_interruption)
        try:
            yield folder
            assert _none_left(folder), f"processes outlived their tests: {strays(folder / 'box')}"
        finally:
            signal.signal(signal.SIGTERM, previous)
            assert cleaner.stdin
            cleaner.stdin.close()
            cleaner.wait(timeout=60)
    assert not folder.exists()


@pytest.fixture(scope="session")
def box(area: Path, checkout: Path) -> Iterator[Sandbox]:
    """A running sandbox whose project is a copy of this checkout, brought up by that copy's own command."""
    result = Sandbox(area / "box", project=checkout)
    command = [sys.executable, "-m", "sandbox", "--dir", str(result.layout.root), "up"]
    try:
        up = subprocess.run(command, cwd=checkout, stderr=subprocess.PIPE, text=True, check=False)
        assert up.returncode == 0, up.stderr
        _steer_pods(result)
        _RUNNING.append(result)
        yield result
    finally:
        _RUNNING.clear()
        result.reset()
    assert processes.running(result.layout.root) == []


@pytest.fixture(scope="session")
def make_world(box: Sandbox, area: Path) -> MakeWorld:
    """Return the maker of parents; each gets a project folder and a stack of its own."""
    numbers = itertools.count(1)

    def make(name: str, children: dict, **more: object) -> World:
        return World(box, area / "projects" / f"{next(numbers)}-{name}", name, children, **more)

    return make


@pytest.fixture(scope="session")
def checkout(area: Path) -> Path:
    """A copy of this checkout as it stands, with a git history of its own and the same virtual environment."""
    copy = area / "checkout"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (source := CHECKOUT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(source.read_bytes())
    (copy / ".venv").symlink_to(sys.prefix)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "--all", "."], [*identity, "commit", "-q", "-m", "Copy"]):
        subprocess.run(["git", *arguments], cwd=copy, check=True)
    with (copy / ".git/info/exclude").open("a") as excluded:
        excluded.write(".venv\n")
    return copy


class Halves(LoadScopeScheduling):
    """Two workers, each with a sandbox of its own, a half of the folders and the order that one worker would have."""

    def _split_scope(self, nodeid: str) -> str:
        folder = Path(nodeid.partition("::")[0]).relative_to(HERE.relative_to(CHECKOUT)).parts[0]
        return "first" if folder < _SECOND_HALF else "second"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Halves:
    """Have the folders halved; the groups that xdist knows of its own are not heeded with pytest 9.2."""
    return Halves(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Let the parents of the next folder have the identity provider's groups: Vault knows one alias for each."""
    yield  # what the fixtures of this folder take down may need its groups
    if nextitem is not None and nextitem.path.parent != item.path.parent:
        for one in _RUNNING:
            forget_groups(one)


def _none_left(folder: Path) -> bool:
    """Whether no process has the sandbox's environment any more; the last ones may need a moment to end."""
    deadline = time.monotonic() + 10
    while strays(folder / "box"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _as_interruption(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _steer_pods(box: Sandbox) -> None:
    """Let arguments of a container steer its pod, and wait until the API server does so."""
    environ = box.environment("staging")
    subprocess.run(["kubectl", "apply", "-f", str(POD_BEHAVIOUR)], env=environ, capture_output=True, check=True)
    probe = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": "kube-public"},
        "spec": {"containers": [{"name": "main", "image": "x", "args": ["--sandbox-behaviour=slow"]}]},
    }
    command = ["kubectl", "create", "--dry-run=server", "-o", "json", "-f", "-"]
    deadline = time.monotonic() + 30
    while True:
        done = subprocess.run(
            command, env=environ, input=json.dumps(probe), capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and "sandbox.app-of-apps/behaviour" in done.stdout:
            return
        assert time.monotonic() < deadline, done.stderr or "the API server does not apply the admission policy"
        time.sleep(0.1)
