"""Whose change it is: everybody whose name git puts on a commit since the release that stands, and what is uncommitted.

Git believes whoever commits what they are called. A repository that wants this to be proof protects its branches and
demands signed commits; what is read here is what it says then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app_of_apps.environment.git import git
from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DEADLINE: Final = 20.0
# What would lead git to another repository, or make it see another history.
_FOREIGN: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_REPLACE",
)
_CO_AUTHOR: Final = re.compile(r"^co-authored-by:.*<([^<>\s]+)>\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBERED: Final = re.compile(r"^[0-9]+\+")
_FIELD, _COMMIT = "\x1f", "\x1e"


@dataclass(frozen=True, slots=True)
class Change:
    """What git says of the working tree."""

    commit: str
    authors: frozenset[str]
    """Addresses of authors, committers and co-authors since the release that stands, in lowercase."""
    dirty: tuple[str, ...] = ()
    """Files that differ from the commit, or that it lacks; relative to the repository."""


def read_change(project: Path, base: str | None) -> Change:
    """Return commit, authors since the commit ``base`` (of the whole history where it is None) and dirty files.

    Raises Refused where that cannot be known: no repository, no commit, a history that ends too early.
    """
    try:
        commit = _git(project, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
    except Unavailable:
        msg = (
            "a gated environment is deployed from a commit, because whoever wrote a change cannot approve it; "
            f"git finds none in {project.resolve()}. Nothing was touched. Deploy from a clone of the repository"
        )
        raise Refused(msg) from None
    if _git(project, "rev-parse", "--is-shallow-repository").strip() == "true":
        msg = (
            "the clone is a shallow one, so who wrote the change cannot be known; nothing was touched. "
            "Fetch the history (`git fetch --unshallow`; in a pipeline, a fetch depth of 0) and run again"
        )
        raise Refused(msg)
    return Change(commit, _authors(project, base), _dirty(project))


def identities(addresses: Iterable[str]) -> frozenset[str]:
    """Return everything that an address could be called elsewhere: itself, its local part, and that without a tag.

    ``Dora+work@example.com`` is also ``dora+work`` and ``dora``, ``12345+dora@users.noreply.example.com`` is ``dora``.
    """
    found: set[str] = set()
    for address in addresses:
        whole = address.strip().casefold()
        local = whole.partition("@")[0]
        numbered = _NUMBERED.sub("", local)
        found |= {whole, local, numbered, numbered.partition("+")[0]}
    return frozenset(found - {""})


def _authors(project: Path, base: str | None) -> frozenset[str]:
    if base is not None:
        try:
            _git(project, "cat-file", "-e", f"{base}^{{commit}}")
        except Unavailable:
            msg = (
                f"the commit of the release that stands, {base[:12]}, is not in this clone, so who wrote what came "
                "after it cannot be known; nothing was touched. Fetch it (`git fetch --all`) and run again"
            )
            raise Refused(msg) from None
    span = "HEAD" if base is None else f"{base}..HEAD"
    # Both as committed and through .mailmap: neither can hide the other.
    form = f"--format=%ae{_FIELD}%aE{_FIELD}%ce{_FIELD}%cE{_FIELD}%B{_COMMIT}"
    found: set[str] = set()
    for entry in _git(project, "log", form, span, "--").split(_COMMIT):
        *addresses, message = entry.strip("\n").split(_FIELD, maxsplit=4)
        found |= {*addresses, *_CO_AUTHOR.findall(message)}
    return frozenset(address.casefold() for address in found if address)


def _dirty(project: Path) -> tuple[str, ...]:
    """Return tracked files of the repository that differ, and untracked ones of the project that are not ignored."""
    tracked = _git(project, "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames")
    others = _git(project, "ls-files", "-z", "--others", "--exclude-standard", "--full-name")
    changed = [entry[3:] for entry in tracked.split("\0") if entry]
    return tuple(sorted({*changed, *(name for name in others.split("\0") if name)}))


def _git(project: Path, *arguments: str) -> str:
    return git(project, "--no-replace-objects", *arguments).decode(errors="replace")
