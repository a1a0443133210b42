"""What `aoa evidence verify` finds: every record edited, dropped, reordered or added, by name."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps import __version__
from app_of_apps.errors import InvalidInput
from app_of_apps.evidence.archive import KEYS, MANIFEST, README, RECORDS, REPORT, SIGNATURE, pack, sealed, unpack
from app_of_apps.evidence.bundle import Asked, End, Statement, bundle, selected, span
from app_of_apps.evidence.keys import Keys, fingerprint, read_keys
from app_of_apps.evidence.verification import Verdict, verify
from app_of_apps.release.digest import canonical_json

from .chains import EVIDENCE, KEY, START, Chain, approval, private_key, public, signature, week

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app_of_apps.evidence.chain import Signed

PUBLIC = {KEY: public(EVIDENCE)}
MUTATIONS = 1000


def about(records: Sequence[Signed], **more: Any) -> Statement:
    last = records[-1]
    fields: dict[str, Any] = {
        "parent": "shop",
        "environment": "prod",
        "made": "2026-11-24T09:00:00Z",
        "program": __version__,
        "asked": Asked(),
        "range": span(records),
        "head": End(sequence=last.record.sequence, hash=last.hash),
        "anchor": None,
        "keys": {name: fingerprint(key) for name, key in PUBLIC.items()},
    }
    return Statement(**{**fields, **more})


def sign(content: bytes) -> tuple[str, str]:
    return signature(EVIDENCE, content), KEY


def exported(records: Sequence[Signed], *, signed: bool = True, **more: Any) -> bytes:
    return bundle(about(records, **more), records, PUBLIC, sign if signed else lambda _: None)


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Verdict]:
    def run(content: bytes, pinned: Keys | None = None) -> Verdict:
        file = tmp_path / "bundle.zip"
        file.write_bytes(content)
        return verify(file, pinned)

    return run


@dataclass
class Opened:
    """A bundle in its parts, to be changed and packed again."""

    parts: dict[str, bytes]

    @classmethod
    def of(cls, content: bytes, folder: Path) -> Opened:
        file = folder / "opened.zip"
        file.write_bytes(content)
        return cls(dict(unpack(file).parts))

    @property
    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.parts[RECORDS].splitlines()]

    def with_lines(self, lines: Sequence[dict[str, str]]) -> Opened:
        return Opened({**self.parts, RECORDS: b"".join(canonical_json(line) + b"\n" for line in lines)})

    def unsigned(self) -> Opened:
        """What somebody makes who has no key: digests fitted to the parts, the signature taken out."""
        manifest = json.loads(self.parts[MANIFEST])
        manifest["parts"] = {name: sealed(self.parts[name]) for name in manifest["parts"]}
        return Opened({**{k: v for k, v in self.parts.items() if k != SIGNATURE}, MANIFEST: canonical_json(manifest)})

    def packed(self) -> bytes:
        return pack(self.parts)


def told(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.subject, each.kind) for each in verdict.findings]


def test_a_bundle_as_it_was_exported_is_whole(check: Callable[..., Verdict]) -> None:
    records = week().records
    verdict = check(exported(records))
    assert told(verdict) == []
    assert verdict.notes == ()
    assert not verdict.pinned
    assert [record.sequence for record in verdict.records] == list(range(1, len(records) + 1))
    assert verdict.keys == {KEY: (fingerprint(PUBLIC[KEY]),)}
    assert check(exported(records), Keys(PUBLIC)).pinned


def test_a_range_from_the_middle_is_whole(check: Callable[..., Verdict]) -> None:
    records = week().records
    head = End(sequence=records[-1].record.sequence, hash=records[-1].hash)
    assert told(check(exported(records[3:7], head=head, anchor=head))) == []


def test_an_empty_range_is_whole(check: Callable[..., Verdict]) -> None:
    records = week().records
    empty = bundle(about(records, range=None), (), PUBLIC, sign)
    assert told(check(empty)) == []


def test_the_same_records_make_the_same_bundle() -> None:
    assert exported(week().records) == exported(week().records)


def edit(line: dict[str, str], **more: Any) -> dict[str, str]:
    return {**line, "record": canonical_json({**json.loads(line["record"]), **more}).decode()}


@pytest.mark.parametrize("hidden", [False, True], ids=["manifest kept", "manifest fitted"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda lines: [*lines[:4], *lines[5:]], ("record 5", "dropped"), id="dropped"),
        pytest.param(lambda lines: [*lines[:4], *lines[7:]], ("records 5 to 7", "dropped"), id="some dropped"),
        pytest.param(lambda lines: lines[1:], ("record 1", "dropped"), id="the first dropped"),
        pytest.param(lambda lines: lines[:-2], ("records 10 to 11", "dropped"), id="the last dropped"),
        pytest.param(lambda _: [], ("records 1 to 11", "dropped"), id="all dropped"),
        pytest.param(
            lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], ("record 4", "reordered"), id="swapped"
        ),
        pytest.param(lambda lines: [*lines[1:], lines[0]], ("record 1", "reordered"), id="first put last"),
        pytest.param(lambda lines: [*lines, lines[2]], ("record 3", "added"), id="repeated"),
        pytest.param(lambda lines: [edit(lines[0], reason="x"), *lines[1:]], ("record 1", "edited"), id="edited"),
        pytest.param(
            lambda lines: [*lines[:2], {**lines[2], "signature": lines[3]["signature"]}, *lines[3:]],
            ("record 3", "edited"),
            id="another signature",
        ),
        pytest.param(
            lambda lines: [*lines[:2], {**lines[2], "record": lines[2]["record"].replace(",", ", ", 1)}, *lines[3:]],
            ("entry 3", "edited"),
            id="another spelling",
        ),
        pytest.param(
            lambda lines: [*lines[:2], {**lines[2], "key": "transit/other:1"}, *lines[3:]],
            ("record 3", "unsigned"),
            id="another key",
        ),
    ],
)
def test_what_was_done_to_the_records_is_named(
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    expected: tuple[str, str],
    hidden: bool,  # noqa: FBT001 - pytest's
    check: Callable[..., Verdict],
    tmp_path: Path,
) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    changed = opened.with_lines(change(opened.lines))
    verdict = check((changed.unsigned() if hidden else changed).packed())
    assert expected in told(verdict)
    assert ((RECORDS, "edited") in told(verdict)) is not hidden


def test_a_record_that_somebody_added_with_a_key_of_their_own_is_named(
    check: Callable[..., Verdict], tmp_path: Path
) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    lines = opened.lines
    forged = edit(lines[-1], sequence=len(lines) + 1, previous=week().records[-1].hash)
    forged["signature"] = signature(private_key(99), forged["record"].encode())
    verdict = check(opened.with_lines([*lines, forged]).unsigned().packed())
    assert (f"record {len(lines) + 1}", "edited") in told(verdict)
    assert (f"record {len(lines) + 1}", "added") in told(verdict)


def test_a_record_of_another_environment_is_named(check: Callable[..., Verdict]) -> None:
    other = Chain(environment="staging")
    other.up(START)
    assert ("record 1", "added") in told(check(exported(other.records)))


def test_a_fork_that_was_signed_with_the_right_key_is_named(check: Callable[..., Verdict], tmp_path: Path) -> None:
    """Whoever may sign, and rewrites one record, has to rewrite all that follow: its hash stands in the next one."""
    opened = Opened.of(exported(week().records), tmp_path)
    lines = opened.lines
    forged = edit(lines[4], reason="nothing to see")
    forged["signature"] = signature(EVIDENCE, forged["record"].encode())
    verdict = check(opened.with_lines([*lines[:4], forged, *lines[5:]]).unsigned().packed())
    assert ("record 6", "edited") in told(verdict)


def test_a_rewritten_end_is_seen_against_the_anchor(check: Callable[..., Verdict]) -> None:
    records = week().records
    anchor = End(sequence=records[-1].record.sequence, hash="sha256:" + "1" * 64)
    assert told(check(exported(records, anchor=anchor))) == [(f"record {len(records)}", "edited")]


def test_records_dropped_at_the_edge_and_hidden_in_the_manifest_break_its_signature(
    check: Callable[..., Verdict], tmp_path: Path
) -> None:
    records = week().records
    opened = Opened.of(exported(records), tmp_path)
    shorter = Opened.of(exported(records[:-2], signed=False), tmp_path)
    assert check(shorter.packed()).notes  # the note says that nobody vouches for the edges
    kept = Opened({**shorter.parts, SIGNATURE: opened.parts[SIGNATURE]})
    assert told(check(kept.packed())) == [(MANIFEST, "edited")]


@pytest.mark.parametrize("name", [KEYS, RECORDS, REPORT, README])
def test_an_edited_part_is_named(name: str, check: Callable[..., Verdict], tmp_path: Path) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    changed = Opened({**opened.parts, name: opened.parts[name] + b"\n"})
    assert (name, "edited") in told(check(changed.packed()))


def test_a_page_that_says_something_else_than_the_records_is_named(
    check: Callable[..., Verdict], tmp_path: Path
) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    page = opened.parts[REPORT].replace(b"refused", b"granted")
    assert told(check(Opened({**opened.parts, REPORT: page}).unsigned().packed())) == [(REPORT, "edited")]


def test_pinned_keys_count_and_those_in_the_bundle_do_not(check: Callable[..., Verdict]) -> None:
    verdict = check(exported(week().records), Keys({KEY: public(private_key(7))}))
    assert {each.kind for each in verdict.findings} == {"edited"}
    assert len(verdict.findings) == len(week().records) + 1
    assert {each.kind for each in check(exported(week().records), Keys({"transit/x:1": b"k" * 32})).findings} == {
        "unsigned"
    }


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"environment": "staging"}, "another environment"),
        ({"digest": "sha256:" + "0" * 64}, "another release"),
    ],
)
def test_an_approval_of_something_else_is_named(
    more: dict[str, str], problem: str, check: Callable[..., Verdict]
) -> None:
    chain = Chain()
    chain.up(START, approvals=[approval("ada", "sha256:" + "2" * 64, START, **more)])
    verdict = check(exported(chain.records))
    assert [each.subject for each in verdict.findings] == ["record 1"]
    assert problem in str(verdict.findings[0])


def test_an_approval_that_its_approver_did_not_sign_is_named(check: Callable[..., Verdict]) -> None:
    chain = Chain()
    given = approval("ada", "sha256:" + "2" * 64, START)
    chain.up(START, approvals=[{**given, "payload": {**given["payload"], "reason": "really"}}])
    assert "not signed" in str(check(exported(chain.records)).findings[0])


def test_keys_are_read_in_three_spellings(tmp_path: Path) -> None:
    from app_of_apps.evidence.signing import pem

    key = PUBLIC[KEY]
    spellings = {
        "keys.json": json.dumps({"keys": {KEY: pem(key)}}),
        "vault.json": json.dumps({"data": {"name": "aoa-evidence-prod", "keys": {"1": {"public_key": _base64(key)}}}}),
        "key.pem": pem(key),
    }
    for name, text in spellings.items():
        (tmp_path / name).write_text(text)
        assert read_keys(tmp_path / name).candidates(KEY) == (key,), name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": {"a": 1}}',
        '{"keys": {"a": "b"}}',
        "[" * 10000,
        '{"data": {}}',
        '{"data": {"name": "x", "keys": {"1": {}}}}',
        "ÿ",
        '{"keys": {"a": "-----BEGIN PUBLIC KEY-----"}}',
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
)
def test_what_holds_no_keys_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput, match="keys cannot be read"):
        read_keys(file)


def _base64(key: bytes) -> str:
    import base64

    return base64.b64encode(key).decode()


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"1" * 5000,
    b"[" * 10_000,
    b'{"a":' * 10_000,
    b"\xff\xfe",
    b'"\\ud800"',
    b"{}",
    b"NaN",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, KEYS, RECORDS, REPORT])
def test_a_hostile_part_is_an_error_or_a_finding(
    name: str, content: bytes, check: Callable[..., Verdict], tmp_path: Path
) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    try:
        verdict = check(Opened({**opened.parts, name: content}).packed())
    except InvalidInput:
        assert name in {MANIFEST, KEYS}
        return
    assert verdict.findings


@pytest.mark.parametrize("value", [0, -1, 10**30, None, "x", [], {}, True, 1.5, "\ud800"], ids=repr)
@pytest.mark.parametrize(
    "field", ["sequence", "previous", "time", "who", "release", "approvals", "changes", "kind", "attempt"]
)
def test_a_hostile_field_is_a_finding(field: str, value: object, check: Callable[..., Verdict], tmp_path: Path) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    lines = opened.lines
    text = json.dumps({**json.loads(lines[2]["record"]), field: value}, sort_keys=True, separators=(",", ":"))
    lines[2] = {**lines[2], "record": text, "signature": signature(EVIDENCE, text.encode())}
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    assert check(Opened({**opened.parts, RECORDS: body}).packed()).findings


@pytest.mark.parametrize(
    "range_", [None, {"first": -(10**30), "last": 10**30, "count": 0, "previous": "", "hash": ""}], ids=["none", "huge"]
)
def test_a_hostile_range_is_a_finding(range_: object, check: Callable[..., Verdict], tmp_path: Path) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    manifest = json.loads(opened.parts[MANIFEST])
    manifest["about"]["range"] = range_
    assert check(Opened({**opened.parts, MANIFEST: canonical_json(manifest)}).unsigned().packed()).findings


def mutate(lines: list[dict[str, str]], dice: random.Random) -> list[dict[str, str]]:
    """Return the lines with one thing done to them."""
    lines = [dict(line) for line in lines]
    at, other = dice.sample(range(len(lines)), 2)
    match dice.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines[at], lines[other] = lines[other], lines[at]
        case 2:
            lines.insert(other, dict(lines[at]))
        case 3:
            field = dice.choice(("record", "signature"))
            text = lines[at][field]
            place = dice.randrange(len(text))
            lines[at][field] = text[:place] + chr(ord(text[place]) ^ (1 << dice.randrange(5))) + text[place + 1 :]
        case 4:
            lines[at]["record"], lines[other]["record"] = lines[other]["record"], lines[at]["record"]
        case 5:
            shape = json.loads(lines[at]["record"])
            name = dice.choice(sorted(shape))
            shape[name] = {"before": shape[name]}
            lines[at]["record"] = canonical_json(shape).decode()
        case 6:
            shape = json.loads(lines[at]["record"])
            shape["reason"] += "."
            text = canonical_json(shape).decode()
            # Signed again by somebody who may sign; a last record can be rewritten that way, which the head tells.
            lines[at] = {**lines[at], "record": text, "signature": signature(EVIDENCE, text.encode())}
        case _:
            del lines[min(at, other) : max(at, other)]
    return lines


def test_no_mutation_of_the_records_goes_unseen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    lines = opened.lines
    dice = random.Random(2026)  # noqa: S311 - the same mutations each time
    tried = 0
    file = tmp_path / "mutated.zip"
    while tried < MUTATIONS:
        changed = mutate(lines, dice)
        if changed == lines:
            continue
        tried += 1
        # Whoever mutates also fits the digests and takes out the signature: the records have to speak for themselves.
        file.write_bytes(opened.with_lines(changed).unsigned().packed())
        verdict = verify(file, Keys(PUBLIC))
        named = [
            each
            for each in verdict.findings
            if each.subject.startswith(("record ", "records ", "entry ", "records.jsonl line "))
        ]
        assert named, f"mutation {tried} went unseen"
    with capsys.disabled():
        print(f"\n{tried} mutations of a chain of {len(lines)} records, {tried} found")  # noqa: T201 - the figure


def test_a_time_takes_whole_attempts_without_a_gap() -> None:
    records = [one.record for one in week().records]
    began, ended = records[3], records[2]
    assert (ended.kind, began.kind) == ("ended", "began") or records
    for since in records:
        chosen = selected(records, _moment(since.time), None)
        numbers = [each.sequence for each in chosen]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert numbers[-1] == len(records)
        assert chosen[0].kind != "ended"
    assert selected(records, _moment("2030-01-01T00:00:00Z"), None) == ()
    assert selected(records, None, _moment("2000-01-01T00:00:00Z")) == ()


def _moment(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(text)


@pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("jq")), reason="needs openssl and jq")
def test_the_guide_in_a_bundle_checks_a_record_with_common_tools(tmp_path: Path) -> None:
    opened = Opened.of(exported(week().records), tmp_path)
    for name, content in opened.parts.items():
        (tmp_path / name).write_bytes(content)
    guide = opened.parts[README].decode()
    steps = [line.strip() for line in guide.splitlines() if line.startswith("    ") and "BUNDLE" not in line]
    assert len(steps) == 5
    run = ["sh", "-e", "-c", "\n".join(steps)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "record").read_text() == week().records[0].text
    (tmp_path / "record").write_text("something else")
    again = subprocess.run(["sh", "-e", "-c", steps[-1]], cwd=tmp_path, capture_output=True, check=False)
    assert again.returncode != 0
