"""The issue about drift: what the cluster says in it is only text, whatever it says."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from app_of_apps.review.defuse import markdown_block, marker
from tests.unit.review.test_defuse import HOSTILE, elements

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rendered(text: str) -> list[str]:
    body = f"{marker('shop', 'prod', 'drift')}\nwords\n\n{markdown_block(text, 60_000)}\n\nLast words\n"
    return elements(PARSER.render(body)).found


@pytest.mark.parametrize("text", [*HOSTILE, "</pre><img src=x>", "a\n\n</pre>\n\n# b", "<!-- -->", "\t@team #1"])
def test_whatever_is_found_the_issue_has_our_elements_and_no_others(text):
    assert rendered(text) == rendered("harmless")
    assert rendered(f"harmless\n\n    {text}\n") == rendered("harmless")
    block = markdown_block(text, 60_000)
    assert "@" not in block
    assert block.count("<") == 2


def test_a_block_keeps_its_lines_and_says_what_is_left_out():
    assert markdown_block("a: b\n  c\n\nd", 100) == "<pre>\na&#58; b\n  c\n\nd\n</pre>"
    assert markdown_block("one\ntwo\nthree", 9) == "<pre>\none\ntwo\nand 1 more lines\n</pre>"


def test_the_marker_says_what_it_is_about_and_nothing_else():
    assert marker("shop", "prod", "drift") == "<!-- app-of-apps drift of shop/prod -->"
    assert marker("shop", "prod") == "<!-- app-of-apps preview of shop/prod -->"
