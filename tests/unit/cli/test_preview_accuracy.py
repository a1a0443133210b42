"""`aoa preview accuracy` beside `aoa preview ENV...`: what it prints of a chain that is made here, and who is meant."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
import typer.main
from typer.testing import CliRunner

from app_of_apps.cli.main import app
from app_of_apps.cli.preview_accuracy import WORD
from app_of_apps.evidence.chain import Finding
from app_of_apps.evidence.reading import Reading
from tests.unit.cli.test_reference import documented, keys
from tests.unit.deploy.test_accuracy import BAD, GOOD
from tests.unit.evidence.chains import START, Chain


@pytest.fixture
def chain(monkeypatch):
    """Let the verb find two updates that were compared, in each environment that it asks for."""
    made = Chain(environment="staging")
    for number, comparison in enumerate((GOOD, BAD)):
        began = made.up(START + timedelta(days=number))
        details = {"attempt": began, "comparison": comparison.shape()}
        made.add("note", START + timedelta(days=number, hours=1), operation="accuracy", details=details)

    def of(*findings: Finding) -> None:
        reading = Reading(tuple(made.records), {}, None, findings, ("checked without Vault",))
        monkeypatch.setattr("app_of_apps.evidence.reading.read_chain", lambda *_: reading)

    of()
    return of


@pytest.mark.usefixtures("chain")
def test_it_tells_of_every_environment_that_nobody_named(aoa, project):
    stack = (project / "Pulumi.staging.yaml").read_text()
    (project / "Pulumi.prod.yaml").write_text(stack.replace("staging", "prod").replace("nowhere", "elsewhere"))
    done = aoa("preview", "accuracy")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line and line[0] != " "] == [
        f"{env}: 2 updates with a preview to compare" for env in ("prod", "staging")
    ]
    assert "  note: checked without Vault" in done.out
    assert aoa("preview", "accuracy", "prod").out.startswith("prod: ")
    assert "staging" not in aoa("preview", "accuracy", "prod").out


@pytest.mark.usefixtures("chain")
def test_json_has_the_documented_shape(aoa):
    told = json.loads(aoa("preview", "accuracy", "staging", "--format", "json").out)
    missing = {".environments[].updates[].misses[]" + key for key in keys(BAD.shape()["misses"][0])}
    assert keys(told) | missing == keys(documented("app-of-apps/preview-accuracy/v1"))


def test_a_chain_that_is_not_as_it_was_signed_is_said_and_is_an_answer_of_no(aoa, chain):
    chain(Finding("record 3", "edited", "it is not what the key signed"))
    done = aoa("preview", "accuracy", "staging")
    assert done.code == 1
    assert "  the chain is NOT as it was signed: record 3 edited: it is not what the key signed" in done.out


def test_an_environment_that_is_not_there_is_named(aoa):
    done = aoa("preview", "accuracy", "stagin")
    assert (done.code, done.out) == (2, "")
    assert "Did you mean staging?" in done.err


def test_an_environment_of_that_name_can_still_be_previewed(aoa):
    done = aoa("preview", "--", "accuracy")
    assert done.code == 2
    assert "Pulumi.accuracy.yaml: no such environment" in done.err
    done = aoa("preview", "staging", "accuracy", "--format", "json")
    assert [one["environment"] for one in json.loads(done.out)["environments"]] == ["staging", "accuracy"]


def test_both_have_a_help_of_their_own():
    runner = CliRunner()
    assert "ENV..." in runner.invoke(app, ["preview", "--help"]).output
    told = runner.invoke(app, ["preview", "accuracy", "--help"], prog_name="aoa").output
    assert "aoa preview accuracy" in told
    assert "[ENV]..." in told


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("aoa preview ", {WORD, "staging"}),
        ("aoa preview s", {"staging"}),
        ("aoa preview staging ", {"staging"}),
        ("aoa preview accuracy ", {"staging"}),
        ("aoa preview accuracy --f", {"--format"}),
    ],
)
def test_the_shell_completes_verb_and_environments(project, monkeypatch, words, offered):
    monkeypatch.chdir(project)
    environ = {**os.environ, "_AOA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    typer.main.get_command(app)
    done = CliRunner().invoke(app, [], prog_name="aoa", env=environ)
    assert set(done.output.split()) == offered
