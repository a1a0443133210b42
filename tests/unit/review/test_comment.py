"""The comment: short first, never too long, the same every time; and the other forms of what there is to read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app_of_apps.errors import Position, Problem
from app_of_apps.review.comment import LIMIT, comment, comments
from app_of_apps.review.defuse import seen as seen_text
from app_of_apps.review.document import html_document, plain_text
from app_of_apps.review.drifted import Drifted, Reality
from app_of_apps.review.model import Confidence, Field, Halted, Resource, Violation
from app_of_apps.review.page import page
from app_of_apps.review.sarif import sarif
from app_of_apps.review.shape import shape, shapes
from app_of_apps.review.waiting import Span, Waiting
from tests.unit.cli.test_reference import documented, keys
from tests.unit.review.lab import seen
from tests.unit.review.test_defuse import HOSTILE, elements

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HALTED = Halted(
    "shop", "prod", 2, "InvalidInput", "bad", (Problem(Position("apps/a b.yaml", 3, 5), "name", "no", "mend"),)
)


def with_text(text: str):
    """Return a preview in which everything that can come from outside is this text."""
    found = seen("removed-service")
    field = Field(text, "changed", text, text)
    resource = Resource("update", text, text, text, Confidence.UNKNOWN, "why", (field,))
    children = [
        replace(one, name=text, team=text, version=text, words=(text,), resources=(resource,)) for one in found.children
    ]
    drifted = Drifted(text, "kubernetes", text, text, text, "changed", text, text, text, by=(text,))
    reality = Reality((drifted, replace(drifted, child=None, what="added")), unread=(text,), notes=(text,))
    span = Span(1.0, 1.0, 1.0, 1)
    waiting = Waiting(span, (text, text), ((text, span),), (text,), asked=True, approvals=span)
    texts = {"words": (text,), "warnings": (text,), "unknown": (text,), "left_over": (text,)}
    return replace(found, children=tuple(children), reality=reality, waiting=waiting, **texts)


def many(children: int, *, long: bool = False):
    """Return a preview of many children that all change."""
    found = replace(seen("version-bump"), reality=None, waiting=None)
    resource = found.children[-1].resources or found.touched[0].resources
    every = [
        replace(found.touched[0], name=f"child-{number:04}" + "x" * (200 if long else 0), resources=resource)
        for number in range(children)
    ]
    return replace(found, children=tuple(every))


@example(HOSTILE[7])
@example(HOSTILE[6])
@settings(max_examples=30, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)).filter(lambda text: bool(seen_text(text))))
def test_whatever_values_say_a_comment_has_the_elements_of_ours_and_no_others(text):
    found = with_text(" ".join(text.splitlines()))  # a text of several lines is several rows
    plain = elements(PARSER.render(comment(page(with_text("harmless"))))).found
    assert elements(PARSER.render(comment(page(found)))).found == plain
    assert comment(page(found)).count("<!--") == 1
    assert elements(html_document([page(found)])).found == elements(html_document([page(with_text("harmless"))])).found


@pytest.mark.parametrize("count", [1, 100, 500, 2000])
@pytest.mark.parametrize("long", [False, True])
def test_a_comment_is_never_longer_than_a_comment_may_be(count, long):
    text = comment(page(many(count, long=long)), full="preview.html")
    assert len(text) <= LIMIT
    assert text.count("<details>") == text.count("</details>")
    if count >= 500:
        assert "left out, because a comment has no room for more._ All of it: <code>preview.html</code>" in text


def test_the_least_important_goes_first_and_what_must_not_be_overlooked_stays():
    found = replace(many(120), access=seen("widened-access").access, base="release-1")
    whole = comment(page(found), limit=10**9)
    text = comment(page(found), limit=len(whole) - 1)
    assert "Of the parent itself" in whole
    assert "Of the parent itself" not in text
    assert "child-0119</code> (team <code>orders</code>)</summary>" in text
    short = comment(page(found), limit=24_000)
    assert "Look at this" in short
    assert "child-0119" in short
    assert "child-0119</code> (team <code>orders</code>)</summary>" not in short


def test_of_many_risks_the_errors_are_shown_and_the_rest_is_counted():
    (gains, _) = seen("widened-access").access
    found = replace(
        seen("widened-access"),
        access=tuple(replace(gains, target=f"thing-{number:04}") for number in range(3000)),
        policies=(Violation("pack/rule", "no", mandatory=True),),
    )
    text = comment(page(found))
    assert len(text) <= LIMIT
    assert "- error: A policy is violated: " in text
    assert "and 2986 more, below" in text
    assert comment(page(found), limit=10**9).count("thing-2999") == 2  # there, and in the access


def test_a_comment_that_fits_says_nothing_of_a_shortening():
    assert "left out" not in comment(page(seen("version-bump")), full="x.html")


def test_a_link_to_the_rest_is_one():
    assert "All of it: <https://ci.example/1>" in comment(page(many(500)), full="https://ci.example/1")


def test_several_environments_share_the_room_and_keep_their_markers():
    pages = [page(many(500)), page(HALTED), page(many(500))]
    text = comments(pages)
    assert len(text) <= LIMIT
    assert text.count("<!-- app-of-apps preview of ") == 3
    assert comments([page(HALTED)]) == comment(page(HALTED))


def test_a_comment_is_the_same_every_time_whatever_it_took():
    found = seen("version-bump")
    slow = replace(found, report=replace(found.report, seconds=99.0))
    assert comment(page(found)) == comment(page(slow))
    assert html_document([page(found)]) == html_document([page(slow)])


def test_the_summary_comes_before_the_details():
    text = comment(page(seen("version-bump")))
    assert text.index("**Children**") < text.index("<details>")
    children = text[text.index("**Children**") :]
    assert children.index("orders-migration") < children.index("<code>orders</code>")


def test_why_there_is_no_preview_is_told_in_every_form():
    text = comment(page(HALTED))
    assert text.startswith(
        "<!-- app-of-apps preview of shop/prod -->\n### Preview of <code>shop in prod</code>: there is none"
    )
    assert "apps/a b.yaml&#58;3&#58;5" in text
    assert plain_text(HALTED) == "prod: bad"
    assert shape(HALTED)["problems"] == [
        {"file": "apps/a b.yaml", "line": 3, "column": 5, "path": "name", "message": "no", "hint": "mend"}
    ]
    (result,) = sarif([HALTED])["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], place["artifactLocation"]["uri"]) == ("invalid", "apps/a%20b.yaml")
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    refused = replace(HALTED, problems=(), kind="Refused", message="no\n  because")
    (result,) = sarif([refused])["runs"][0]["results"]
    assert (result["ruleId"], result["message"]["text"]) == ("no-preview", "prod: Refused: no ⏎ because")


def test_sarif_is_one_run_whose_results_name_rules_that_are_there():
    log = sarif([seen("removed-service"), seen("widened-access"), seen("broken-migration"), HALTED])
    (run,) = log["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert log["version"] == "2.1.0"
    assert len(run["results"]) == 6
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    prints = [one["partialFingerprints"]["appOfApps/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_message_of_sarif_has_no_links_or_placeholders(text):
    found = replace(seen("new-service"), policies=(Violation("pack/rule", text, mandatory=True),))
    (result,) = sarif([found])["runs"][0]["results"]
    plain = result["message"]["text"].replace("\\\\", "").replace("\\[", "").replace("\\]", "")
    assert not set("[]{}") & set(plain.replace("\\{", "").replace("\\}", ""))


def test_json_keeps_the_shape_of_the_report():
    found = seen("version-bump")
    told = json.loads(json.dumps(shape(found)))
    assert (told["format"], told["preview"]["format"]) == ("app-of-apps/report/v1", "app-of-apps/preview/v1")
    assert [one["name"] for one in told["children"]] == [one.name for one in found.children]
    assert [one.get("environment") for one in shapes([found, HALTED])["environments"]] == ["staging", "prod"]


def test_the_documented_shapes_are_what_is_printed():
    found = seen("version-bump")
    secret = seen("broken-migration").touched[0].secrets
    child = replace(found.touched[0], secrets=secret)
    full = replace(
        found,
        children=(child,),
        policies=(Violation("pack/rule", "x", mandatory=False),),
        access=seen("widened-access").access,
        around=(),
    )
    told = shape(full)["preview"]
    assert keys(told) | {".confidence.exact"} == keys(documented("app-of-apps/preview/v1"))
    assert keys(shapes([HALTED])) == keys(documented("app-of-apps/previews/v1"))


def test_text_begins_with_the_report():
    text = plain_text(seen("removed-service"))
    assert text.startswith("preview of shop in staging can be done after 3s · release ")
    assert "LOOK AT THIS\n  warning: A child would be removed: mailer (worker 1.3.2, team orders)" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_text_for_a_terminal_has_no_codes_of_others(text):
    assert all(character.isprintable() or character == "\n" for character in plain_text(with_text(text)))
