"""The engine's verbs, with an engine that is a script: the real one runs in the integration tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from app_of_apps.cli.progress_view import Lines
from app_of_apps.deploy.progress import Doing, Row


def test_a_success_is_a_report_on_stdout_and_progress_on_stderr(aoa, engine):
    engine("exit 0\n")
    result = aoa("up", "staging")
    assert result.code == 0
    assert result.out.startswith("up of shop in staging succeeded")
    assert "up of shop in staging: 3 children" in result.err


def test_a_failure_is_exit_code_5_with_the_engines_reason(aoa, engine):
    engine('echo "error: could not decrypt configuration" >&2; exit 255\n')
    result = aoa("up", "staging")
    assert result.code == 5
    assert "ROOT CAUSE\n  could not decrypt configuration" in result.out
    assert "Traceback" not in result.err


def test_the_report_is_json_when_asked_for(aoa, engine):
    engine("exit 1\n")
    shape = json.loads(aoa("preview", "staging", "--format", "json").out)
    assert (shape["format"], shape["operation"], shape["ok"]) == ("app-of-apps/report/v1", "preview", False)


def test_the_engines_output_is_shown_only_when_asked_for(aoa, engine):
    engine('echo "all the details"; exit 1\n')
    assert "all the details" not in aoa("up", "staging").err
    assert "all the details" in aoa("up", "staging", "--engine-output").err


@pytest.mark.usefixtures("engine")
def test_a_missing_engine_is_exit_code_4(aoa, project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    result = aoa("up", "staging")
    assert result.code == 4
    assert "`pulumi` is not on PATH" in result.err


def test_another_environment_than_the_file_names_is_refused_before_the_engine_starts(aoa, project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    result = aoa("up", "staging")
    assert result.code == 3
    assert "nothing was touched" in result.err


def test_an_invalid_manifest_never_reaches_the_engine(aoa, engine, project):
    engine(f"touch {project / 'started'}\n")
    (project / "apps/api.yaml").write_text("name: api\n")
    assert aoa("up", "staging").code == 2
    assert not (project / "started").exists()


def test_destroy_asks_and_is_refused_where_nobody_can_answer(aoa, engine, project):
    engine(f"touch {project / 'started'}\n")
    result = aoa("destroy", "staging")
    assert result.code == 3
    assert "Give --yes" in result.err
    assert not (project / "started").exists()
    assert aoa("destroy", "staging", "--yes").code == 0
    assert (project / "started").exists()


def test_options_of_the_engine_are_passed_on(aoa, engine, project):
    engine(f'echo "$@" > {project / "calls"}\n')
    aoa("up", "staging", "--parallel", "3")
    assert "--parallel 3" in (project / "calls").read_text()


def test_lines_tell_each_change_once(capsys):

    lines = Lines(sys.stderr)
    waiting = Row("api", "core", Doing.WAITING, "waits for db", "waits for db")
    working = Row("api", "core", Doing.WORKING, "create Deployment api, 3s: 0 of 1 pods", "create Deployment")
    for row in (waiting, waiting, working, working, Row("api", "core", Doing.DONE, "healthy: 3 created", "done")):
        lines.show((row,))
    written = [line.split(maxsplit=1)[1] for line in capsys.readouterr().err.splitlines()]
    assert written == ["api: waits for db", "api: create Deployment api", "api: healthy: 3 created"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_lets_the_engine_end_and_is_exit_code_130(engine, project, number):
    ready = project / "ready"
    engine(f"trap 'echo interrupted; exit 1' INT\ntouch {ready}\nwhile :; do sleep 0.05; done\n")
    code = (
        "import app_of_apps.environment.guard as guard\nguard.check_environment = lambda *_, **__: None\n"
        "from app_of_apps.cli.main import run\nraise SystemExit(run(['up', 'staging']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as aoa:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        aoa.send_signal(number)
        try:
            out, err = aoa.communicate(timeout=20)
        finally:
            aoa.kill()
    assert aoa.returncode == 130
    assert "Interrupted: the engine finishes what it has begun." in err
    assert out.startswith("up of shop in staging was INTERRUPTED")
    assert "Traceback" not in err
