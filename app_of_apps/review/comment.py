"""Writes pages as Markdown for a comment: short first, details folded, never longer than a comment may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.review.defuse import markdown, marker
from app_of_apps.review.page_model import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app_of_apps.review.page_model import Page, Piece, Row, Section

LIMIT: Final = 65_536
"""Characters of a comment on GitHub; GitLab allows more (https://docs.github.com/en/rest/issues/comments)."""
_CHILDREN: Final = "\n**Children**\n\n"


def comment(page: Page, *, limit: int = LIMIT, full: str = "") -> str:
    """Return the page as Markdown of at most ``limit`` characters; ends with a newline.

    What does not fit is left out from the least important upward, and a last line says so and where all of it is:
    ``full``, a URL that was checked, or the name of a file.
    """
    head = _block([marker(page.parent, page.environment), f"### {_line(page.title)}", "", *map(_row, page.facts)])
    rows = [f"{_row(row)}\n" for row in page.children]
    blocks = [_section(section) for section in page.sections]
    # The room for the note is kept free from the beginning, whether it is needed or not.
    room = limit - len(head) - len(_CHILDREN) - len(_note(len(rows), len(blocks), full))
    excess = sum(map(len, (*rows, *blocks))) - room
    dropped: set[int] = set()
    for index in sorted(range(len(blocks)), key=lambda index: (page.sections[index].importance, -index)):
        if excess <= 0:
            break
        dropped.add(index)
        excess -= len(blocks[index])
    shown = len(rows)
    while excess > 0 and shown:
        shown -= 1
        excess -= len(rows[shown])
    note = _note(len(rows) - shown, len(dropped), full) if dropped or shown < len(rows) else ""
    children = [_CHILDREN, *rows[:shown]] if shown else []
    return "".join([head, *children, *(text for index, text in enumerate(blocks) if index not in dropped), note])


def comments(pages: Sequence[Page], *, limit: int = LIMIT, full: str = "") -> str:
    """Return several pages as one text of at most ``limit`` characters."""
    share = limit // max(1, len(pages)) - 1
    return "\n".join(comment(page, limit=share if len(pages) > 1 else limit, full=full) for page in pages)


def _section(section: Section) -> str:
    if section.unfolded:
        return _block(["", f"**{_line(section.title)}**", "", *map(_row, section.rows)])
    summary = f"<summary>{_summary(section.title)}</summary>"
    return _block(["", "<details>", summary, "", *map(_row, section.rows), "", "</details>"])


def _block(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _note(rows: int, sections: int, full: str) -> str:
    parts = [_count(rows, "line")] if rows else []
    parts += [_count(sections, "section")] if sections else []
    where = f" All of it: {_place(full)}" if full else " `--full FILE` writes all of it."
    return f"\n_{' and '.join(parts)} left out, because a comment has no room for more._{where}\n"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"


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
