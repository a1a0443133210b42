"""What the pipelines' files may and may not say. actionlint and their execution are in the integration tests."""

from __future__ import annotations

import re

import pytest
import yaml

from sandbox.layout import CHECKOUT

REUSABLE = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))
CALLERS = sorted((CHECKOUT / "examples/pipelines/github").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
SIMPLE = (
    "aoa ",
    "python -m venv ",
    ".venv/bin/python -m pip install ",
    'echo "$PWD/.venv/bin" >> "$GITHUB_PATH"',
    "mkdir -p ",
)
WRITES = {"id-token", "pull-requests", "security-events", "contents", "issues"}


def named(files):
    return pytest.mark.parametrize("file", files, ids=[file.stem for file in files])


def load(file):
    return {("on" if key is True else key): value for key, value in yaml.safe_load(file.read_text()).items()}


def steps(file):
    return [step for job in load(file)["jobs"].values() for step in job.get("steps", ())]


def test_there_is_a_caller_for_each_reusable_workflow():
    used = {job["uses"].rpartition("/")[2] for file in CALLERS for job in load(file)["jobs"].values()}
    assert used == {file.name for file in REUSABLE}


@named(REUSABLE)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(file):
    lines = [line.partition("uses: ")[2] for line in file.read_text().splitlines() if "uses: " in line]
    assert lines
    assert [line for line in lines if not PINNED.match(line)] == []


def test_one_action_has_one_commit():
    found = {}
    for file in REUSABLE:
        for step in steps(file):
            if "uses" in step:
                name, _, commit = step["uses"].partition("@")
                found.setdefault(name, set()).add(commit)
    assert {name for name, commits in found.items() if len(commits) > 1} == set()


@named(REUSABLE + CALLERS)
def test_nothing_is_allowed_that_is_not_said_job_by_job(file):
    workflow = load(file)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"], name
        assert {key for key, value in job["permissions"].items() if value != "read"} <= WRITES


@named(CALLERS)
def test_a_caller_gives_exactly_what_the_called_jobs_ask_for(file):
    for job in load(file)["jobs"].values():
        called = load(CHECKOUT / job["uses"].removeprefix("./"))
        asked = {}
        for inner in called["jobs"].values():
            asked |= {key: value for key, value in inner["permissions"].items() if asked.get(key) != "write"}
        assert job["permissions"] == asked
        inputs = called["on"]["workflow_call"]["inputs"]
        assert {name for name, one in inputs.items() if one.get("required")} <= job["with"].keys() <= inputs.keys()
        assert "secrets" not in job


@named(REUSABLE + CALLERS)
def test_no_code_of_a_fork_runs_with_rights_and_no_secret_is_stored(file):
    text = file.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    assert "secrets." not in text


@named(REUSABLE)
def test_no_text_of_others_becomes_part_of_a_command(file):
    for step in steps(file):
        assert "${{" not in step.get("run", "")


@named(REUSABLE)
def test_the_shell_is_in_the_cli(file):
    for step in steps(file):
        for line in step.get("run", "").splitlines():
            assert line.startswith(SIMPLE), line


@named(REUSABLE)
def test_only_a_preview_may_be_cancelled(file):
    for name, job in load(file)["jobs"].items():
        if "concurrency" in job:
            assert job["concurrency"]["cancel-in-progress"] is (name == "preview")
            assert "${{ inputs." in job["concurrency"]["group"]
        assert "timeout-minutes" in job


def test_an_update_waits_for_the_one_before_and_for_its_environment():
    job = load(CHECKOUT / ".github/workflows/aoa-up.yml")["jobs"]["up"]
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["concurrency"] == {"group": "aoa-up-${{ inputs.environment }}", "cancel-in-progress": False}


def test_a_checkout_keeps_its_credentials_only_to_push():
    for file in REUSABLE:
        for step in steps(file):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is (file.stem == "aoa-promote")


def test_gitlab_and_jenkins_run_the_same_commands():
    gitlab = (CHECKOUT / "examples/pipelines/gitlab/.gitlab-ci.yml").read_text()
    jenkins = (CHECKOUT / "examples/pipelines/jenkins/Jenkinsfile").read_text()
    for words in ("aoa ci check", "aoa ci preview", "-- aoa up"):
        assert words in gitlab
        assert words in jenkins
    assert {"drift", "promote", "evidence"} <= yaml.safe_load(gitlab).keys()
    assert yaml.safe_load(gitlab)[".up"]["resource_group"] == "aoa-$ENVIRONMENT"
    assert "disableConcurrentBuilds()" in jenkins
