"""The project as it was at a revision of git: its YAML files, laid out in a folder that vanishes afterwards."""

from __future__ import annotations

import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from app_of_apps.environment.git import git
from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def project_at(project: Path, revision: str) -> Iterator[Path]:
    """Give a folder that holds the project as it was at a revision; the working tree is not touched.

    Raises InvalidInput where git knows no such revision, and Unavailable where there is no git or no repository.
    """
    # In a folder below the repository's root, git archives that folder alone.
    archive = git(project, "archive", "--format=tar", resolved(project, revision))
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
        found = git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except Unavailable:
        hint = "name a commit, a branch or a tag that `git rev-parse` knows"
        raise InvalidInput([Problem(Position(revision), "", "git knows no such revision", hint)]) from None
    return found.decode().strip()
