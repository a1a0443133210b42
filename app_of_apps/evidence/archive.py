"""A bundle's file: a ZIP with fixed names and times, written alike for the same parts, and read without trusting it.

Nothing is ever unpacked to a disk. What is read is bounded before and while it is read, whatever the file claims, so a
small file cannot become a large one, and a name in it cannot lead anywhere.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app_of_apps.errors import InvalidInput, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.signature.json"
KEYS: Final = "keys.json"
RECORDS: Final = "records.jsonl"
REPORT: Final = "report.html"
README: Final = "README.txt"

_MEBI: Final = 2**20
LIMITS: Final[Mapping[str, int]] = {
    MANIFEST: _MEBI,
    SIGNATURE: _MEBI // 16,
    KEYS: _MEBI,
    RECORDS: 256 * _MEBI,
    REPORT: 256 * _MEBI,
    README: _MEBI // 16,
}
"""The parts of a bundle, in their order in the file, and how many bytes each may have."""
OPTIONAL: Final = frozenset({SIGNATURE})
_LARGEST_FILE: Final = 256 * _MEBI
_FIRST_YEAR: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that the format can say
_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_BIG_MARK: Final = b"PK\x06\x07"
_BIG_LOCATOR: Final = 20
_MOST_ENTRIES: Final = 64
_LARGEST_DIRECTORY: Final = 64 * 1024
_BOUNDED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack to any length at once
_REGULAR: Final = 0o100644 << 16
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError),
)


@dataclass(frozen=True, slots=True)
class Archive:
    """What was found in a bundle's file."""

    parts: Mapping[str, bytes]
    """Part → content."""
    strange: tuple[str, ...]
    """Names of what does not belong into a bundle, as they can be shown; none of it was read."""


def sealed(content: bytes) -> dict[str, str | int]:
    """Return what a manifest says of a part: its size and digest."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Return the file of a bundle with these parts; the same parts make the same file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for name in LIMITS:
            if name in parts:
                entry = zipfile.ZipInfo(name, _FIRST_YEAR)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3  # Unix, wherever this runs
                entry.external_attr = _REGULAR
                archive.writestr(entry, parts[name])
    return file.getvalue()


def unpack(path: Path) -> Archive:
    """Return the parts of a bundle's file.

    Raises InvalidInput when it cannot be read, is no ZIP, is damaged, lacks a part, or holds more than a bundle may.
    """
    try:
        with path.open("rb") as file:
            _check_end(file, path)
            with zipfile.ZipFile(file) as archive:
                return _read(archive, path)
    except _BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged, or no ZIP file"
        raise unreadable(path, reason) from error


def unreadable(path: Path, reason: str, hint: str = "") -> InvalidInput:
    """Return the error that says why a file is no bundle."""
    hint = hint or "Ask whoever sent it for the file as `aoa evidence export` wrote it."
    return InvalidInput([Problem(Position(str(path)), "", f"this bundle cannot be read: {reason}", hint)])


def _check_end(file: io.BufferedReader, path: Path) -> None:
    """Look at the last bytes before a library reads a directory of any length that they announce."""
    size = file.seek(0, io.SEEK_END)
    if size > _LARGEST_FILE:
        raise unreadable(path, f"it has {size} bytes, and a bundle at most {_LARGEST_FILE}")
    if size < _END.size:
        raise unreadable(path, "it is too short for a ZIP file")
    file.seek(max(0, size - _END.size - _BIG_LOCATOR))
    tail = file.read()
    mark, _, _, _, entries, directory, offset, comment = _END.unpack(tail[-_END.size :])
    if mark != _END_MARK or comment or tail.startswith(_BIG_MARK):
        raise unreadable(path, "it does not end as a bundle does: cut off, with something behind it, or no ZIP file")
    if entries > _MOST_ENTRIES or directory > _LARGEST_DIRECTORY:
        raise unreadable(path, f"it holds {entries} files, and a bundle at most {_MOST_ENTRIES}")
    if offset + directory + _END.size != size:
        raise unreadable(path, "something stands before or within it that no bundle has")


def _read(archive: zipfile.ZipFile, path: Path) -> Archive:
    parts: dict[str, bytes] = {}
    strange: list[str] = []
    for entry in archive.infolist():
        name = entry.orig_filename
        if name not in LIMITS:
            strange.append(ascii(name)[:80])
        elif name in parts:
            raise unreadable(path, f"it holds {name} twice")
        elif entry.compress_type not in _BOUNDED:
            raise unreadable(path, f"{name} in it is packed in a way that no bundle uses")
        else:
            with archive.open(entry) as file:
                # One byte more than allowed is enough to know, whatever size the entry claims.
                content = file.read(LIMITS[name] + 1)
            if len(content) > LIMITS[name]:
                raise unreadable(path, f"{name} in it has more than {LIMITS[name]} bytes")
            parts[name] = content
    missing = [name for name in LIMITS if name not in parts and name not in OPTIONAL]
    if missing:
        raise unreadable(path, f"it lacks {', '.join(missing)}")
    return Archive(parts, tuple(strange))
