"""The file of a bundle: the same parts make the same file, and no file gets more than an error out of us."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_of_apps.errors import InvalidInput
from app_of_apps.evidence.archive import LIMITS, OPTIONAL, RECORDS, pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

PARTS = {name: f"content of {name}\n".encode() * 20 for name in LIMITS}


def zipped(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def refusal(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "bundle.zip"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        unpack(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_what_is_packed_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(pack(PARTS))
    assert unpack(file).parts == PARTS
    assert unpack(file).strange == ()


def test_the_same_parts_make_the_same_file_whatever_their_order_and_the_time() -> None:
    assert pack(PARTS) == pack(dict(reversed(PARTS.items())))
    with zipfile.ZipFile(io.BytesIO(pack(PARTS))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == list(LIMITS)


@pytest.mark.parametrize("name", sorted(set(LIMITS) - OPTIONAL))
def test_a_missing_part_is_named(name: str, tmp_path: Path) -> None:
    rest = {key: content for key, content in PARTS.items() if key != name}
    assert f"it lacks {name}" in refusal(tmp_path, pack(rest))


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_an_optional_part_may_be_missing(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(pack({key: content for key, content in PARTS.items() if key != name}))
    assert name not in unpack(file).parts


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "a/../../b",
        "extra.txt",
        "\x1b[31mred",
        "x" * 5000,
        "records.jsonl\0x",
    ],
)
def test_a_name_that_does_not_belong_is_reported_and_leads_nowhere(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(zipped([*PARTS.items(), (name, b"x")]) if "\0" not in name else _renamed(name))
    before = sorted(tmp_path.rglob("*"))
    found = unpack(file)
    assert len(found.strange) == 1
    assert found.strange[0].isprintable()
    assert len(found.strange[0]) <= 80
    assert sorted(tmp_path.rglob("*")) == before


def _renamed(name: str) -> bytes:
    """A ZIP in which a name holds a NUL, which the library would not write."""
    stand_in = name.replace("\0", "_")
    return zipped([*PARTS.items(), (stand_in, b"x")]).replace(stand_in.encode(), name.encode())


def test_a_part_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped([*PARTS.items(), (RECORDS, b"other")])
    assert f"{RECORDS} twice" in refusal(tmp_path, content)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bounds_is_refused(method: int, tmp_path: Path) -> None:
    assert "packed in a way" in refusal(tmp_path, zipped([*PARTS.items()], method))


@pytest.mark.parametrize("name", ["manifest.json", "manifest.signature.json", "keys.json", "README.txt"])
def test_a_bomb_is_refused_before_it_fills_the_memory(name: str, tmp_path: Path) -> None:
    entries = {**PARTS, name: b"\0" * (64 * 2**20)}
    content = pack(entries)
    assert len(content) < 2**20
    del entries
    tracemalloc.start()
    try:
        assert f"{name} in it has more than {LIMITS[name]} bytes" in refusal(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_a_claimed_size_is_not_believed(tmp_path: Path) -> None:
    content = bytearray(pack({**PARTS, "keys.json": b"\0" * (2 * 2**20)}))
    at = content.rindex(b"keys.json") - 46
    struct.pack_into("<L", content, at + 24, 10)  # uncompressed size in the directory
    refusal(tmp_path, bytes(content))


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"PK\x05\x06", b"not a zip at all, but long enough to look at its end", b"\0" * 100, pack(PARTS)[:-1]],
)
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    refusal(tmp_path, content)


def test_what_stands_before_or_behind_a_bundle_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path, pack(PARTS) + b"x")
    refusal(tmp_path, b"#!/bin/sh\n" + pack(PARTS))


def test_thousands_of_entries_are_refused_without_reading_them(tmp_path: Path) -> None:
    content = zipped([(f"{number}", b"") for number in range(5000)], zipfile.ZIP_STORED)
    assert "holds 5000 files" in refusal(tmp_path, content)


def test_a_zip64_directory_is_refused(tmp_path: Path) -> None:
    whole = pack(PARTS)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = bytearray(whole[-22:])
    refusal(tmp_path, whole[:-22] + locator + bytes(end))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            unpack(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_an_error_or_leaves_every_part_as_it_was(data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(pack(PARTS))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.zip"
    file.write_bytes(content)
    try:
        found = unpack(file)
    except InvalidInput:
        return
    assert all(found.parts[name] == PARTS[name] for name in found.parts)
