"""The scanner finds a planted leak in every encoding and in every kind of place, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import io
import json
import textwrap
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from .scanner import ENCODINGS, Canary, scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALUE = 'c4n<a&ry>"q7\\w9é/e+r t=%z' + "K3j5H7g9F1d2S4a6"
CANARY = Canary("database", VALUE)
OTHER = Canary("mail", "another-value-that-is-nowhere-0123456789")
DATA = VALUE.encode()


def go_json(value: str) -> str:
    text = json.dumps({"v": value}, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def pieces(size: int) -> list[str]:
    return [VALUE[start : start + size] for start in range(0, len(VALUE), size)]


LEAKS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: DATA,
    "base64 at 0": lambda: base64.b64encode(DATA),
    "base64 at 1": lambda: base64.b64encode(b"x" + DATA + b"tail"),
    "base64 at 2": lambda: base64.b64encode(b"xy" + DATA + b"t"),
    "base64url": lambda: base64.urlsafe_b64encode(b"xy" + DATA),
    "base64url without padding": lambda: base64.urlsafe_b64encode(DATA).rstrip(b"="),
    "base64 of JSON": lambda: base64.b64encode(json.dumps({"password": VALUE}).encode()),
    "hex": lambda: DATA.hex().encode(),
    "upper hex": lambda: DATA.hex().upper().encode(),
    "hex with colons": lambda: DATA.hex(":").encode(),
    "URL": lambda: b"https://example.com/?v=" + quote(VALUE, safe="").encode(),
    "URL with plus": lambda: quote_plus(VALUE).encode(),
    "URL, every byte": lambda: "".join(f"%{byte:02x}" for byte in DATA).encode(),
    "JSON": lambda: json.dumps({"v": VALUE}).encode(),
    "JSON as Go writes it": lambda: go_json(VALUE).encode(),
    "JSON in JSON": lambda: json.dumps({"body": json.dumps({"v": VALUE})}).encode(),
    "reversed": VALUE[::-1].encode,
    "reversed base64": lambda: base64.b64encode(DATA)[::-1],
    "split over lines": lambda: "\n".join(textwrap.wrap(VALUE, 9, drop_whitespace=False)).encode(),
    "split with an indentation and a border": lambda: "\n    | ".join(pieces(7)).encode(),
    "split in escaped lines": lambda: json.dumps("\n".join(pieces(7))).encode(),
    "base64 in lines of 20": lambda: b"\n".join(base64.b64encode(b"x" + DATA)[i : i + 20] for i in range(0, 200, 20)),
    "other punctuation": lambda: "'+'".join(pieces(5)).encode(),
    "upper case": lambda: VALUE.upper().encode(),
}


def archive(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("inner.txt", data)
    return buffer.getvalue()


SINKS: dict[str, Callable[[bytes], bytes]] = {
    "log": lambda leak: b"12:00:00 INFO starting\n12:00:01 WARN value " + leak + b" was refused\n",
    "state": lambda leak: b'{"deployment": {"resources": [{"inputs": {"x": "' + leak + b'"}}]}}',
    "compressed state": lambda leak: gzip.compress(b'{"deployment": "' + leak + b'"}'),
    "archive": lambda leak: archive(b"x" + leak),
    "archive in a compressed file": lambda leak: gzip.compress(archive(leak)),
    "environment of a process": lambda leak: b"PATH=/bin\0TOKEN=" + leak + b"\0HOME=/\0",
    "arguments of a process": lambda leak: b"vault\0kv\0put\0key=" + leak + b"\0",
    "binary": lambda leak: bytes(range(256)) + leak + bytes(range(256)),
}


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("leak", LEAKS)
def test_finds_a_leak_of_every_form_in_every_stream(leak: str, sink: str) -> None:
    found = scan({"stream": SINKS[sink](LEAKS[leak]())}, [OTHER, CANARY])
    assert {one.canary for one in found} == {"database"}
    assert {one.encoding for one in found} <= set(ENCODINGS)


@pytest.mark.parametrize("leak", LEAKS)
def test_finds_a_leak_of_every_form_in_files_below_a_folder(leak: str, tmp_path: Path) -> None:
    hidden = tmp_path / ".pulumi" / "backups" / "staging.json.gz"
    hidden.parent.mkdir(parents=True)
    hidden.write_bytes(gzip.compress(LEAKS[leak]()))
    (tmp_path / "innocent.txt").write_text("nothing here")
    (found, *_) = scan([tmp_path], [CANARY])
    assert found.sink == f"{hidden}!gunzip"


def test_finds_a_value_in_the_name_of_a_file(tmp_path: Path) -> None:
    canary = Canary("name", "a-value-of-many-letters-0123456789")
    (tmp_path / f"tmp-{canary.value}").write_text("")
    (found,) = scan([tmp_path], [canary])
    assert found.sink.startswith("name of ")
    assert canary.value not in str(found)


def test_finds_nothing_where_nothing_is() -> None:
    noise = bytes(range(256)) * 50 + gzip.compress(b"some text " * 100) + base64.b64encode(bytes(range(256)) * 20)
    half = DATA[: len(DATA) // 2]
    streams = {name: sink(half) + noise for name, sink in SINKS.items()}
    assert scan(streams, [CANARY, OTHER]) == []


def test_broken_archives_are_searched_as_they_are() -> None:
    broken = {"gzip": b"\x1f\x8b" + DATA, "zip": b"PK\x03\x04" + DATA, "zlib": b"\x78\x9c" + DATA}
    assert {one.sink for one in scan(broken, [CANARY])} == set(broken)


def test_no_finding_and_no_canary_shows_its_value() -> None:
    (found,) = scan({"log": DATA}, [CANARY])
    assert VALUE not in f"{found} {found!r} {CANARY!r}"


def test_a_canary_must_be_unmistakable() -> None:
    with pytest.raises(ValueError, match="24 letters"):
        Canary("short", "changeme")
