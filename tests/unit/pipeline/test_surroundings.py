"""What a pipeline says of itself, in the words of three systems."""

from __future__ import annotations

import json

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.pipeline.surroundings import surroundings


def github(tmp_path, event: object, **more: str) -> dict[str, str]:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "example/shop",
        "GITHUB_RUN_ID": "77",
        "GITHUB_ACTOR": "ada",
        "GITHUB_ACTOR_ID": "12",
        "GITHUB_TOKEN": "canary",
        "GITHUB_EVENT_PATH": str(file),
        **more,
    }


def pull(head: str | None) -> dict[str, object]:
    repo = {"full_name": head} if head is not None else None
    return {"pull_request": {"number": 5, "head": {"repo": repo}, "base": {"repo": {"full_name": "example/shop"}}}}


def test_a_pull_request_at_github(tmp_path):
    found = surroundings(github(tmp_path, pull("example/shop")))
    assert (found.forge, found.project, found.pull, found.fork) == ("github", "example/shop", 5, False)
    assert found.run == "https://github.com/example/shop/actions/runs/77"
    assert found.person == ("ada", "12+ada@users.noreply.github.com")
    assert (found.token, "canary" in repr(found)) == ("canary", False)


@pytest.mark.parametrize("head", ["mallory/shop", None, ""])
def test_a_fork_at_github_also_one_that_is_gone(tmp_path, head):
    assert surroundings(github(tmp_path, pull(head))).fork


def test_a_push_at_github_is_no_pull_request_and_no_fork(tmp_path):
    found = surroundings(github(tmp_path, {"ref": "refs/heads/main"}))
    assert (found.pull, found.fork) == (None, False)


def test_an_event_that_cannot_be_read_is_invalid(tmp_path):
    environ = github(tmp_path, {})
    (tmp_path / "event.json").write_text("{")
    with pytest.raises(InvalidInput, match="GITHUB_EVENT_PATH"):
        surroundings(environ)


GITLAB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_PROJECT_ID": "4",
    "CI_MERGE_REQUEST_IID": "9",
    "CI_MERGE_REQUEST_PROJECT_ID": "4",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "4",
    "CI_JOB_URL": "https://gitlab.example.com/j/1",
    "GITLAB_USER_NAME": "Ada",
    "GITLAB_USER_EMAIL": "ada@example.com",
    "GITLAB_TOKEN": "canary",
}


def test_a_merge_request_at_gitlab():
    found = surroundings(GITLAB)
    assert (found.forge, found.api, found.project) == ("gitlab", "https://gitlab.example.com/api/v4", "4")
    assert (found.pull, found.fork, found.person) == (9, False, ("Ada", "ada@example.com"))
    assert found.token == "canary"


def test_a_fork_at_gitlab():
    assert surroundings({**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5"}).fork


def test_jenkins_is_told_which_forge_stands_behind_it():
    found = surroundings(
        {
            "JENKINS_URL": "https://ci.example.com",
            "BUILD_URL": "https://ci.example.com/1",
            "CHANGE_ID": "3",
            "AOA_FORGE": "github",
            "AOA_FORGE_PROJECT": "example/shop",
            "AOA_FORGE_TOKEN": "t",
        }
    )
    assert (found.forge, found.api, found.pull, found.fork) == ("github", "https://api.github.com", 3, False)
    assert surroundings({"CHANGE_ID": "3", "CHANGE_FORK": "mallory"}).fork


def test_nowhere_there_is_neither_forge_nor_pull_request():
    found = surroundings({})
    assert (found.forge, found.pull, found.fork, found.summary) == (None, None, False, None)


@pytest.mark.parametrize(("variable", "value"), [("AOA_FORGE", "sourceforge"), ("AOA_PULL", "5; x")])
def test_a_variable_that_means_nothing_is_named(variable, value):
    with pytest.raises(InvalidInput, match=variable):
        surroundings({variable: value})
