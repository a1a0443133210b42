"""Writes pages as one HTML document that loads and runs nothing, and as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.report import render
from app_of_apps.review.defuse import markup, seen
from app_of_apps.review.model import Foreseen
from app_of_apps.review.page import page
from app_of_apps.review.page_model import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app_of_apps.review.model import Halted
    from app_of_apps.review.page_model import Page, Piece, Row

_HEAD: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview</title>
<style>
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --page: #f6f8fa; --paper: #fff; --line: #d1d9e0;
  --chip: #eff1f3; --added: #1a7f37; --removed: #cf222e; --changed: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9198a1; --page: #0d1117; --paper: #151b23;
  --line: #3d444d; --chip: #262c36; --added: #3fb950; --removed: #ff7b72; --changed: #e3b341; } }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--text); background: var(--page); }
code { font: 0.87em/1.4 ui-monospace, monospace; background: var(--chip); border-radius: 4px; padding: 0.15em 0.35em;
  overflow-wrap: anywhere; }
article { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 1.2rem 1.4rem;
  margin-bottom: 2rem; }
h1 { font-size: 1.4rem; margin: 0 0 0.6rem; } h1 code { font-size: 0.9em; }
h2 { font-size: 1.05rem; margin: 1.2rem 0 0.4rem; }
ul { list-style: none; margin: 0.3rem 0; padding: 0; }
li { padding: 0.12rem 0 0.12rem 0.8rem; border-left: 3px solid transparent; } li.deeper { margin-left: 1.5rem; }
li.added { border-color: var(--added); } li.removed, li.error { border-color: var(--removed); }
li.changed, li.warning { border-color: var(--changed); } li.same { color: var(--dim); }
h1 + ul { color: var(--dim); }
details { border-top: 1px solid var(--line); padding: 0.45rem 0; } article > details:first-of-type { margin-top: 1rem; }
details[open] > summary { margin-bottom: 0.3rem; } summary { cursor: pointer; font-weight: 600; }
summary code { font-weight: 400; }
@media print { body { background: none; margin: 0; } article { border: none; padding: 0; } }
</style>
</head>
<body>
"""

_LOOKS: Final = {
    "+ ": "added",
    "- ": "removed",
    "~ ": "changed",
    "= ": "same",
    "error: ": "error",
    "warning: ": "warning",
}
"""How lines of ours begin → the class that colours them."""


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
    return ["<ul>", *(f"<li{_classes(row)}>{_line(row.pieces)}</li>" for row in rows), "</ul>"]


def _classes(row: Row) -> str:
    """Return what a line looks like; what it says does not depend on that."""
    first = row.pieces[0] if row.pieces else ""
    begin = "" if isinstance(first, Value) else first
    found = ["deeper"] if row.level else []
    found += [name for mark, name in _LOOKS.items() if begin.startswith(mark)]
    return f' class="{" ".join(found)}"' if found else ""


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
