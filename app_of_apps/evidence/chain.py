"""The chain of records, and what is wrong with one. Pure: needs the records and public keys, and no network.

Each record is signed and names the hash of the one before it, so none can be changed, left out, put elsewhere or
slipped in without a finding. What a chain cannot tell by itself is that its newest records are missing: for that its
head is kept outside of the cluster too (`Link`).
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app_of_apps.evidence.record import START, Record
from app_of_apps.evidence.signing import verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Signed:
    """A record exactly as it was signed."""

    text: str
    signature: str
    """Base64 of the 64 bytes."""
    key: str
    """``<mount>/<key>:<version>``."""

    @cached_property
    def hash(self) -> str:
        """What the next record names."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    @cached_property
    def readable(self) -> bool:
        """Whether the text is a record in its one canonical form."""
        return self._parsed is not None

    @property
    def record(self) -> Record:
        """The record; ValueError when the text is none."""
        if self._parsed is None:
            msg = "this text is no record"
            raise ValueError(msg)
        return self._parsed

    @cached_property
    def _parsed(self) -> Record | None:
        try:
            found = Record.model_validate_json(self.text)
            same = found.text == self.text
        except (ValidationError, ValueError, TypeError, RecursionError):
            return None
        return found if same else None

    def shape(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"record": self.text, "signature": self.signature, "key": self.key}

    @classmethod
    def of(cls, shape: Mapping[str, Any]) -> Signed:
        """Return what `shape` returned; a missing part is empty, and a finding later."""
        return cls(*(str(shape.get(part) or "") for part in ("record", "signature", "key")))


@dataclass(frozen=True, slots=True)
class Link:
    """One record by its place and its hash."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was signed."""

    subject: str
    """``record 7``, or a part of a bundle."""
    kind: str
    """``edited``, ``dropped``, ``reordered``, ``added``, ``unsigned`` …"""
    words: str

    def __str__(self) -> str:
        """Write it in one line."""
        return f"{self.subject} {self.kind}: {self.words}"


def check_chain(
    records: Sequence[Signed],
    keys: Callable[[str], Sequence[bytes]],
    *,
    anchor: Link | None = None,
    whole: bool = False,
) -> list[Finding]:
    """Return what is wrong with records that are given in their order; nothing when all is well.

    ``keys`` returns the public keys that a signature by a named key may be checked with. ``anchor`` is the newest
    record by a witness outside of the store. Unless the chain is to be ``whole`` a part of it may be given: what it
    begins with names a record that is not there, which is then no finding.
    """
    findings = [found for place, one in enumerate(records, 1) if (found := _content(place, one, keys)) is not None]
    sound = [one for one in records if one.readable]
    if whole and sound:
        findings += (
            Finding(found.subject, "dropped", "the records after it are there")
            for found in _missing(1, min(one.record.sequence for one in sound) - 1)
        )
    findings += _order(sound)
    findings += _links(sound)
    if anchor is not None:
        findings += _tail(sound, anchor)
    return findings


def _content(place: int, one: Signed, keys: Callable[[str], Sequence[bytes]]) -> Finding | None:
    subject = f"record {one.record.sequence}" if one.readable else f"entry {place}"
    candidates = keys(one.key)
    if not candidates:
        return Finding(subject, "unsigned", f"there is no public key {one.key or '(none named)'} to check it with")
    if not any(verified(key, one.signature, one.text.encode()) for key in candidates):
        return Finding(subject, "edited", f"it is not what {one.key} signed")
    if not one.readable:
        return Finding(subject, "edited", "it is signed, and no record that this version can read")
    return None


def _order(records: Sequence[Signed]) -> Iterator[Finding]:
    """Find what stands before a smaller number, twice, or not at all."""
    highest, seen = 0, set()
    for one in records:
        number = one.record.sequence
        if number in seen:
            yield Finding(f"record {number}", "added", "there is another record with this number")
        elif number < highest:
            yield Finding(f"record {number}", "reordered", f"it stands after record {highest}")
        seen.add(number)
        highest = max(highest, number)
    for before, after in itertools.pairwise(sorted(seen)):
        yield from _missing(before + 1, after - 1)


def _missing(first: int, last: int) -> Iterator[Finding]:
    if first == last:
        yield Finding(f"record {first}", "dropped", "the records around it are there")
    elif first < last:
        yield Finding(f"records {first} to {last}", "dropped", "the records around them are there")


def _links(records: Sequence[Signed]) -> Iterator[Finding]:
    """Find a record that names another one before it than the one that is there."""
    by_number: dict[int, list[Signed]] = {}
    for one in records:
        by_number.setdefault(one.record.sequence, []).append(one)
    for number, same in sorted(by_number.items()):
        before = {one.hash for one in by_number.get(number - 1, [])}
        for one in same:
            if number == 1 and one.record.previous != START:
                yield Finding("record 1", "edited", "it names a record before it, and is said to be the first")
            elif before and one.record.previous not in before:
                yield Finding(f"record {number}", "edited", f"it does not follow the record {number - 1} that is here")


def _tail(records: Sequence[Signed], anchor: Link) -> Iterator[Finding]:
    newest = max((one.record.sequence for one in records), default=0)
    if newest < anchor.sequence:
        yield from (
            Finding(found.subject, "dropped", f"the chain ends at record {anchor.sequence}, says the anchor outside")
            for found in _missing(newest + 1, anchor.sequence)
        )
    elif all(one.hash != anchor.hash for one in records if one.record.sequence == anchor.sequence):
        words = "it is not the one that the anchor outside of the cluster names"
        yield Finding(f"record {anchor.sequence}", "edited", words)
