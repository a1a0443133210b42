"""How the engine is started, followed and stopped.

The engine here is a script that prints what the real one would: what is tested is our side of the process. The real
one runs in the integration tests.
"""

from __future__ import annotations

import os
import threading
import time

import pytest

from app_of_apps.deploy.engine import Engine, EngineFailed
from app_of_apps.errors import Unavailable

HEAD = '#!/bin/sh\nif [ "$1" = version ]; then echo v3.259.0; exit 0; fi\n'


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Put a `pulumi` of our own first on PATH; return a function that writes it and makes the Engine."""

    def make(body: str) -> Engine:
        script = tmp_path / "pulumi"
        script.write_text(HEAD + body)
        script.chmod(0o755)
        return Engine(tmp_path, "staging")

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return make


def test_a_missing_engine_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="`pulumi` is not on PATH; install Pulumi"):
        Engine(tmp_path, "staging")


def test_an_engine_that_is_too_old_is_refused(tmp_path, engine):
    engine("")
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho v2.0.0\n")
    with pytest.raises(Unavailable, match="cannot be used"):
        Engine(tmp_path, "staging")


def test_no_stack_is_selected_and_no_secret_is_asked_for(tmp_path, engine):
    log = tmp_path / "calls"
    engine(f'echo "$@" >> {log}\n').run("up", lambda _: None)
    calls = log.read_text().splitlines()
    assert len(calls) == 1, "one process beside `version`"
    assert calls[0].startswith("--non-interactive up --yes --skip-preview")
    assert "--stack staging" in calls[0]
    assert "show-secrets" not in calls[0]


def test_a_missing_stack_is_named(engine):
    with pytest.raises(Unavailable, match=r"there is no stack 'staging'.*pulumi stack init staging"):
        engine("echo \"error: no stack named 'staging' found\" >&2; exit 255\n").run("up", lambda _: None)


def test_a_held_lock_is_named(engine):
    with pytest.raises(Unavailable, match="is locked by another operation; nothing was touched"):
        engine('echo "error: the stack is currently locked by 1 lock(s)" >&2; exit 255\n').run("up", lambda _: None)


def test_an_engine_that_was_killed_is_told_from_one_that_failed(engine):
    for body, killed in (("kill -KILL $$\n", True), ("exit 1\n", False)):
        with pytest.raises(EngineFailed) as failure:
            engine(body).run("up", lambda _: None)
        assert failure.value.killed is killed


def test_a_failure_keeps_the_engines_text_without_credentials(engine, monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "canary-of-a-token")
    failing = engine('echo "something about $VAULT_TOKEN"; exit 1\n')
    with pytest.raises(EngineFailed) as failure:
        failing.run("up", lambda _: None)
    assert failure.value.output == "something about [VAULT_TOKEN]"


def test_an_interruption_reaches_the_engine_once_and_it_ends_by_itself(tmp_path, engine):
    ready = tmp_path / "ready"
    running = engine(f"trap 'echo interrupted; exit 1' INT\ntouch {ready}\nwhile :; do sleep 0.05; done\n")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            running.run("up", lambda _: None)
        except EngineFailed as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.interrupt()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert str(failures[0]) == "interrupted"


def test_an_interruption_before_the_engine_is_there_reaches_it(engine):
    running = engine("trap 'exit 1' INT\nwhile :; do sleep 0.05; done\n")
    running.interrupt()
    with pytest.raises(EngineFailed):
        running.run("up", lambda _: None)


def test_the_terminals_own_interruption_does_not_reach_the_engine(tmp_path, engine):
    session = tmp_path / "session"
    engine(f"ps -o sid= -p $$ > {session}\n").run("up", lambda _: None)
    assert int(session.read_text()) != os.getsid(0)
