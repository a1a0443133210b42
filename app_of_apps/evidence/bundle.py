"""A bundle: the records of a time exactly as they are kept, public keys, a statement about them, and a page to read.

``records.jsonl`` has one line per record: ``{"key", "record", "signature"}``, where ``record`` is the text that was
signed. ``manifest.json`` says what the bundle is about and names the digest of every other part; its signature, made
with the environment's key by whoever exports and may sign, stands in ``manifest.signature.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from app_of_apps.evidence.archive import KEYS, MANIFEST, README, RECORDS, REPORT, SIGNATURE, pack, sealed
from app_of_apps.evidence.attempts import attempts, between
from app_of_apps.evidence.report import report
from app_of_apps.evidence.signing import pem
from app_of_apps.manifest.base import Model
from app_of_apps.release.digest import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from app_of_apps.evidence.chain import Signed
    from app_of_apps.evidence.record import Record

FORMAT: Final = "app-of-apps/evidence-bundle/v1"
KEYS_FORMAT: Final = "app-of-apps/evidence-keys/v1"


class End(Model):
    """The newest record of a chain, by its place and its hash."""

    sequence: int
    hash: str


class Asked(Model):
    """The time that was asked for, in UTC; null where it was left open."""

    since: str | None = None
    until: str | None = None


class Span(Model):
    """The records in the bundle."""

    first: int
    last: int
    count: int
    previous: str
    """Hash of the record before the first."""
    hash: str
    """Hash of the last record."""


class Statement(Model):
    """What whoever exports says about the records."""

    parent: str
    environment: str
    made: str
    """When it was exported, by the clock of the machine that did it."""
    program: str
    """Version of the program that exported."""
    asked: Asked
    range: Span | None
    """Null when no record lies in the time that was asked for."""
    head: End | None
    """The newest record of the whole chain."""
    anchor: End | None
    """What Vault, outside of the cluster, says the newest record is."""
    keys: Mapping[str, str]
    """Name of a key → SHA-256 of the public key."""
    findings: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """What was wrong with the chain when it was exported."""
    notes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """What could not be looked at."""


class Part(Model):
    """One part of the bundle."""

    bytes: int
    sha256: str


class Manifest(Model):
    """``manifest.json``."""

    format: Literal["app-of-apps/evidence-bundle/v1"] = FORMAT
    about: Statement
    parts: Mapping[str, Part]


_GUIDE: Final = """\
Evidence of releases, exported by App of Apps. Open report.html to read it.

To check it with App of Apps, without a network, with keys that you got from somewhere else than this file:

    aoa evidence verify BUNDLE --keys FILE

To check one record, here the first, with nothing but common tools:

    unzip BUNDLE
    sed -n 1p records.jsonl > line
    jq -j .record line > record
    jq -r .signature line | base64 -d > signature
    jq -r --arg key "$(jq -r .key line)" '.keys[$key]' keys.json > key.pem
    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in record -sigfile signature

The SHA-256 of `record` is what the next record names as its `previous`. manifest.json holds the SHA-256 of each part
and is signed in the same way in manifest.signature.json.
"""


def selected(records: Iterable[Record], since: datetime | None, until: datetime | None) -> tuple[Record, ...]:
    """Return the records of a time, without a gap, and with beginning and end of every attempt that reaches into it."""
    kept = tuple(records)
    found = [(each, {record.sequence for record in each.records}) for each in attempts(kept)]
    reaching = between((each for each, _ in found), since, until)
    wanted = {record.sequence for each in reaching for record in each.records}
    before: set[int] = set()
    while wanted != before:
        before = set(wanted)
        first, last = min(wanted), max(wanted)
        wanted |= {number for _, numbers in found if any(first <= one <= last for one in numbers) for number in numbers}
    return tuple(record for record in kept if record.sequence in wanted)


def span(records: Sequence[Signed]) -> Span | None:
    """Return which records these are, which follow one another; None of none."""
    if not records:
        return None
    first, last = records[0], records[-1]
    return Span(
        first=first.record.sequence,
        last=last.record.sequence,
        count=len(records),
        previous=first.record.previous,
        hash=last.hash,
    )


def bundle(
    about: Statement,
    records: Sequence[Signed],
    keys: Mapping[str, bytes],
    sign: Callable[[bytes], tuple[str, str] | None],
) -> bytes:
    """Return the file of a bundle. ``sign`` returns signature and key's name, None where it may not."""
    spelled = {name: pem(key) for name, key in sorted(keys.items())}
    lines = (canonical_json(one.shape()) for one in records)
    parts = {
        KEYS: _json({"format": KEYS_FORMAT, "keys": spelled}),
        RECORDS: b"".join(line + b"\n" for line in lines),
        REPORT: report(about, [one.record for one in records]).encode(),
        README: _GUIDE.encode(),
    }
    manifest = Manifest(about=about, parts={name: Part.model_validate(sealed(part)) for name, part in parts.items()})
    parts[MANIFEST] = canonical_json(manifest.model_dump(mode="json", by_alias=True))
    signed = sign(parts[MANIFEST])
    if signed is not None:
        signature, key = signed
        parts[SIGNATURE] = _json({"key": key, "signature": signature})
    return pack(parts)


def _json(shape: Mapping[str, Any]) -> bytes:
    return json.dumps(shape, indent=2, ensure_ascii=False).encode() + b"\n"
