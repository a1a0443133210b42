"""Whose change it is, asked of real repositories."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from app_of_apps.approval.authors import identities, read_change
from app_of_apps.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, **environ: str) -> str:
        identity = {f"GIT_{role}_{what}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("EMAIL",)}
        identity |= {"GIT_AUTHOR_NAME": "X", "GIT_COMMITTER_NAME": "X", "GIT_CONFIG_GLOBAL": "/dev/null"}
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(
            command, env={"PATH": "/usr/bin:/bin", **identity, **environ}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, author: str, *, committer: str | None = None, message: str = "A change") -> str:
        environ = {"GIT_AUTHOR_EMAIL": author, "GIT_COMMITTER_EMAIL": committer or author}
        self.git("commit", "-q", "--allow-empty", "-m", message, **environ)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "project")
    made.commit("first@example.com")
    return made


def test_authors_are_those_of_commits_since_the_release_that_stands(repository: Repository) -> None:
    base = repository.commit("cleo@example.com")
    repository.commit("Ben@Example.com", committer="merge-bot@example.com")
    head = repository.commit(
        "ada@example.com", message="Mend it\n\nCo-authored-by: Fay <fay@example.com>\nco-AUTHORED-by: Gus <g@x.example>"
    )
    found = read_change(repository.folder, base)
    assert found.commit == head
    assert found.authors == {
        "ben@example.com",
        "merge-bot@example.com",
        "ada@example.com",
        "fay@example.com",
        "g@x.example",
    }


def test_with_nothing_deployed_everybody_who_ever_committed_is_an_author(repository: Repository) -> None:
    repository.commit("ben@example.com")
    assert read_change(repository.folder, None).authors == {"first@example.com", "ben@example.com"}


def test_authors_of_merged_branches_count(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("side@example.com")
    repository.git("checkout", "-q", "main")
    repository.commit("main@example.com")
    repository.git("merge", "-q", "--no-ff", "-m", "Merge", "side", GIT_AUTHOR_EMAIL="dora@example.com")
    found = read_change(repository.folder, base).authors
    assert {"side@example.com", "main@example.com", "dora@example.com"} <= found


def test_a_mailmap_adds_names_and_hides_none(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    (repository.folder / ".mailmap").write_text("Nobody <nobody@example.com> <ben@example.com>\n")
    repository.git("add", ".mailmap")
    repository.commit("ben@example.com")
    assert read_change(repository.folder, base).authors == {"ben@example.com", "nobody@example.com"}


def test_nothing_since_then_has_no_authors(repository: Repository) -> None:
    assert read_change(repository.folder, repository.git("rev-parse", "HEAD")).authors == frozenset()


def test_a_commit_that_the_clone_lacks_is_refused(repository: Repository) -> None:
    with pytest.raises(Refused, match="git fetch --all"):
        read_change(repository.folder, "0" * 40)


def test_a_shallow_clone_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.commit("ben@example.com")
    shallow = tmp_path / "shallow"
    url = f"file://{repository.folder}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(shallow)], check=True, capture_output=True)
    with pytest.raises(Refused, match="--unshallow"):
        read_change(shallow, None)


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="deployed from a commit"):
        read_change(tmp_path, None)


def test_uncommitted_files_are_named(repository: Repository) -> None:
    project = repository.folder / "sub"
    project.mkdir()
    for name in ("kept.yaml", "changed.yaml", "gone.yaml", "staged.yaml"):
        (project / name).write_text("1\n")
    (repository.folder / "outside.py").write_text("1\n")
    (repository.folder / ".gitignore").write_text("*.log\n")
    repository.git("add", "-A")
    repository.commit("ben@example.com")
    assert read_change(project, None).dirty == ()
    (project / "changed.yaml").write_text("2\n")
    (project / "staged.yaml").write_text("2\n")
    repository.git("add", "sub/staged.yaml")
    (project / "gone.yaml").unlink()
    (project / "new ü.yaml").write_text("1\n")
    (project / "ignored.log").write_text("1\n")
    (repository.folder / "outside.py").write_text("2\n")
    (repository.folder / "untracked-outside.txt").write_text("2\n")
    assert read_change(project, None).dirty == (
        "outside.py",
        "sub/changed.yaml",
        "sub/gone.yaml",
        "sub/new ü.yaml",
        "sub/staged.yaml",
    )


def test_what_an_address_could_be_called() -> None:
    assert identities(["Dora+work@example.com"]) == {"dora+work@example.com", "dora+work", "dora"}
    assert "dora" in identities(["12345+dora@users.noreply.example.com"])
    assert identities([" ", ""]) == frozenset()
