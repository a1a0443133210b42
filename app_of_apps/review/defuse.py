"""Makes text of others harmless in Markdown and HTML: it can be read, and it does nothing.

A pull request's own files decide what a preview says, so whoever opens one could speak through it. In Markdown a value
is defused twice. Every character that could mean something is a numeric reference, so that no parser finds a link, an
image, a table, an element, a comment, or the marker of ours. And it stands in a ``code`` element, because forges look
for mentions, issues, commits and emoji only after Markdown has become HTML, and leave code alone
(https://github.github.com/gfm/#entity-and-numeric-character-references).
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from app_of_apps.deploy.redact import plain

LONGEST: Final = 300
"""Characters of one value before the rest is left out."""

# What means nothing anywhere in the middle of a line. A full stop does after `www`.
_HARMLESS: Final = frozenset(" -,=/+.")
_WWW: Final = re.compile("(?<=www)\\.", re.IGNORECASE)
_LINES: Final = re.compile(r"[\n\u0085\u2028\u2029]+")


def seen(text: str, limit: int = LONGEST) -> str:
    """Return text of others as one line in which nothing is hidden.

    Ends of lines become ``⏎``, and what shows nothing or turns the direction of reading around is written out.
    """
    line = _LINES.sub(" ⏎ ", plain(text, limit=10 * limit))
    line = " ".join("".join(map(_visible, line)).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def markdown(text: str, limit: int = LONGEST) -> str:
    """Return text of others as a piece of a line of Markdown."""
    line = seen(text, limit)
    if not line:
        return "<code>(empty)</code>"
    return f"<code>{_WWW.sub('&#46;', ''.join(map(_reference, line)))}</code>"


def markup(text: str, limit: int = LONGEST) -> str:
    """Return text of others as text of an HTML document, in quoted attributes too."""
    return html.escape(seen(text, limit), quote=True)


def markdown_block(text: str, limit: int) -> str:
    """Return text of others as a block of Markdown whose lines stay lines; about ``limit`` characters at most.

    What is left out is counted in a last line.
    """
    lines = [f"{' ' * (len(line) - len(line.lstrip()))}{seen(line, 10 * LONGEST)}" for line in text.splitlines()]
    shown, room = [], limit
    for line in lines:
        written = "".join(map(_reference, line))
        room -= len(written) + 1
        if room < 0:
            break
        shown.append(_WWW.sub("&#46;", written))
    left = len(lines) - len(shown)
    return "\n".join(["<pre>", *shown, *([f"and {left} more lines"] if left else []), "</pre>"])


def marker(parent: str, environment: str, what: str = "preview") -> str:
    """Return the invisible line by which a comment about an environment is found again."""
    name = re.sub(r"[^a-zA-Z0-9/-]|--+", "_", f"{parent}/{environment}")
    return f"<!-- app-of-apps {what} of {name} -->"


def _visible(character: str) -> str:
    # Cf and the like: zero-width characters, marks of direction, tags; variation selectors show nothing either.
    if character == " " or (unicodedata.category(character)[0] not in "CZ" and not _varies(character)):
        return character
    return f"\\u{{{ord(character):x}}}"


def _varies(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef" or character == "\u3164"


def _reference(character: str) -> str:
    if character in _HARMLESS or not character.isascii() or character.isalnum():
        return character
    return f"&#{ord(character)};"
