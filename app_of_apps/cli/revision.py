"""The project as it was at a revision of git: its YAML files, laid out in a folder that vanishes afterwards."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEADLINE = 60.0
# Nothing of the caller's environment may lead git to another repository, and no hook or pager may run.
_CLEAN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS")


@contextmanager
def project_at(project: Path, revision: str) -> Iterator[Path]:
    """Give a folder that holds the project as it was at a revision; the working tree is not touched.

    Raises InvalidInput where git knows no such revision, and Unavailable where there is no git or no repository.
    """
    # In a folder below the repository's root, git archives that folder alone.
    archive = _git(project, "archive", "--format=tar", resolved(project, revision))
    with tempfile.TemporaryDirectory(prefix="aoa-revision-") as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        try:
            yield Path(folder)
        except InvalidInput as error:
            raise InvalidInput(_as_of(revision, problem, folder) for problem in error.problems) from None


def _as_of(revision: str, problem: Problem, folder: str) -> Problem:
    """Name the file the way git does, ``<revision>:<file>``: the folder is gone when the message is read."""
    position = problem.position
    file = f"{revision}:{position.file.removeprefix(folder).lstrip('/')}"
    return replace(
        problem,
        position=replace(position, file=file),
        message=problem.message.replace(f"{folder}/", f"{revision}:"),
        hint=problem.hint.replace(f"{folder}/", f"{revision}:"),
    )


def resolved(project: Path, revision: str) -> str:
    """Return the full hash of a revision's commit; raises InvalidInput when there is none."""
    try:
        found = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except Unavailable:
        hint = "name a commit, a branch or a tag that `git rev-parse` knows"
        raise InvalidInput([Problem(Position(revision), "", "git knows no such revision", hint)]) from None
    return found.decode().strip()


def _git(project: Path, *arguments: str) -> bytes:
    environ = {name: value for name, value in os.environ.items() if name not in _CLEAN}
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *arguments],  # noqa: S607 - the user's own git
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            timeout=_DEADLINE,
        )
    except FileNotFoundError:
        msg = "git is not on PATH; it is needed to look at a revision"
        raise Unavailable(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"git {arguments[0]} did not end within {_DEADLINE:.0f} s"
        raise Unavailable(msg) from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} ended with code {done.returncode}"
        raise Unavailable(reason)
    return done.stdout
