"""What is not the file that was meant is not unpacked."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from deploy.fetch import fetch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "tool.tar.gz"
    with tarfile.open(file, "w:gz") as made:
        about = tarfile.TarInfo("tool/program")
        about.size, about.mode = 2, 0o755
        made.addfile(about, io.BytesIO(b"hi"))
    return file


def test_an_archive_with_the_right_digest_is_unpacked(archive: Path, tmp_path: Path) -> None:
    fetch(archive.as_uri(), hashlib.sha256(archive.read_bytes()).hexdigest(), tmp_path / "to")
    program = tmp_path / "to/tool/program"
    assert program.read_text() == "hi"
    assert program.stat().st_mode & 0o111


def test_another_one_is_not(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was unpacked"):
        fetch(archive.as_uri(), "0" * 64, tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("digest", ["", "abc", "0" * 63 + "g"])
def test_without_a_digest_nothing_is_asked_for(digest: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say the SHA-256"):
        fetch("http://127.0.0.1:1/tool.tar.gz", digest, tmp_path / "to")


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.tar.gz"
    with tarfile.open(file, "w:gz") as made:
        made.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(tarfile.OutsideDestinationError):
        fetch(file.as_uri(), hashlib.sha256(file.read_bytes()).hexdigest(), tmp_path / "to")
