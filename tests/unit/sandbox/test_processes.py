from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox import processes
from sandbox.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRON = {"PATH": os.defpath}
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.stop(tmp_path, processes.running(tmp_path), grace=0)
    assert processes.running(tmp_path) == []


def start(root: Path, part: str, argv: list[str] = SLEEPER, spec: str = "s") -> int:
    child = processes.start(root, part, argv, environ=ENVIRON, spec=spec, cwd=root, log=root / "logs/x.log")
    return child.pid


def test_a_part_is_found_by_the_mark_in_its_environment(root: Path) -> None:
    pid = start(root, "staging/etcd", spec="abc")
    (found,) = processes.running(root)
    assert (found.pid, found.part, found.spec) == (pid, "staging/etcd", "abc")
    assert 0 <= found.uptime < 30
    assert found.memory > 0


def test_parts_of_another_sandbox_are_not_seen(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    start(root, "vault")
    assert processes.running(tmp_path_factory.mktemp("other")) == []
    assert processes.running(root.parent) == []
    longer = root.with_name(root.name + "0")
    assert processes.running(longer) == []


def test_a_killed_part_is_no_longer_found_even_before_it_is_reaped(root: Path) -> None:
    pid = start(root, "vault")
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while processes.running(root):
        assert time.monotonic() < deadline


def test_stop_asks_first_and_kills_what_does_not_end(root: Path) -> None:
    start(root, "polite")
    start(root, "stubborn", STUBBORN)
    log = root / "logs/x.log"
    while "ready" not in log.read_text():
        time.sleep(0.01)
    killed = processes.stop(root, processes.running(root), grace=0.3)
    assert [process.part for process in killed] == ["stubborn"]
    assert processes.running(root) == []


def test_a_pid_that_was_recycled_is_not_touched(root: Path) -> None:
    pid = start(root, "innocent")
    (innocent,) = processes.running(root)
    # What a stale list would say: this pid was a part that has ended, and somebody else has got the number.
    stale = processes.Process(pid, "vault", "s", innocent.started - 100)
    assert processes.stop(root, [stale], grace=0.2) == [stale]


def test_a_part_outlives_its_terminal(root: Path) -> None:
    pid = start(root, "vault")
    assert os.getsid(pid) == pid


def test_a_missing_program_is_an_error_that_names_it(root: Path) -> None:
    with pytest.raises(MissingToolError, match="cannot start vault: /no/such/vault: No such file"):
        start(root, "vault", ["/no/such/vault"])


def test_a_long_log_is_put_aside(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LOG_LIMIT", 10)
    log = root / "logs/x.log"
    log.parent.mkdir()
    log.write_text("a" * 11)
    start(root, "vault")
    assert (root / "logs/x.log.1").read_text() == "a" * 11
    assert "a" not in log.read_text()
