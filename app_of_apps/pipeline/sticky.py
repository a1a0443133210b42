"""One comment per environment and pull request, and one issue per environment: found again by their first line.

Only what the same token wrote is ever written anew: a marker in a comment of somebody else proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.pipeline.forge import Forge, Note

LABEL: Final = "app-of-apps-drift"


def comment(forge: Forge, pull: int, body: str) -> str:
    """Write a comment, or write ours with the same first line anew; return what was done, in a word."""
    known = _mine(forge, forge.comments(pull), body)
    if known is None:
        forge.add_comment(pull, body)
        return "added"
    if known.body.strip() == body.strip():
        return "unchanged"
    forge.edit_comment(pull, known.number, body)
    return "updated"


def issue(forge: Forge, title: str, body: str, *, wanted: bool) -> tuple[str, int | None]:
    """Open an issue where it is ``wanted``, write ours anew where it is open, close it where it is not wanted any more.

    Returns what was done, in a word, and the issue's number.
    """
    known = _mine(forge, forge.issues(LABEL), body)
    if known is None:
        return ("opened", forge.open_issue(title, body, LABEL)) if wanted else ("none", None)
    if wanted and known.body.strip() == body.strip():
        return "unchanged", known.number
    forge.edit_issue(known.number, body, close=not wanted)
    return ("updated" if wanted else "closed"), known.number


def _mine(forge: Forge, notes: Iterable[Note], body: str) -> Note | None:
    marker = body.partition("\n")[0].strip()
    alike = [one for one in notes if one.body.partition("\n")[0].strip() == marker]
    if not alike:
        return None
    me = forge.me()
    return next((one for one in alike if one.author == me), None)
