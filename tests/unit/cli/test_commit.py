"""A commit of one file leaves everything else in the repository as somebody left it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from app_of_apps.cli.commit import commit_place, make_commit
from app_of_apps.errors import AppOfAppsError, InvalidInput, Refused, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

FILE = "Pulumi.prod.yaml"
MESSAGE = "Promote api\n\nHealthy below.\n"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, with a staged, a changed and an untracked file beside."""
    for name, value in {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    project = tmp_path / "shop"
    project.mkdir()
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "Ada")
    git(tmp_path, "config", "user.email", "ada@example.com")
    for name in (FILE, "parent.yaml", "staged.yaml"):
        (project / name).write_text("one\n")
    (project / FILE).chmod(0o755)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "-q", "-m", "First")
    (project / "parent.yaml").write_text("changed\n")
    (project / "staged.yaml").write_text("staged\n")
    git(tmp_path, "add", "shop/staged.yaml")
    (project / "untracked.yaml").write_text("untracked\n")
    return project


def others(project: Path) -> str:
    return git(project, "status", "--porcelain=v1")


def commit(project: Path, branch: str | None = None, check=lambda _: None) -> str:
    return make_commit(commit_place(project, project / FILE, branch), "two\n", MESSAGE, check)


def test_a_branch_gets_a_commit_of_the_file_alone_and_nothing_else_moves(project: Path) -> None:
    before, head = others(project), git(project, "rev-parse", "HEAD")
    made = commit(project, "promote/prod")
    assert git(project, "rev-parse", "promote/prod") == made
    assert git(project, "rev-parse", f"{made}^") == git(project, "rev-parse", "HEAD") == head
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(project, "show", "--format=%an|%s|%b", "--name-status", made) == (
        "Ada|Promote api|Healthy below.\n\n\nM\tshop/Pulumi.prod.yaml"
    )
    assert git(project, "show", f"{made}:shop/{FILE}") == "two"
    assert git(project, "ls-tree", made, FILE).startswith("100755 ")
    assert (project / FILE).read_text() == "one\n"
    assert others(project) == before


def test_a_commit_on_the_current_branch_leaves_what_is_staged_and_changed_beside(project: Path) -> None:
    before = others(project)
    made = commit(project)
    assert git(project, "rev-parse", "main") == made
    assert git(project, "show", "--format=", "--name-only", made) == f"shop/{FILE}"
    assert (project / FILE).read_text() == "two\n"
    assert others(project) == before


def test_a_file_with_changes_of_its_own_is_refused(project: Path) -> None:
    (project / FILE).write_text("mine\n")
    for branch in (None, "promote/prod"):
        with pytest.raises(Refused, match="has changes that are not committed"):
            commit(project, branch)
    git(project, "add", FILE)
    with pytest.raises(Refused, match="has changes that are not committed"):
        commit(project, "promote/prod")
    assert git(project, "branch", "--list", "promote/*") == ""


def test_a_file_that_git_does_not_know_is_refused(project: Path) -> None:
    with pytest.raises(Refused, match="git does not know"):
        commit_place(project, project / "untracked.yaml", "promote/prod")


def test_a_branch_that_exists_or_cannot_be_is_refused(project: Path) -> None:
    with pytest.raises(Refused, match="there is a branch main already"):
        commit(project, "main")
    for name in ("", "a..b", "-x", "a b"):
        with pytest.raises(InvalidInput, match="no name of a branch"):
            commit(project, name)


def test_a_commit_in_the_middle_of_a_merge_is_refused_and_a_branch_is_not(project: Path) -> None:
    (project.parent / ".git/MERGE_HEAD").write_text(git(project, "rev-parse", "HEAD") + "\n")
    with pytest.raises(Refused, match="a merge is under way"):
        commit(project)
    commit(project, "promote/prod")


@pytest.mark.parametrize("branch", [None, "promote/prod"])
def test_a_commit_that_does_not_pass_its_check_leaves_everything_as_it_was(project: Path, branch: str | None) -> None:
    before = others(project), git(project, "show-ref"), (project / FILE).read_text()

    def check(made: str) -> None:
        assert git(project, "show", f"{made}:shop/{FILE}") == "two"
        raise AppOfAppsError

    with pytest.raises(AppOfAppsError):
        commit(project, branch, check)
    assert (others(project), git(project, "show-ref"), (project / FILE).read_text()) == before


def test_somebody_who_was_faster_wins_and_the_file_stays(project: Path) -> None:
    def faster(_: str) -> None:
        git(project, "commit", "-q", "--allow-empty", "-m", "Faster")

    with pytest.raises(Unavailable):
        commit(project, None, faster)
    assert git(project, "log", "-1", "--format=%s") == "Faster"
    assert (project / FILE).read_text() == "one\n"


def test_no_hook_runs(project: Path) -> None:
    hook = project.parent / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    commit(project)


def test_without_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / FILE).write_text("one\n")
    with pytest.raises(Unavailable):
        commit_place(tmp_path, tmp_path / FILE, None)
