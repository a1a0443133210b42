"""Writes pages as Markdown for a comment: short first, details folded, never longer than a comment may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.review.defuse import markdown, marker
from app_of_apps.review.page import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app_of_apps.review.page import Page, Piece, Row, Section

LIMIT: Final = 65_536
"""Characters of a comment on GitHub; GitLab allows more (https://docs.github.com/en/rest/issues/comments)."""


def comment(page: Page, *, limit: int = LIMIT, full: str = "") -> str:
    """Return the page as Markdown of at most ``limit`` characters; ends with a newline.

    What does not fit is left out from the least important upward, and a last line says so and where all of it is:
    ``full``, a URL that was checked, or the name of a file.
    """
    left, out = list(page.sections), 0
    text = _written(page, left)
    while len(text) > limit and left:
        least = min(one.importance for one in left)
        left.remove([one for one in left if one.importance == least][-1])
        out += 1
        text = _written(page, left, _note(out, "section", full))
    rows = list(page.children)
    while len(text) > limit and rows:
        keep = len(rows) - max(1, len(rows) // 8)
        rows = rows[:keep]
        text = _written(page, left, _note(len(page.children) - keep, "child", full, sections=out), rows)
    return text


def comments(pages: Sequence[Page], *, limit: int = LIMIT, full: str = "") -> str:
    """Return several pages as one text of at most ``limit`` characters."""
    share = limit // max(1, len(pages)) - 1
    return "\n".join(comment(page, limit=share if len(pages) > 1 else limit, full=full) for page in pages)


def _written(page: Page, sections: Iterable[Section], note: str = "", children: Sequence[Row] | None = None) -> str:
    lines = [marker(page.parent, page.environment), f"### {_line(page.title)}", ""]
    lines += [_row(row) for row in page.facts]
    shown = page.children if children is None else children
    if shown:
        lines += ["", "**Children**", "", *map(_row, shown)]
    for section in sections:
        if section.unfolded:
            lines += ["", f"**{_line(section.title)}**", "", *map(_row, section.rows)]
        else:
            lines += ["", "<details>", f"<summary>{_summary(section.title)}</summary>", "", *map(_row, section.rows)]
            lines += ["", "</details>"]
    if note:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def _note(count: int, what: str, full: str, *, sections: int = 0) -> str:
    things = {"section": "section", "child": "line"}[what]
    also = f" and {sections} sections" if sections else ""
    where = f" All of it: {_place(full)}" if full else " `--full FILE` writes all of it."
    return (
        f"_{count} {things}{'s' if count != 1 else ''}{also} left out, because a comment has no room for more._{where}"
    )


def _place(full: str) -> str:
    return f"<{full}>" if full.startswith(("https://", "http://")) else markdown(full)


def _row(row: Row) -> str:
    return f"{'  ' * row.level}- {_line(row.pieces)}"


def _line(pieces: Iterable[Piece]) -> str:
    return "".join(markdown(one.text) if isinstance(one, Value) else _ours(one) for one in pieces)


def _summary(pieces: Iterable[Piece]) -> str:
    """Return a line of an HTML element, in which Markdown means nothing; the references of values are HTML's, too."""
    return "".join(markdown(one.text) if isinstance(one, Value) else one for one in pieces)


def _ours(text: str) -> str:
    """Return our own words with the marks at their beginning kept from becoming lists of Markdown."""
    return f"`{text[0]}` {text[2:]}" if text[:2] in {"+ ", "- ", "~ ", "= "} else text
