"""The demonstrations in docs are what the program writes of real previews; `make demonstrations` writes them anew.

Made from the engine's events of real previews on the sandbox, which are recorded. That the real thing says the same is
in the integration tests, which look at the same five pull requests.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import struct
import tempfile
import zlib
from pathlib import Path

import pytest

from app_of_apps.review.comment import comment
from app_of_apps.review.document import html_document
from app_of_apps.review.page import page
from tests.example import copy_example
from tests.pulls import PULLS
from tests.unit.review.lab import CHECKOUT, pull, seen, steady

FOLDER = CHECKOUT / "docs/demonstrations"
INDEX = FOLDER / "README.md"
_WRITING = bool(os.environ.get("AOA_UPDATE_GOLDEN"))


def written(name: str) -> tuple[str, str]:
    """The comment and the page about a pull request."""
    found = page(seen(name))
    return steady(comment(found, full=f"{name}.html"), pull(name)), steady(html_document([found]), pull(name))


def change(name: str) -> str:
    """What a pull request changes in the example's files."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_example(Path(folder))
        before = _texts(project)
        PULLS[name](project)
        after = _texts(project)
    lines: list[str] = []
    for file in sorted(before.keys() | after.keys()):
        old, new = before.get(file, []), after.get(file, [])
        lines += difflib.unified_diff(
            old, new, file if old else "/dev/null", file if new else "/dev/null", n=1, lineterm=""
        )
    return "\n".join(lines)


def _texts(project: Path) -> dict[str, list[str]]:
    return {str(file.relative_to(project)): file.read_text().splitlines() for file in project.rglob("*.yaml")}


def shown_digest(picture: Path) -> str:
    """The digest of the page that a picture was taken of, from the text that it carries."""
    content = picture.read_bytes()
    position = 8
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position : position + 8])
        data = content[position + 8 : position + 8 + length]
        if kind == b"tEXt" and data.startswith(b"page\0"):
            return data[5:].decode()
        position += 12 + length
    return ""


def marked(picture: bytes, digest: str) -> bytes:
    """The picture with the digest of its page in it, as a text chunk behind its header."""
    data = b"page\0" + digest.encode()
    chunk = struct.pack(">I", len(data)) + b"tEXt" + data + struct.pack(">I", zlib.crc32(b"tEXt" + data))
    return picture[:33] + chunk + picture[33:]


@pytest.mark.parametrize("name", PULLS)
def test_a_demonstration_is_what_is_written_today(name):
    text, document = written(name)
    if _WRITING:
        (FOLDER / f"{name}.md").write_text(text)
        (FOLDER / f"{name}.html").write_text(document)
    assert (FOLDER / f"{name}.md").read_text() == text
    assert (FOLDER / f"{name}.html").read_text() == document


@pytest.mark.parametrize("name", PULLS)
def test_the_diff_in_the_index_is_the_pull_request(name):
    mark = f"<!-- diff of {name} -->"
    block = f"{mark}\n```diff\n{change(name)}\n```\n"
    text = INDEX.read_text()
    assert mark in text
    if _WRITING:
        text = re.sub(rf"{re.escape(mark)}\n```diff\n.*?```\n", lambda _: block, text, flags=re.DOTALL)
        INDEX.write_text(text)
    assert block in text


@pytest.mark.parametrize("name", PULLS)
def test_the_picture_shows_the_page_of_today(name):
    if _WRITING:
        _take(name)
    document = (FOLDER / f"{name}.html").read_bytes()
    assert shown_digest(FOLDER / f"{name}.png") == hashlib.sha256(document).hexdigest()


def _take(name: str) -> None:
    from tests.browser import browser

    file = FOLDER / f"{name}.html"
    with browser() as chromium:
        tab = chromium.new_page(viewport={"width": 1100, "height": 400})
        tab.goto(file.as_uri())
        picture = tab.locator("article").screenshot()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (FOLDER / f"{name}.png").write_bytes(marked(picture, digest))
