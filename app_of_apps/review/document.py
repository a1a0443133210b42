"""Writes pages as one HTML document that loads and runs nothing, and as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.report import render
from app_of_apps.review.defuse import markup, seen
from app_of_apps.review.model import Foreseen
from app_of_apps.review.page import Value, page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app_of_apps.review.model import Halted
    from app_of_apps.review.page import Page, Piece, Row

_HEAD: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }
code { background: #eff1f3; border-radius: 4px; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
article { border: 1px solid #d1d9e0; border-radius: 6px; padding: 0 1.2rem 1rem; margin-bottom: 2rem; }
details { margin: 0.4rem 0; } summary { cursor: pointer; }
ul { margin: 0.3rem 0; padding-left: 1.3rem; } li.deeper { margin-left: 1.5rem; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } code { background: #262c36; } }
</style>
</head>
<body>
"""


def html_document(pages: Sequence[Page]) -> str:
    """Return the pages as one document; ends with a newline."""
    return "".join([_HEAD, *map(_article, pages), "</body>\n</html>\n"])


def plain_text(outcome: Foreseen | Halted) -> str:
    """Return the report and what is known beside it as text for a terminal; ends without a newline."""
    if not isinstance(outcome, Foreseen):
        return f"{outcome.environment}: {outcome.message}"
    lines = [render(outcome.report)]
    found = page(outcome)
    for section in found.sections:
        if section.title == ("What to do next",):  # the report has said it
            continue
        lines += ["", _plain(section.title).upper() if len(section.title) == 1 else _plain(section.title)]
        lines += [f"  {'  ' * row.level}{_plain(row.pieces)}" for row in section.rows]
    lines += ["", *(_plain(row.pieces) for row in found.facts)]
    return "\n".join(lines)


def _article(found: Page) -> str:
    lines = ["<article>", f"<h1>{_line(found.title)}</h1>", *_list(found.facts)]
    if found.children:
        lines += ["<h2>Children</h2>", *_list(found.children)]
    for section in found.sections:
        is_open = " open" if section.unfolded else ""
        lines += [
            f"<details{is_open}>",
            f"<summary>{_line(section.title)}</summary>",
            *_list(section.rows),
            "</details>",
        ]
    return "\n".join([*lines, "</article>", ""])


def _list(rows: Iterable[Row]) -> list[str]:
    deeper = ("", ' class="deeper"')
    return ["<ul>", *(f"<li{deeper[bool(row.level)]}>{_line(row.pieces)}</li>" for row in rows), "</ul>"]


def _line(pieces: Iterable[Piece]) -> str:
    return "".join(
        f"<code>{markup(one.text) or '(empty)'}</code>" if isinstance(one, Value) else markup_ours(one)
        for one in pieces
    )


def markup_ours(text: str) -> str:
    """Return our own words for HTML, their spaces kept."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(pieces: Iterable[Piece]) -> str:
    return "".join((seen(one.text) or '""') if isinstance(one, Value) else one for one in pieces)
