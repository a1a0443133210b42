"""One file's change as a commit, without the index and the working tree of whoever works in the repository.

The commit is made of git's objects alone: a tree like that of HEAD with one other file. Hooks do not run. What else is
staged, changed or untracked stays as it is, and is not in the commit.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app_of_apps.environment.git import git
from app_of_apps.environment.replace_file import replace_file
from app_of_apps.errors import InvalidInput, Position, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_ABSENT: Final = "0" * 40
_UNFINISHED: Final = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "REBASE_HEAD": "rebase",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a commit is to go: on a new branch, or on what HEAD is."""

    project: Path
    file: Path
    head: str
    path: str
    """The file as git names it, from the repository's root."""
    branch: str | None


def commit_place(project: Path, file: Path, branch: str | None) -> Place:
    """Find out whether a change of ``file`` can be committed; nothing is written.

    Raises Refused when the file has changes already, the branch exists or a merge is under way, InvalidInput when the
    branch's name is none, Unavailable when there is no git, no repository or no commit.
    """
    head = _text(project, "rev-parse", "--verify", "HEAD")
    path = _text(project, "ls-files", "--full-name", "--", file.name)
    if not path:
        msg = f"git does not know {file}, so there is nothing to commit a change of; nothing was written"
        raise Refused(msg)
    if _text(project, "status", "--porcelain=v1", "--", file.name):
        msg = f"{file} has changes that are not committed; commit them or put them away first. Nothing was written"
        raise Refused(msg)
    if branch is not None:
        _check_branch(project, branch)
    else:
        for reference, what in _UNFINISHED.items():
            if _exists(project, reference):
                msg = f"a {what} is under way here: end it first, or name a --branch. Nothing was written"
                raise Refused(msg)
    return Place(project, file, head, path, branch)


def make_commit(place: Place, text: str, message: str, check: Callable[[str], None]) -> str:
    """Commit the file with this text and return the commit's full hash.

    ``check`` gets the hash before anything points to the commit; what it raises leaves everything as it was. A branch
    is made and not checked out; without one, HEAD moves on and the file in the working tree is replaced.
    """
    blob = _text(place.project, "hash-object", "-w", "--stdin", f"--path={place.file.name}", stdin=text)
    entry = f"{_mode(place)},{blob},{place.path}"
    with tempfile.TemporaryDirectory(prefix="aoa-index-") as folder:
        index = Path(folder, "index")
        git(place.project, "read-tree", place.head, index=index)
        git(place.project, "update-index", "--cacheinfo", entry, index=index)
        tree = git(place.project, "write-tree", index=index).decode().strip()
    signed = ["-S"] if _text(place.project, "config", "--type=bool", "--default=no", "commit.gpgsign") == "true" else []
    commit = _text(place.project, "commit-tree", *signed, "-p", place.head, "-F", "-", tree, stdin=message)
    check(commit)
    reason = message.partition("\n")[0]
    if place.branch is not None:
        git(place.project, "update-ref", "-m", f"branch: {reason}", f"refs/heads/{place.branch}", commit, _ABSENT)
        return commit
    before = place.file.read_bytes().decode()
    replace_file(place.file, text)
    try:
        git(place.project, "update-ref", "-m", f"commit: {reason}", "HEAD", commit, place.head)
    except BaseException:
        replace_file(place.file, before)
        raise
    git(place.project, "update-index", "--cacheinfo", entry)
    return commit


def _check_branch(project: Path, branch: str) -> None:
    try:
        git(project, "check-ref-format", "--branch", branch)
    except Unavailable:
        hint = "choose one such as promote/prod"
        raise InvalidInput([Problem(Position("--branch"), "", "is no name of a branch", hint)]) from None
    if _exists(project, f"refs/heads/{branch}"):
        msg = f"there is a branch {branch} already; choose another name, or remove it. Nothing was written"
        raise Refused(msg)


def _exists(project: Path, reference: str) -> bool:
    try:
        git(project, "rev-parse", "--verify", "--quiet", reference)
    except Unavailable:
        return False
    return True


def _mode(place: Place) -> str:
    return _text(place.project, "ls-files", "--stage", "--", place.file.name).partition(" ")[0]


def _text(project: Path, *arguments: str, stdin: str = "") -> str:
    return git(project, *arguments, stdin=stdin.encode()).decode().strip()
