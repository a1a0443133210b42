"""A chain of records: whatever is done to one of them is found, and the record is named."""

from __future__ import annotations

import base64
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.evidence.chain import Link, Signed, check_chain
from app_of_apps.evidence.record import START as ZEROS
from app_of_apps.evidence.record import Record
from app_of_apps.release.digest import canonical_json

from .chains import EVIDENCE, KEY, START, Chain, private_key, public, signature, week

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PUBLIC = public(EVIDENCE)
WHOLE = tuple(week().records)
NEWEST = Link(len(WHOLE), WHOLE[-1].hash)
MUTATIONS = 2000

Mutation = tuple[list[Signed], str, set[str]]
"""The records afterwards, the one that must be named, and what may be said of it."""


def keys(name: str) -> Sequence[bytes]:
    return [PUBLIC] if name == KEY else []


def named(records: Sequence[Signed], anchor: Link | None = NEWEST) -> set[tuple[str, str]]:
    return {(found.subject, found.kind) for found in check_chain(records, keys, anchor=anchor, whole=True)}


def of(number: int) -> str:
    return f"record {number}"


def signed(shape: dict[str, Any], key: Any = EVIDENCE, name: str = KEY) -> Signed:
    text = canonical_json(shape).decode()
    return Signed(text, signature(key, text.encode()), name)


def shape_of(record: Signed) -> dict[str, Any]:
    return record.record.model_dump(mode="json", by_alias=True)


# -- what can be done to a chain -------------------------------------------------------------------------------------


def edited(draw: random.Random) -> Mutation:
    """Change one character of a record, anywhere."""
    place = draw.randrange(len(WHOLE))
    text = WHOLE[place].text
    at = draw.randrange(len(text))
    other = draw.choice([one for one in '09azAZ "{},:\u00e9' if one != text[at]])
    changed = replace(WHOLE[place], text=text[:at] + other + text[at + 1 :])
    subjects = {of(place + 1), f"entry {place + 1}"}
    if changed.readable:
        subjects.add(of(changed.record.sequence))
    return [*WHOLE[:place], changed, *WHOLE[place + 1 :]], "edited", subjects


def rewritten(draw: random.Random) -> Mutation:
    """Change what a record says and write it in its canonical form again; nobody has the key."""
    place = draw.randrange(len(WHOLE))
    field, value = draw.choice([("result", "succeeded"), ("reason", "other"), ("front", "aoa"), ("seconds", 0.5)])
    shape = {**shape_of(WHOLE[place]), field: value, "program": "9.9.9"}
    changed = replace(WHOLE[place], text=canonical_json(shape).decode())
    return [*WHOLE[:place], changed, *WHOLE[place + 1 :]], "edited", {of(place + 1)}


def forged(draw: random.Random) -> Mutation:
    """Change a record and sign it with a key of one's own, under the name of the right one or of another."""
    place = draw.randrange(len(WHOLE))
    name, kind = draw.choice([(KEY, "edited"), ("transit/mine:1", "unsigned"), ("", "unsigned")])
    changed = signed({**shape_of(WHOLE[place]), "reason": "mine"}, private_key(99), name)
    return [*WHOLE[:place], changed, *WHOLE[place + 1 :]], kind, {of(place + 1)}


def unsigned(draw: random.Random) -> Mutation:
    """Spoil a signature: another record's, one with a bit turned, a shorter one, none."""
    place = draw.randrange(len(WHOLE))
    raw = bytearray(base64.b64decode(WHOLE[place].signature))
    raw[draw.randrange(64)] ^= 1 << draw.randrange(8)
    others = [one.signature for one in WHOLE if one is not WHOLE[place]]
    spoilt = [base64.b64encode(raw).decode(), draw.choice(others), WHOLE[place].signature[:-4], ""]
    changed = replace(WHOLE[place], signature=draw.choice(spoilt))
    return [*WHOLE[:place], changed, *WHOLE[place + 1 :]], "edited", {of(place + 1)}


def dropped(draw: random.Random) -> Mutation:
    """Leave out one record or several in a row, the first and the newest included."""
    first = draw.randrange(len(WHOLE))
    last = draw.randrange(first, len(WHOLE))
    subject = of(first + 1) if first == last else f"records {first + 1} to {last + 1}"
    return [*WHOLE[:first], *WHOLE[last + 1 :]], "dropped", {subject}


def reordered(draw: random.Random) -> Mutation:
    """Put a record behind a later one."""
    first = draw.randrange(len(WHOLE) - 1)
    last = draw.randrange(first + 1, len(WHOLE))
    records = list(WHOLE)
    records.insert(last, records.pop(first))
    return records, "reordered", {of(first + 1)}


def repeated(draw: random.Random) -> Mutation:
    """Put a record in a second time, anywhere."""
    copied = draw.choice(WHOLE)
    records = list(WHOLE)
    records.insert(draw.randrange(len(WHOLE) + 1), copied)
    return records, "added", {of(copied.record.sequence)}


def added(draw: random.Random) -> Mutation:
    """Slip in a record that the right key has signed for another chain."""
    other = Chain("other")
    for _ in range(draw.randrange(1, len(WHOLE) + 1)):
        other.add("note", START)
    foreign = other.records[-1]
    place = foreign.record.sequence
    return [*WHOLE[:place], foreign, *WHOLE[place:]], "added", {of(place)}


def replaced(draw: random.Random) -> Mutation:
    """Put a record of another chain, signed by the right key, in a record's place."""
    place = draw.randrange(len(WHOLE))
    shape = {**shape_of(WHOLE[place]), "reason": "signed by whoever may", "previous": ZEROS}
    records = [*WHOLE[:place], signed(shape), *WHOLE[place + 1 :]]
    return records, "edited", {of(place + 1), of(place + 2)}


@pytest.mark.parametrize("seed", range(5))
def test_no_mutation_goes_unseen_or_unnamed(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(seed)  # noqa: S311 - mutations to try
    ways: list[Callable[[random.Random], Mutation]] = [
        edited, rewritten, forged, unsigned, dropped, reordered, repeated, added, replaced
    ]  # fmt: skip
    tried: dict[str, int] = {}
    while sum(tried.values()) < MUTATIONS // 5:
        way = draw.choice(ways)
        records, kind, subjects = way(draw)
        found = named(records)
        assert {(subject, kind) for subject in subjects} & found, (way.__name__, kind, subjects, found)
        tried[way.__name__] = tried.get(way.__name__, 0) + 1
    assert tried.keys() == {way.__name__ for way in ways}
    with capsys.disabled():
        print(f"\n{sum(tried.values())} mutations of a chain of {len(WHOLE)} records, all named: {tried}")  # noqa: T201


# -- what is well ----------------------------------------------------------------------------------------------------


def test_a_whole_chain_has_no_findings() -> None:
    assert named(WHOLE) == set()
    assert named([], None) == set()


@pytest.mark.parametrize("first", range(len(WHOLE)))
def test_a_part_of_a_chain_has_no_findings(first: int) -> None:
    assert check_chain(WHOLE[first:], keys, anchor=NEWEST) == []
    assert check_chain(WHOLE[first : first + 3], keys) == []


@pytest.mark.parametrize("first", range(1, len(WHOLE)))
def test_a_chain_that_is_to_be_whole_begins_with_its_first_record(first: int) -> None:
    missing = "record 1" if first == 1 else f"records 1 to {first}"
    assert named(WHOLE[first:]) == named(WHOLE[first:], None) == {(missing, "dropped")}


def test_a_key_that_was_rotated_still_proves_what_it_signed() -> None:
    chain = week()
    fresh = private_key(7)
    number = chain.add("note", START)
    chain.records[-1] = Signed(
        chain.records[-1].text, signature(fresh, chain.records[-1].text.encode()), f"{KEY[:-1]}2"
    )
    known = {KEY: [PUBLIC], f"{KEY[:-1]}2": [public(fresh)]}
    assert check_chain(chain.records, lambda name: known.get(name, [])) == []
    (finding,) = check_chain(chain.records, keys)
    assert (finding.subject, finding.kind) == (of(number), "unsigned")


def test_an_empty_cluster_is_seen_against_the_anchor() -> None:
    assert named([]) == {(f"records 1 to {len(WHOLE)}", "dropped")}


def test_a_newest_record_that_was_signed_again_is_seen_against_the_anchor() -> None:
    again = signed({**shape_of(WHOLE[-1]), "reason": "again"})
    assert named([*WHOLE[:-1], again]) == {(of(len(WHOLE)), "edited")}
    assert named([*WHOLE[:-1], again], None) == set()


def test_a_chain_that_has_grown_since_the_anchor_was_set_is_whole() -> None:
    assert named(WHOLE, Link(3, WHOLE[2].hash)) == set()


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "{" * 5000, '{"format": "app-of-apps/record/v1"}'])
def test_what_is_no_record_is_a_finding_even_when_it_is_signed(text: str) -> None:
    signed_text = Signed(text, signature(EVIDENCE, text.encode()), KEY)
    assert ("entry 1", "edited") in named([signed_text], None)
    with pytest.raises(ValueError, match="no record"):
        _ = signed_text.record


def test_a_second_spelling_of_a_record_is_none() -> None:
    text = WHOLE[0].text.replace(",", ", ", 1)
    assert Record.model_validate_json(text) == WHOLE[0].record
    assert not Signed(text, signature(EVIDENCE, text.encode()), KEY).readable
