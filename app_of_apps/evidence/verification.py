"""Checks a bundle with public keys alone, and names whatever in it is not as it was exported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app_of_apps import __version__
from app_of_apps.evidence.archive import KEYS, MANIFEST, RECORDS, REPORT, SIGNATURE, sealed, unpack, unreadable
from app_of_apps.evidence.bundle import Manifest
from app_of_apps.evidence.chain import Finding, Signed, check_chain
from app_of_apps.evidence.keys import fingerprint, parse_keys
from app_of_apps.evidence.report import report
from app_of_apps.evidence.signing import raw_key, verified
from app_of_apps.release.digest import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from app_of_apps.evidence.archive import Archive
    from app_of_apps.evidence.bundle import Statement
    from app_of_apps.evidence.keys import Keys
    from app_of_apps.evidence.record import Approval, Record


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about a bundle."""

    about: Statement
    records: tuple[Record, ...]
    """Those that can be read."""
    findings: tuple[Finding, ...]
    """What is not as it was signed; empty when all is well."""
    notes: tuple[str, ...]
    """What could not be checked."""
    keys: Mapping[str, tuple[str, ...]]
    """Name of each key that is said to have signed → fingerprints of the public keys it was checked with."""
    pinned: bool
    """Whether the keys came from somewhere else than the bundle."""


def verify(path: Path, pinned: Keys | None = None) -> Verdict:
    """Check a bundle with pinned keys, or with those that came with it.

    Raises InvalidInput when the file is no bundle, or lacks a part of one.
    """
    archive = unpack(path)
    manifest = _manifest(archive.parts[MANIFEST], path)
    own = parse_keys(archive.parts[KEYS])
    if own is None:
        raise unreadable(path, f"{KEYS} in it holds no public keys")
    keys, about = pinned or own, manifest.about
    signed, broken = _lines(archive.parts[RECORDS])
    readable = [one for one in signed if one.readable]
    records = tuple(one.record for one in readable)
    signature, notes = _signature(archive, keys)
    findings = (
        *(Finding(name, "added", "it is no part of a bundle; it was not looked at") for name in archive.strange),
        *signature,
        *_parts(archive, manifest),
        *broken,
        *check_chain(signed, keys.candidates),
        *_span(about, readable),
        *_place(about, records),
        *(finding for record in records for finding in _approvals(record, keys)),
        *(Finding("chain", "broken", f"when it was exported: {each}") for each in about.findings),
    )
    if about.program == __version__ and not findings and archive.parts[REPORT] != report(about, records).encode():
        findings = (Finding(REPORT, "edited", "the page is not the one that follows from the records"),)
    if about.program != __version__:
        notes = (*notes, f"the page was made by version {about.program}, so it was not made again to compare")
    names = sorted({one.key for one in signed})
    used = {name: tuple(map(fingerprint, keys.candidates(name))) for name in names}
    return Verdict(about, records, tuple(dict.fromkeys(findings)), notes, used, pinned is not None)


def _manifest(content: bytes, path: Path) -> Manifest:
    try:
        shape = json.loads(content)
        if canonical_json(shape) == content:
            return Manifest.model_validate(shape)
    except (ValidationError, ValueError, TypeError, RecursionError):
        pass
    raise unreadable(path, f"{MANIFEST} in it is no manifest of a bundle")


def _texts(content: bytes | str, *names: str) -> tuple[str, ...] | None:
    """Return the texts that a JSON object of exactly these members holds; None for anything else."""
    try:
        shape: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(shape, dict) or shape.keys() != set(names):
        return None
    values = [shape[name] for name in names]
    try:
        # A lone surrogate has no bytes that could have been signed.
        return tuple(value.encode().decode() for value in values)
    except (AttributeError, UnicodeEncodeError):
        return None


def _lines(content: bytes) -> tuple[list[Signed], list[Finding]]:
    signed: list[Signed] = []
    findings: list[Finding] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1):
        found = _texts(line, "record", "signature", "key")
        if found is None:
            findings.append(Finding(f"{RECORDS} line {number}", "edited", "it is no signed record"))
        else:
            signed.append(Signed(*found))
    return signed, findings


def _signature(archive: Archive, keys: Keys) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    content = archive.parts.get(SIGNATURE)
    if content is None:
        missing = (
            "the manifest is not signed, so nobody vouches for where the range begins and ends: records missing at its "
            "edges would not be seen"
        )
        return (), (missing,)
    found = _texts(content, "key", "signature")
    if found is None:
        return (Finding(SIGNATURE, "edited", "it is no signature"),), ()
    key, signature = found
    candidates = keys.candidates(key)
    if not candidates:
        message = f"it is signed with the key {key!a}, which is not among those given"
        return (Finding(MANIFEST, "unsigned", message),), ()
    if not any(verified(each, signature, archive.parts[MANIFEST]) for each in candidates):
        return (Finding(MANIFEST, "edited", "the signature was made over something else, or with another key"),), ()
    return (), ()


def _parts(archive: Archive, manifest: Manifest) -> Iterator[Finding]:
    """Yield each part that is not what the manifest says; the manifest cannot speak of itself and of its signature."""
    present = {name: part for name, part in archive.parts.items() if name not in {MANIFEST, SIGNATURE}}
    for name in sorted(present.keys() | manifest.parts.keys()):
        said = manifest.parts.get(name)
        if name not in present:
            yield Finding(ascii(name), "dropped", "the manifest names it")
        elif said is None:
            yield Finding(name, "added", "the manifest does not name it")
        elif said.model_dump() != sealed(present[name]):
            yield Finding(name, "edited", "its digest is not the one in the manifest")


def _place(about: Statement, records: Sequence[Record]) -> Iterator[Finding]:
    for record in records:
        if (record.parent, record.environment) != (about.parent, about.environment):
            words = f"it belongs to {record.parent!a} in {record.environment!a}"
            yield Finding(f"record {record.sequence}", "added", words)


def _span(about: Statement, records: Sequence[Signed]) -> Iterator[Finding]:
    """Yield what is missing at the edges of the range, what stands outside of it, and ends that do not meet."""
    said = about.range
    at = {one.record.sequence: one for one in records}
    if said is None:
        yield from (Finding(f"record {number}", "added", "the manifest speaks of no records") for number in at)
        return
    inside = [number for number in at if said.first <= number <= said.last]
    yield from _missing(said.first, min(inside, default=said.last + 1) - 1)
    yield from _missing(max(inside, default=said.last) + 1, said.last)
    outside = sorted(at.keys() - set(inside))
    yield from (Finding(f"record {number}", "added", "the manifest's range does not hold it") for number in outside)
    ends = [(said.last, said.hash, "the manifest")]
    ends += [(about.head.sequence, about.head.hash, "the head of the chain")] if about.head else []
    ends += [(about.anchor.sequence, about.anchor.hash, "the anchor outside of the cluster")] if about.anchor else []
    for number, digest, whose in ends:
        if number in at and at[number].hash != digest:
            yield Finding(f"record {number}", "edited", f"{whose} names another one")
    if said.first in at and at[said.first].record.previous != said.previous:
        yield Finding(f"record {said.first}", "edited", "it follows another record than the manifest says")


def _missing(first: int, last: int) -> Iterator[Finding]:
    if first <= last:
        subject = f"record {first}" if first == last else f"records {first} to {last}"
        yield Finding(subject, "dropped", "the manifest's range holds it")


def _approvals(record: Record, keys: Keys) -> Iterator[Finding]:
    """Yield each approval in a record that its approver did not sign, or that is about something else."""
    for one in (*record.approvals, *((record.break_glass,) if record.break_glass else ())):
        where = f"record {record.sequence}"
        if (problem := _approval(one, record, keys)) is not None:
            yield Finding(where, "unapproved", f"the approval with the key {one.key!a} {problem}")


def _approval(one: Approval, record: Record, keys: Keys) -> str | None:
    key = raw_key(one.public_key)
    pins = keys.candidates(one.key) if one.key in keys.named else ()
    if key is None or not verified(key, one.signature, canonical_json(one.payload)):
        return "is not signed with the public key beside it"
    if pins and key not in pins:
        return "is signed with another key than the pinned one"
    about = (one.payload.get("parent"), one.payload.get("environment"))
    if about != (record.parent, record.environment):
        return "is about another environment"
    if record.release and one.payload.get("digest") != record.release.digest:
        return "is about another release"
    return None
