"""A lock of the engine is removed if, and only if, its holder is dead."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_of_apps.deploy import locks
from app_of_apps.deploy.backend import checkpoint, locks_folder, mend_attributes
from app_of_apps.deploy.locks import FRONT_VARIABLE, front_variable, held_by, recover_locks
from app_of_apps.deploy.processes import process
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


class Place:
    """A project whose state is in a folder, and what recovering its locks says."""

    def __init__(self, root: Path) -> None:
        self.project = root / "project"
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        self.environ = {"PULUMI_BACKEND_URL": f"file://{root}/state"}
        self.folder = root / "state/.pulumi/locks/organization/shop/staging"
        self.folder.mkdir(parents=True)
        self.said: list[str] = []

    def lock(self, pid: int, *, host: str | None = None, since: datetime | None = None) -> Path:
        """Write a lock as the engine does: nanoseconds and a zone."""
        when = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"
        said = {"pid": pid, "username": "ada", "hostname": host or socket.gethostname(), "timestamp": when}
        file = self.folder / f"{pid}-{len(list(self.folder.iterdir()))}.json"
        file.write_text(json.dumps(said))
        return file

    def recover(self, patience: float = 10.0) -> None:
        recover_locks(self.project, "staging", self.environ, self.said.append, patience=patience)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    begun: list[subprocess.Popen[bytes]] = []

    def run(command: list[str] = SLEEP, **more: object) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen(command, **more))  # type: ignore[call-overload]
        return begun[-1]

    yield run
    for one in begun:
        one.kill()
        one.communicate()


def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    return ended.pid


def test_a_lock_whose_holder_is_dead_is_removed_and_told(place: Place) -> None:
    file = place.lock(dead())
    place.recover()
    assert not file.exists()
    assert "The lock of ada on" in place.said[0]
    assert "is removed, because that process is dead" in place.said[0]


def test_a_holder_that_is_a_zombie_is_dead(place: Place) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        file = place.lock(ended.pid)
        place.recover()
    assert not file.exists()


def test_a_lock_whose_holder_runs_stays_and_the_holder_is_named(place: Place, start) -> None:
    holder = start()
    file = place.lock(holder.pid)
    with pytest.raises(Unavailable, match=rf"locked by ada on .* \(process {holder.pid}, since .* UTC\). Nothing was"):
        place.recover()
    assert file.exists()
    assert holder.poll() is None


def test_one_holder_alive_keeps_the_stack_locked_whoever_else_is_dead(place: Place, start) -> None:
    place.lock(dead())
    living = place.lock(start().pid)
    with pytest.raises(Unavailable):
        place.recover()
    assert living.exists()


def test_a_lock_of_another_host_stays(place: Place) -> None:
    file = place.lock(dead(), host="elsewhere")
    with pytest.raises(Unavailable, match="whether it still runs can be seen on that host only"):
        place.recover()
    assert file.exists()


def test_a_number_that_another_process_has_by_now_is_no_holder(place: Place, start) -> None:
    file = place.lock(start().pid, since=datetime.now(UTC) - timedelta(minutes=5))
    place.recover()
    assert not file.exists()


def test_an_engine_is_taken_for_the_holder_even_when_the_clock_was_set(place: Place, start, tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text("#!/bin/sh\nread _\n")
    engine.chmod(0o755)
    running = start([str(engine)], stdin=subprocess.PIPE)
    file = place.lock(running.pid, since=datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(Unavailable):
        place.recover()
    assert file.exists()


def test_a_lock_that_was_being_written_is_removed(place: Place) -> None:
    half = place.folder / "0b7e.json.18a2.tmp"
    half.write_text("")
    place.recover()
    assert not half.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "hostname": "h", "username": "u", "timestamp": "t"}'])
def test_a_lock_that_cannot_be_read_stays(place: Place, text: str) -> None:
    file = place.folder / "strange.json"
    file.write_text(text)
    with pytest.raises(Unavailable, match="nobody knows who holds it"):
        place.recover()
    assert file.exists()


def test_an_engine_whose_aoa_is_dead_is_asked_to_end_and_its_lock_removed(place: Place, start) -> None:
    orphan = start(env={**os.environ, FRONT_VARIABLE: f"{dead()}:12345"})
    file = place.lock(orphan.pid)
    place.recover()
    assert orphan.wait(timeout=5) == -signal.SIGINT
    assert not file.exists()
    assert "goes on with nobody to report to" in place.said[0]


def test_an_engine_that_does_not_end_keeps_its_lock(place: Place, start) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    gone = {**os.environ, FRONT_VARIABLE: f"{dead()}:12345"}
    orphan = start([sys.executable, "-c", deaf], env=gone, stdout=subprocess.PIPE)
    orphan.stdout.readline()
    file = place.lock(orphan.pid)
    with pytest.raises(Unavailable):
        place.recover(patience=0.3)
    assert file.exists()


def test_an_engine_whose_aoa_lives_is_left_alone(place: Place, start) -> None:
    holder = start(env={**os.environ, **front_variable()})
    file = place.lock(holder.pid)
    with pytest.raises(Unavailable):
        place.recover()
    assert file.exists()
    assert holder.poll() is None


def test_what_a_dead_engine_has_left_running_ends_with_its_lock(place: Place, start) -> None:
    code = (
        "import subprocess, sys, os; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
        "preexec_fn=os.setpgrp); print(child.pid, flush=True)"
    )
    environ = {**os.environ, FRONT_VARIABLE: "1:1"}
    engine = start([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, start_new_session=True)
    left = int(engine.stdout.readline())
    engine.wait()
    assert process(left) is not None
    place.lock(engine.pid)
    place.recover()
    deadline = time.monotonic() + 5
    while process(left) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process(left) is None


def test_nothing_is_done_where_there_is_no_lock(place: Place) -> None:
    place.recover()
    place.folder.rmdir()
    place.recover()
    assert place.said == []


def test_state_that_is_not_in_files_is_left_to_the_engine(place: Place) -> None:
    place.environ["PULUMI_BACKEND_URL"] = "s3://bucket"
    place.lock(dead())
    place.recover()
    assert place.said == []


def test_the_backend_is_found_as_the_engine_finds_it(place: Place, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "credentials.json").write_text('{"current": "file:///from/login"}')
    ending = ".pulumi/locks/organization/shop/staging"
    logged_in = {"PULUMI_HOME": str(home)}
    assert locks_folder(place.project, "staging", logged_in) == Path("/from/login", ending)
    (place.project / "Pulumi.yaml").write_text("name: shop\nruntime: python\nbackend: {url: 'file://./here?x=1'}\n")
    assert locks_folder(place.project, "staging", logged_in) == (place.project / "here" / ending).resolve()
    assert locks_folder(place.project, "staging", {"PULUMI_BACKEND_URL": "file://~"}) == Path.home() / ending
    assert checkpoint(place.project, "staging", logged_in).name == "staging.json"


def test_the_engines_words_about_a_lock_name_the_holder() -> None:
    said = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        "lock file with `pulumi cancel`.\n  s3://b/x.json: created by ada@ci-7 (pid 42) at 2026-01-02T03:04:05Z\n"
    )
    assert held_by(said) == "ada@ci-7 (pid 42) at 2026-01-02T03:04:05Z"
    assert held_by("error: something else") == ""


def test_this_process_can_be_told_from_a_later_one_of_its_number() -> None:
    pid, _, start = front_variable()[locks.FRONT_VARIABLE].partition(":")
    assert int(pid) == os.getpid()
    assert start == process(os.getpid()).start


@pytest.mark.parametrize("torn", [b"", b'{"user.cache_control":', b"\xff\xfe"])
def test_half_of_a_sidecar_is_removed_and_a_whole_one_stays(tmp_path: Path, torn: bytes) -> None:
    state, whole = tmp_path / "staging.json", tmp_path / "staging.json.bak.attrs"
    (tmp_path / "staging.json.attrs").write_bytes(torn)
    whole.write_text('{"user.content_type": "application/json"}')
    state.write_text("{}")
    mend_attributes(state)
    mend_attributes(None)
    assert sorted(tmp_path.iterdir()) == [state, whole]
