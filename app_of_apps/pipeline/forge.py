"""The few things that a pipeline asks of a forge, for GitHub and GitLab alike."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable
from app_of_apps.pipeline.api import Api
from app_of_apps.pipeline.surroundings import GITHUB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.pipeline.surroundings import Surroundings

# Who writes with the token that GitHub gives to a workflow, which may not ask who it is.
_ACTIONS: Final = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Note:
    """A comment of a pull request, or an open issue."""

    number: int
    author: str
    body: str


class Forge(Protocol):
    """One repository at a forge. Every call raises Unavailable with what to do."""

    def me(self) -> str:
        """Return the name under which the token writes."""

    def comments(self, pull: int) -> Iterator[Note]:
        """Yield the comments of a pull request, oldest first."""

    def add_comment(self, pull: int, body: str) -> None:
        """Write a new comment."""

    def edit_comment(self, pull: int, number: int, body: str) -> None:
        """Write a comment anew."""

    def issues(self, label: str) -> Iterator[Note]:
        """Yield the open issues with a label."""

    def open_issue(self, title: str, body: str, label: str) -> int:
        """Open an issue and return its number."""

    def edit_issue(self, number: int, body: str, *, close: bool = False) -> None:
        """Write an issue anew, and close it."""

    def propose(self, title: str, body: str, *, source: str, target: str) -> str:
        """Open a pull request from one branch to another and return its address."""


@contextmanager
def connected(found: Surroundings) -> Iterator[Forge]:
    """Give the forge of a pipeline; raises InvalidInput where it is not said which one, or there is no token."""
    missing = [
        (name, hint)
        for name, value, hint in (
            ("AOA_FORGE", found.forge, "github or gitlab; GitHub Actions and GitLab CI say it themselves"),
            ("AOA_FORGE_PROJECT", found.project, "owner/name, or GitLab's number of the project"),
            ("AOA_FORGE_TOKEN", found.token, "GITHUB_TOKEN or GITLAB_TOKEN will do, too"),
        )
        if not value
    ]
    if missing:
        raise InvalidInput(Problem(Position(f"${name}"), "", "is not set", hint) for name, hint in missing)
    if found.forge == GITHUB:
        headers = {
            "Authorization": f"Bearer {found.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        with Api("GitHub", found.api, headers) as api:
            yield GitHub(api, found.project)
    else:
        with Api("GitLab", found.api, {"PRIVATE-TOKEN": found.token}) as api:
            yield GitLab(api, quote(found.project, safe=""))


class GitHub:
    """A repository at GitHub (https://docs.github.com/en/rest)."""

    def __init__(self, api: Api, project: str) -> None:
        """Take the connection and ``owner/name``."""
        self._api, self._at = api, f"/repos/{project}"

    def me(self) -> str:
        """Return the token's login; a workflow's own token has none and writes as the Actions' bot."""
        try:
            return str(self._api.call("GET", "/user")["login"])
        except Unavailable as error:
            if "answers 403" not in str(error):
                raise
            return _ACTIONS

    def comments(self, pull: int) -> Iterator[Note]:
        """Yield the comments, oldest first."""
        for one in self._api.pages(f"{self._at}/issues/{pull}/comments"):
            yield _note(one, "id", "user", "login", "body")

    def add_comment(self, pull: int, body: str) -> None:
        """Write a new comment."""
        self._api.call("POST", f"{self._at}/issues/{pull}/comments", {"body": body})

    def edit_comment(self, pull: int, number: int, body: str) -> None:  # noqa: ARG002 - GitLab needs it
        """Write a comment anew."""
        self._api.call("PATCH", f"{self._at}/issues/comments/{number}", {"body": body})

    def issues(self, label: str) -> Iterator[Note]:
        """Yield the open issues with a label; GitHub lists pull requests among them, which are none."""
        for one in self._api.pages(f"{self._at}/issues", state="open", labels=label):
            if "pull_request" not in one:
                yield _note(one, "number", "user", "login", "body")

    def open_issue(self, title: str, body: str, label: str) -> int:
        """Open an issue."""
        made = self._api.call("POST", f"{self._at}/issues", {"title": title, "body": body, "labels": [label]})
        return int(made["number"])

    def edit_issue(self, number: int, body: str, *, close: bool = False) -> None:
        """Write an issue anew."""
        state = {"state": "closed", "state_reason": "completed"} if close else {}
        self._api.call("PATCH", f"{self._at}/issues/{number}", {"body": body, **state})

    def propose(self, title: str, body: str, *, source: str, target: str) -> str:
        """Open a pull request."""
        asked = {"title": title, "body": body, "head": source, "base": target}
        return str(self._api.call("POST", f"{self._at}/pulls", asked)["html_url"])


class GitLab:
    """A project at GitLab (https://docs.gitlab.com/api/rest/)."""

    def __init__(self, api: Api, project: str) -> None:
        """Take the connection and the project's number, or its path with ``%2F`` for slashes."""
        self._api, self._at = api, f"/projects/{project}"

    def me(self) -> str:
        """Return the token's user name."""
        return str(self._api.call("GET", "/user")["username"])

    def comments(self, pull: int) -> Iterator[Note]:
        """Yield the notes that people and bots have written, oldest first."""
        for one in self._api.pages(f"{self._at}/merge_requests/{pull}/notes", sort="asc", order_by="created_at"):
            if not one.get("system"):
                yield _note(one, "id", "author", "username", "body")

    def add_comment(self, pull: int, body: str) -> None:
        """Write a new note."""
        self._api.call("POST", f"{self._at}/merge_requests/{pull}/notes", {"body": body})

    def edit_comment(self, pull: int, number: int, body: str) -> None:
        """Write a note anew."""
        self._api.call("PUT", f"{self._at}/merge_requests/{pull}/notes/{number}", {"body": body})

    def issues(self, label: str) -> Iterator[Note]:
        """Yield the open issues with a label."""
        for one in self._api.pages(f"{self._at}/issues", state="opened", labels=label):
            yield _note(one, "iid", "author", "username", "description")

    def open_issue(self, title: str, body: str, label: str) -> int:
        """Open an issue."""
        asked = {"title": title, "description": body, "labels": label}
        return int(self._api.call("POST", f"{self._at}/issues", asked)["iid"])

    def edit_issue(self, number: int, body: str, *, close: bool = False) -> None:
        """Write an issue anew."""
        state = {"state_event": "close"} if close else {}
        self._api.call("PUT", f"{self._at}/issues/{number}", {"description": body, **state})

    def propose(self, title: str, body: str, *, source: str, target: str) -> str:
        """Open a merge request."""
        asked = {"title": title, "description": body, "source_branch": source, "target_branch": target}
        return str(self._api.call("POST", f"{self._at}/merge_requests", asked)["web_url"])


def _note(one: Any, number: str, author: str, name: str, body: str) -> Note:  # noqa: ANN401 - JSON
    return Note(int(one[number]), str((one.get(author) or {}).get(name) or ""), str(one.get(body) or ""))
