"""How a preview is begun before it is known what it is about. The engine is a script, as in test_engine."""

from __future__ import annotations

import os
import signal
import time

import pytest

from app_of_apps.deploy.ahead import Ahead
from app_of_apps.deploy.engine import EngineFailed
from app_of_apps.deploy.interruptions import interruptions
from app_of_apps.errors import Unavailable

HEAD = '#!/bin/sh\nif [ "$1" = version ]; then echo v3.259.0; exit 0; fi\n'


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Put a `pulumi` of our own first on PATH; return a function that writes it and begins a preview."""

    def make(body: str) -> Ahead:
        script = tmp_path / "pulumi"
        script.write_text(HEAD + body)
        script.chmod(0o755)
        return Ahead(tmp_path, "staging", {"parallel": 3})

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return make


def eventually(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_engine_runs_before_anybody_takes_it_up(tmp_path, begin):
    log = tmp_path / "calls"
    ahead = begin(f'echo "$@" > {log}.part; mv {log}.part {log}; exit 1\n')
    eventually(log.exists)
    with pytest.raises(EngineFailed):
        ahead.run("preview", lambda _: None)
    assert " preview " in log.read_text()
    assert "--parallel 3" in log.read_text()


def test_a_failure_is_raised_by_whoever_takes_it_up(begin):
    ahead = begin("echo no; exit 1\n")
    with pytest.raises(EngineFailed, match="no"):
        ahead.run("preview", lambda _: None)


def test_a_missing_engine_is_raised_by_whoever_takes_it_up(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    ahead = Ahead(tmp_path, "staging")
    with pytest.raises(Unavailable, match="`pulumi` is not on PATH"):
        ahead.run("preview", lambda _: None)


@pytest.mark.parametrize("started", [True, False])
def test_what_is_abandoned_ends(tmp_path, begin, started):
    ready = tmp_path / "ready"
    ahead = begin(f"trap 'exit 1' INT\ntouch {ready}\nwhile :; do sleep 0.05; done\n")
    if started:
        eventually(ready.exists)
    ahead.abandon()
    assert not ahead._thread.is_alive()


def test_signals_are_collected_and_handed_over():
    with interruptions() as first:
        os.kill(os.getpid(), signal.SIGTERM)
        with interruptions(first) as second:
            os.kill(os.getpid(), signal.SIGINT)
            assert list(second) == [signal.SIGTERM, signal.SIGINT]
        assert list(first) == [signal.SIGTERM]


def test_the_signal_of_a_given_number_is_an_interruption():
    with interruptions(most=2) as came:
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert len(came) == 2
