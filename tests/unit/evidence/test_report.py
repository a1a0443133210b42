"""The page for auditors: everything escaped, nothing fetched, readable without eyes, and the same each time."""

from __future__ import annotations

import itertools
from html.parser import HTMLParser
from typing import Any

import pytest

from app_of_apps.evidence.bundle import Asked, End, Statement, span
from app_of_apps.evidence.controls import CONTROLS
from app_of_apps.evidence.report import report

from .chains import START, Chain, approval, week

VOID = {"meta", "br", "hr", "img", "link", "input"}
NASTY = "<script>alert(1)</script>\"'&\u202eevil\x1b[31m"


def about(records, **more: Any) -> Statement:
    last = records[-1] if records else None
    fields: dict[str, Any] = {
        "parent": "shop",
        "environment": "prod",
        "made": "2026-11-24T09:00:00Z",
        "program": "0.1.0",
        "asked": Asked(since="2026-11-16T00:00:00Z"),
        "range": span(records),
        "head": End(sequence=last.record.sequence, hash=last.hash) if last else None,
        "anchor": None,
        "keys": {"transit/aoa-evidence-prod:1": "SHA256:abc"},
    }
    return Statement(**{**fields, **more})


def page(chain: Chain, **more: Any) -> str:
    return report(about(chain.records, **more), [one.record for one in chain.records])


class Outline(HTMLParser):
    """What a page is made of; an error when an element is not closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_it_answers_who_approved_what() -> None:
    words = Outline(page(week())).words
    assert "version 1.1.0 → 1.1.1-hotfix" in words
    assert "ada, ben" in words
    assert "break-glass by ben: shop is down" in words
    assert "refused: 0 of 2 approvals" in words


def test_it_names_every_control_and_what_is_not_shown() -> None:
    words = Outline(page(week())).words
    for control in CONTROLS:
        assert f"{control.name}: {control.title}" in words
        assert f"Not shown here: {control.elsewhere}" in words
    assert "No record of this range gives evidence for it." in words


def test_it_is_the_same_each_time() -> None:
    assert page(week()) == page(week())


def test_nothing_is_fetched_and_nothing_runs() -> None:
    outline = Outline(page(week()))
    assert not {"script", "img", "link", "iframe", "object", "form", "svg"} & {tag for tag, _ in outline.tags}
    targets = [value for _, attrs in outline.tags for name, value in attrs.items() if name in {"src", "href"}]
    assert all(value and value.startswith("#") for value in targets)
    assert {target.removeprefix("#") for target in targets if target} <= set(outline.ids)
    assert "url(" not in page(week())
    policies = [attrs.get("content") for tag, attrs in outline.tags if attrs.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_reader_without_eyes_finds_the_way() -> None:
    outline = Outline(page(week()))
    tags = [tag for tag, _ in outline.tags]
    assert ("html", {"lang": "en"}) in outline.tags
    assert tags.count("h1") == tags.count("main") == 1
    assert tags.count("table") == tags.count("caption") > 3
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in outline.tags if tag == "th")
    assert len(outline.ids) == len(set(outline.ids))
    levels = [int(tag[1]) for tag in tags if tag in {"h1", "h2", "h3"}]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def nasty() -> Chain:
    chain = Chain()
    given = approval("ada", "sha256:" + "1" * 64, START, reason=NASTY, approver={"name": NASTY, "entity": NASTY})
    who = {
        "kubernetes": {"username": NASTY, "uid": NASTY, "groups": [NASTY]},
        "vault": {"displayName": NASTY, "entity": NASTY, "entityName": NASTY, "policies": [NASTY]},
    }
    chain.add(
        "began",
        START,
        operation=NASTY,
        front=NASTY,
        program=NASTY,
        who=who,
        snapshot=NASTY,
        preview=NASTY,
        secrets={NASTY: 1},
        git={"commit": NASTY, "dirty": True, "author": NASTY, "authors": [NASTY]},
        release={"digest": NASTY, "number": 1, "name": NASTY},
        children={NASTY: {"digest": NASTY, "version": NASTY, "type": NASTY, "team": NASTY, "image": NASTY}},
        changes=[{"child": NASTY, "change": "changed", "words": [NASTY]}],
        approvals=[given],
        breakGlass=given,
        policies=[{"policy": NASTY, "verdict": NASTY}],
        overrides=[{"what": NASTY, "reason": NASTY}],
        reason=NASTY,
    )
    return chain


def test_nothing_that_others_wrote_becomes_markup() -> None:
    more = {"keys": {NASTY: NASTY}, "findings": (NASTY,), "notes": (NASTY,), "parent": NASTY, "environment": NASTY}
    text = page(nasty(), **more, made=NASTY, program=NASTY, asked=Asked(since=NASTY, until=NASTY))
    plain = Outline(page(week()))
    assert {tag for tag, _ in Outline(text).tags} <= {tag for tag, _ in plain.tags} | {"div", "ul", "li", "strong"}
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert Outline(text).words.count("<script>alert(1)</script>") > 20


def test_a_broken_chain_is_told_first() -> None:
    words = Outline(page(week(), findings=("record 7 dropped: gone",))).words
    assert "The chain was not whole when it was exported" in words
    assert "record 7 dropped: gone" in words


def test_an_empty_range_makes_a_page() -> None:
    assert "none in this time" in Outline(report(about((), range=None), ())).words


@pytest.mark.parametrize("count", [400])
def test_a_long_time_makes_a_page(count: int) -> None:
    chain = Chain()
    for _ in range(count):
        chain.add("refused", START, reason="no", result="refused")
    assert Outline(page(chain)).tags
