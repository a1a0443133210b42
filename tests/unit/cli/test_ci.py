"""`aoa ci` where nothing of a pipeline can be reached: what it refuses, and what it says."""

from __future__ import annotations

import json

import pytest

STACK = """\
config:
  app-of-apps:environment:
    name: staging
    cluster: {context: nowhere}
    vault: {address: "http://127.0.0.1:9", mounts: {kv: kv-staging, jwt: jwt-staging}}
    versions: {api: 1.4.0, site: 2.0.0}
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Be in no pipeline, whatever runs these tests."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH", "CHANGE_ID", "CHANGE_FORK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fork(project, monkeypatch):
    event = {
        "pull_request": {"number": 1, "head": {"repo": {"full_name": "b/c"}}, "base": {"repo": {"full_name": "a/c"}}}
    }
    (project / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(project / "event.json"))


def test_a_check_needs_nothing_and_writes_what_code_scanning_reads(aoa, project):
    result = aoa("ci", "check", "--artifacts", str(project / "out"))
    assert result.code == 0
    assert json.loads((project / "out/validate.sarif").read_text())["version"] == "2.1.0"


def test_a_check_that_finds_something_says_so_and_leaves_the_log(aoa, project):
    (project / "apps/api.yaml").write_text("name: api\n")
    assert aoa("ci", "check", "--artifacts", str(project / "out")).code == 2
    assert json.loads((project / "out/validate.sarif").read_text())["runs"][0]["results"]


@pytest.mark.usefixtures("fork")
@pytest.mark.parametrize("verb", [("run", "staging", "--role", "x", "--", "true"), ("preview", "staging")])
def test_a_fork_is_refused(aoa, verb):
    result = aoa("ci", *verb)
    assert result.code == 3
    assert "fork" in result.err


def test_an_environment_without_an_address_is_told_where_it_stands(aoa):
    result = aoa("ci", "run", "staging", "--role", "x", "--kube-audience", "k", "--", "true")
    assert result.code == 2
    for words in ("Pulumi.staging.yaml:5:", "vault.address: is missing", "cluster.server: is missing", "--kube-ca"):
        assert words in result.err


def test_a_run_without_an_identity_is_told_how_to_get_one(aoa, project):
    (project / "Pulumi.staging.yaml").write_text(STACK)
    result = aoa("ci", "run", "staging", "--role", "x", "--", "true")
    assert result.code == 2
    assert "id-token: write" in result.err


def test_a_vault_that_does_not_answer_is_named_and_the_token_is_not(aoa, project, monkeypatch):
    (project / "Pulumi.staging.yaml").write_text(STACK)
    monkeypatch.setenv("AOA_ID_TOKEN", "canary-of-an-identity")
    result = aoa("ci", "run", "staging", "--role", "x", "--", "true")
    assert result.code == 4
    assert "http://127.0.0.1:9 does not answer" in result.err
    assert "canary" not in result.err + result.out


def test_a_preview_is_kept_as_files_also_where_there_is_no_pull_request(aoa, engine, project):
    engine("exit 1\n")
    result = aoa("ci", "preview", "staging", "--artifacts", str(project / "out"))
    assert result.code == 5
    assert {file.name for file in (project / "out").iterdir()} == {
        f"preview-staging{end}" for end in (".md", ".html", ".json", ".sarif")
    }
    assert "no pull request" in result.err


def test_a_comment_that_cannot_be_written_is_exit_code_4_at_least(aoa, engine, project, monkeypatch):
    engine("exit 1\n")
    for name, value in (
        ("FORGE", "github"),
        ("FORGE_API", "http://127.0.0.1:9"),
        ("FORGE_PROJECT", "a/b"),
        ("PULL", "3"),
    ):
        monkeypatch.setenv(f"AOA_{name}", value)
    monkeypatch.setenv("AOA_FORGE_TOKEN", "canary-of-a-forge")
    monkeypatch.setattr("time.sleep", lambda _: None)
    result = aoa("ci", "preview", "staging", "--artifacts", str(project / "out"))
    assert result.code == 5
    assert "GitHub at 127.0.0.1 does not answer" in result.err
    assert "canary" not in result.err


def test_an_address_that_could_be_more_is_invalid_before_anything_runs(aoa, engine, project):
    engine(f"touch {project / 'started'}\n")
    assert aoa("ci", "preview", "staging", "--artifact-url", "https://a.example/(x)").code == 2
    assert not (project / "started").exists()
