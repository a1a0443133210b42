"""Runs git in the project's repository."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from app_of_apps.errors import Unavailable

_DEADLINE = 60.0
# Nothing of the caller's environment may lead git to another repository, and no hook or pager may run.
_CLEAN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS")


def git(project: Path, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> bytes:
    """Return what git prints in a project's folder.

    ``stdin`` is what it may read, ``index`` a file that takes the place of the repository's own index.
    Raises Unavailable where there is no git or no repository, and with git's own words when it says no.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _CLEAN}
    if index is not None:
        environ["GIT_INDEX_FILE"] = str(index)
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *arguments],  # noqa: S607 - the user's own git
            check=False,
            capture_output=True,
            input=stdin,
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


def committed(project: Path) -> str:
    """Return when the commit of the working tree was made, as its committer's clock says: RFC 3339 in UTC.

    Raises Unavailable where there is none, ValueError where it lies outside of all calendars.
    """
    said = git(project, "log", "-1", "--format=%ct").decode(errors="replace").strip()
    try:
        return f"{datetime.fromtimestamp(int(said), UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, OSError) as error:
        raise ValueError(said) from error


def repository_root(project: Path) -> Path:
    """Return the root of the project's repository, without symlinks; the project's own folder where there is none."""
    try:
        return Path(git(project, "rev-parse", "--show-toplevel").decode().removesuffix("\n")).resolve()
    except Unavailable:
        return project.resolve()
