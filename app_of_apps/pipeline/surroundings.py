"""Finds out from the variables of a pipeline where it runs, and for which pull request.

GitHub Actions, GitLab CI and Jenkins say so in variables of their own
(https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
https://docs.gitlab.com/ci/variables/predefined_variables/, https://plugins.jenkins.io/branch-api/). Variables that
begin with ``AOA_`` say what a system does not, such as the forge behind a Jenkins, and win over the system's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.errors import InvalidInput, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

GITHUB: Final = "github"
GITLAB: Final = "gitlab"
FORGES: Final = (GITHUB, GITLAB)
_API: Final = {GITHUB: "https://api.github.com", GITLAB: "https://gitlab.com/api/v4"}
_TOKENS: Final = {GITHUB: ("AOA_FORGE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"), GITLAB: ("AOA_FORGE_TOKEN", "GITLAB_TOKEN")}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a pipeline runs."""

    forge: str | None
    """``github`` or ``gitlab``; None where nobody says."""
    api: str
    """Base address of the forge's API."""
    project: str
    """What the forge calls the repository: ``owner/name``, or GitLab's number or path."""
    pull: int | None
    """The number of the pull or merge request; None in a run for something else."""
    fork: bool
    """Whether the pull request comes from another repository, so that nobody vouches for what is in it."""
    run: str
    """Address of this run; empty where nobody says."""
    person: tuple[str, str] | None
    """Name and mail address of who started it."""
    token: str = field(repr=False)
    """For the forge; empty where there is none."""
    summary: Path | None = None
    """A file whose Markdown is shown with the run."""


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Return where this process runs; raises InvalidInput for a variable that cannot be understood."""
    found = (
        _github(environ)
        if environ.get("GITHUB_ACTIONS") == "true"
        else _gitlab(environ)
        if environ.get("GITLAB_CI") == "true"
        else _jenkins(environ)
    )
    forge = environ.get("AOA_FORGE") or found["forge"]
    if forge is not None and forge not in FORGES:
        raise _wrong(variable="AOA_FORGE", message=f"{forge!r} is no forge", hint=f"one of {', '.join(FORGES)}")
    pull = environ.get("AOA_PULL") or found["pull"]
    if pull and not str(pull).isdecimal():
        raise _wrong(
            variable="AOA_PULL", message="is no number of a pull request", hint="leave it out where there is none"
        )
    summary = environ.get("GITHUB_STEP_SUMMARY")
    return Surroundings(
        forge=forge,
        api=(environ.get("AOA_FORGE_API") or found["api"] or _API.get(forge or "", "")).rstrip("/"),
        project=environ.get("AOA_FORGE_PROJECT") or found["project"],
        pull=int(pull) if pull else None,
        fork=bool(found["fork"]),
        run=found["run"],
        person=found["person"],
        token=next((environ[name] for name in _TOKENS.get(forge or "", ()) if environ.get(name)), ""),
        summary=Path(summary) if summary else None,
    )


def _github(environ: Mapping[str, str]) -> dict[str, Any]:
    server, project = environ.get("GITHUB_SERVER_URL", "https://github.com"), environ.get("GITHUB_REPOSITORY", "")
    run, actor = environ.get("GITHUB_RUN_ID"), environ.get("GITHUB_ACTOR")
    pull = _event(environ).get("pull_request") or {}
    head, base = ((pull.get(side) or {}).get("repo") or {} for side in ("head", "base"))
    mail = f"{environ.get('GITHUB_ACTOR_ID', '')}+{actor}@users.noreply.github.com"
    return {
        "forge": GITHUB,
        "api": environ.get("GITHUB_API_URL"),
        "project": project,
        "pull": pull.get("number"),
        # A fork that is gone since has no repository any more.
        "fork": bool(pull) and (not head.get("full_name") or head.get("full_name") != base.get("full_name")),
        "run": f"{server}/{project}/actions/runs/{run}" if run else "",
        "person": (actor, mail.lstrip("+")) if actor else None,
    }


def _event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    file = environ.get("GITHUB_EVENT_PATH")
    if not file:
        return {}
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"cannot be read: {type(error).__name__}"
        raise _wrong(variable="GITHUB_EVENT_PATH", message=message, hint="the runner writes it") from error
    return found if isinstance(found, dict) else {}


def _gitlab(environ: Mapping[str, str]) -> dict[str, Any]:
    source, target = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), environ.get("CI_MERGE_REQUEST_PROJECT_ID")
    name, mail = environ.get("GITLAB_USER_NAME"), environ.get("GITLAB_USER_EMAIL")
    return {
        "forge": GITLAB,
        "api": environ.get("CI_API_V4_URL"),
        "project": environ.get("CI_PROJECT_ID", ""),
        "pull": environ.get("CI_MERGE_REQUEST_IID"),
        "fork": source is not None and source != target,
        "run": environ.get("CI_JOB_URL", ""),
        "person": (name, mail) if name and mail else None,
    }


def _jenkins(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        "forge": None,
        "api": None,
        "project": "",
        "pull": environ.get("CHANGE_ID"),
        "fork": bool(environ.get("CHANGE_FORK")),
        "run": environ.get("BUILD_URL", ""),
        "person": None,
    }


def _wrong(*, variable: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput([Problem(Position(f"${variable}"), "", message, hint)])
