"""Looks for known values in files and streams, in every form in which a leak would be found.

A canary is a value that exists for one test alone. ``scan`` says where one of them stands and in which encoding, and
never what it is: its findings may be printed.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ENCODINGS = (
    "plain",
    "json",
    "url",
    "base64",
    "base64url",
    "hex",
    "reversed",
    "split",
    "letters and digits",
)
SHORTEST = 24
"""Letters and digits that a canary needs at least, so that nothing else looks like it."""

_NOT_ALNUM = re.compile(rb"[^A-Za-z0-9]+")
# White space, its escapes in JSON, and what programs put at the borders of lines.
_BREAKS = re.compile(rb"(?:\\r|\\n|\\t|\s|\x00)+(?:[|+>#\"'-] *)?")
_DEEPEST = 4  # archives in archives


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A canary, by its name, in a sink: a file or a stream. ``offset`` counts bytes of what was searched."""

    sink: str
    encoding: str
    canary: str
    offset: int

    def __str__(self) -> str:
        return f"{self.canary} stands in {self.sink} ({self.encoding}, byte {self.offset})"


@dataclass(frozen=True)
class Canary:
    """A value under a name that may be printed."""

    name: str
    value: str

    def __post_init__(self) -> None:
        if len(_NOT_ALNUM.sub(b"", self.value.encode())) < SHORTEST:
            msg = f"canary {self.name} needs {SHORTEST} letters and digits"
            raise ValueError(msg)

    def __repr__(self) -> str:
        """Leave the value out: pytest prints what it compares."""
        return f"Canary({self.name})"

    @cached_property
    def needles(self) -> tuple[tuple[str, bytes], ...]:
        """Encoding → bytes to look for in what was written as it is; the longest forms need not be tried twice."""
        found: dict[bytes, str] = {}
        for encoding, needle in _needles(self.value):
            found.setdefault(needle, encoding)
        return tuple((encoding, needle) for needle, encoding in found.items())

    @cached_property
    def squeezed(self) -> bytes:
        """The letters and digits alone, in lower case."""
        return _NOT_ALNUM.sub(b"", self.value.encode()).lower()


def _needles(value: str) -> Iterator[tuple[str, bytes]]:
    plain = value.encode()
    once = json.dumps(value)[1:-1]
    readable = json.dumps(value, ensure_ascii=False)[1:-1]
    # Go writes these three as \u escapes, in lower case.
    go = readable.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    texts = {
        "plain": [value],
        "json": [once, readable, go, json.dumps(once)[1:-1], json.dumps(go)[1:-1]],
        "url": [
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            quote(value, safe="").lower(),
            "".join(f"%{byte:02X}" for byte in plain),
            "".join(f"%{byte:02x}" for byte in plain),
        ],
    }
    for encoding, forms in texts.items():
        for form in forms:
            data = form.encode()
            yield encoding, data
            yield "reversed", data[::-1]
            yield "reversed", form[::-1].encode()
            for needle in _base64(data):
                yield "base64", needle
                yield "base64url", needle.translate(bytes.maketrans(b"+/", b"-_"))
                yield "reversed", needle[::-1]
            hexadecimal = data.hex()
            for case in (hexadecimal, hexadecimal.upper()):
                yield "hex", case.encode()
                yield "reversed", case[::-1].encode()
            yield "hex", data.hex(" ").encode()
            yield "hex", data.hex(":").encode()
            yield "hex", data.hex(":").upper().encode()
            yield "hex", "".join(f"\\x{byte:02x}" for byte in data).encode()


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield what is certain of the base64 text of anything that contains the data, for each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        first = (0, 2, 3)[before]
        uncertain = {0: 0, 1: 3, 2: 2}[(before + len(data)) % 3]
        yield encoded[first : len(encoded) - uncertain]


def scan(sources: Mapping[str, bytes | str] | Iterable[Path], canaries: Iterable[Canary]) -> list[Finding]:
    """Return every canary in every source, one finding per sink and encoding.

    ``sources`` are streams by name, or files and folders; folders are searched to their end, names of files too.
    Compressed data is searched both as it is and unpacked.
    """
    wanted = tuple(canaries)
    if isinstance(sources, dict):
        return sorted({one for name, data in sources.items() for one in _scan(name, _bytes(data), wanted)})
    found: set[Finding] = set()
    for path in _files(Path(one) for one in sources):  # type: ignore[arg-type]
        found.update(_in_data(f"name of {path.parent}/…", str(path).encode(), wanted))
        try:
            found.update(_scan(str(path), path.read_bytes(), wanted))
        except FileNotFoundError:  # a temporary file that is gone
            continue
    return sorted(found)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.is_file())
        elif path.is_file():
            yield path


def _bytes(data: bytes | str) -> bytes:
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data


def _scan(name: str, data: bytes, canaries: tuple[Canary, ...], depth: int = 0) -> Iterator[Finding]:
    yield from _in_data(name, data, canaries)
    if depth < _DEEPEST:
        for inner, unpacked in _unpacked(data):
            yield from _scan(f"{name}!{inner}", unpacked, canaries, depth + 1)


def _in_data(name: str, data: bytes, canaries: tuple[Canary, ...]) -> Iterator[Finding]:
    joined = _BREAKS.sub(b"", data)
    squeezed = _NOT_ALNUM.sub(b"", data).lower()
    for canary in canaries:
        hits: dict[str, int] = {}
        for encoding, needle in canary.needles:
            if encoding not in hits and (at := data.find(needle)) >= 0:
                hits[encoding] = at
        if not hits:
            for _, needle in canary.needles:
                if (at := joined.find(_BREAKS.sub(b"", needle))) >= 0:
                    hits["split"] = at
                    break
        if not hits:
            for needle in (canary.squeezed, canary.squeezed[::-1]):
                if (at := squeezed.find(needle)) >= 0:
                    hits["letters and digits"] = at
        yield from (Finding(name, encoding, canary.name, at) for encoding, at in hits.items())


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is packed in the data, whatever its name says."""
    if data[:2] == b"\x1f\x8b":
        yield from _attempt("gunzip", lambda: gzip.decompress(data))
    elif data[:1] == b"\x78" and len(data) > 1 and (data[0] * 256 + data[1]) % 31 == 0:
        yield from _attempt("inflate", lambda: zlib.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    yield member, archive.read(member)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            return


def _attempt(name: str, unpack: Callable[[], bytes]) -> Iterator[tuple[str, bytes]]:
    try:
        yield name, unpack()
    except (OSError, EOFError, zlib.error):
        return
