"""Whatever a value says, it is only read: nothing in it becomes Markdown, HTML, a mention, or our own marker."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app_of_apps.review.defuse import LONGEST, markdown, marker, markup, seen

HOSTILE = [
    "@team-orders please approve",
    "see #1, GH-1 and shop/orders#1",
    "merged in 0123456789abcdef0123456789abcdef01234567",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "</code></details><script>alert(1)</script>",
    "<!-- app-of-apps preview of shop/prod -->",
    "--> <b>free</b> <!--",
    "https://evil.example/login",
    "www.evil.example",
    "WWW.evil.example and mail@evil.example",
    "a | b\n|---|---|\n| c | d |",
    "`code` ``more``",
    "# a title\n## another",
    "- [x] done\n> quoted\n***\n---",
    "&lt;b&gt; &#64;team &amp;",
    "\\@team \\<b> \\",
    "*bold* _italic_ ~~gone~~ $x^2$ :tada: ==mark==",
    "[^1] [[wiki]] {{ template }} {% include %} /approve\n/merge",
    "\u202eevil\u202c \u200b@\u200dteam \ufeff\u2066x\u2069 \U000e0041",
    "\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x00",
    "line\r\nline\u2028line\u0085line\x0bline",
    "",
    "   ",
    "x" * 5000,
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
texts = st.one_of(st.text(), st.text("@#<>[]()!|`*_~&;:\\-\n w.x/"), st.sampled_from(HOSTILE))


class Elements(HTMLParser):
    """Keeps which elements and comments a document has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.found.append(f"{tag}{attrs or ''}")

    def handle_comment(self, data):
        self.found.append(f"<!--{data}-->")

    def handle_data(self, data):
        self.text += data


def elements(html: str) -> Elements:
    parser = Elements()
    parser.feed(html)
    parser.close()
    return parser


def hostile(test):
    for text in HOSTILE:
        test = example(text)(test)
    return given(texts)(test)


@hostile
def test_in_markdown_a_value_is_one_code_element_and_nothing_else(text):
    found = elements(PARSER.render(f"- before {markdown(text)} after"))
    assert found.found == ["ul", "li", "code"]
    assert " ".join(found.text.split()) == " ".join(f"before {seen(text) or '(empty)'} after".split())


@hostile
def test_no_character_that_means_something_is_left_in_markdown(text):
    inside = markdown(text).removeprefix("<code>").removesuffix("</code>")
    assert not re.search(r"[@<>\[\]!|`*_~\\:\"'{}$^?%\n]", inside)
    assert not re.search(r"(?i)www\.", inside)
    assert all(re.match(r"&#\d+;", inside[at.start() :]) for at in re.finditer("&", inside))
    assert all(inside[: at.start()].endswith("&") for at in re.finditer("#", inside))


@hostile
def test_no_value_can_be_our_marker(text):
    assert "<!--" not in markdown(text)
    assert marker("shop", "prod") not in markdown(text) + markup(text)


@hostile
def test_in_html_a_value_is_text_and_nothing_else(text):
    found = elements(f'<p title="{markup(text)}">{markup(text)}</p>')
    assert len(found.found) == 1
    assert found.text == seen(text)


@hostile
def test_a_value_is_one_line_in_which_nothing_is_hidden(text):
    line = seen(text)
    assert len(line) <= LONGEST
    assert line == line.strip()
    assert all(character.isprintable() for character in line)


@given(st.text(), st.text())
def test_a_marker_is_one_comment_whatever_the_names_are(parent, environment):
    found = elements(marker(parent, environment))
    assert len(found.found) == 1
    assert not found.text


def test_markers_of_two_environments_differ():
    assert marker("shop", "prod") == "<!-- app-of-apps preview of shop/prod -->"
    assert marker("shop", "prod") != marker("shop", "prod-eu")


@pytest.mark.parametrize("text", ["registry.example.com/shop/orders", "1.14.0", "update"])
def test_what_is_harmless_stays_readable(text):
    assert markdown(text) == f"<code>{text}</code>"


def test_what_was_hidden_is_written_out():
    assert seen("a\u200bb") == "a\\u{200b}b"
    assert seen("one\ntwo") == "one ⏎ two"
