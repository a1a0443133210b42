"""YAML to plain Python: safe, exact, with the position of every value and with all problems at once.

The text is read by libyaml event by event; nothing is ever constructed but dict, list, str, int, float, bool and None.
Nesting is bounded while reading, because libyaml's own composer overflows the stack on deep input, and what anchors
expand to is counted before it is expanded.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import yaml

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.reader import Document, GiveUp, Parsed, Reader

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1024 * 1024

# YAML's printable characters, without the line breaks that editors and YAML 1.1 count differently.
_REFUSED = re.compile("[^\t\r\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)")


def load_yaml(text: str, file: str) -> Document:
    """Read exactly one document.

    ``file`` is the name that positions carry. Raises InvalidInput with every problem of the text.
    """
    parsed = parse(text, file)
    if parsed.problems:
        raise InvalidInput(parsed.problems)
    return parsed.documents[0]


def read_text(source: Path | str, file: str) -> str:
    """Return a file's text. Raises InvalidInput when it is missing, not a regular file, too large, or not UTF-8."""
    try:
        # Asked before opening: to open a named pipe would wait for somebody to write to it.
        if not stat.S_ISREG(os.stat(source).st_mode):  # noqa: PTH116 - 500 files are read through here
            raise InvalidInput([Problem(Position(file), "", "is not a regular file")])
        with open(source, "rb") as stream:  # noqa: PTH123 - see above
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):  # a NUL in the name
            raise InvalidInput([Problem(Position(file), "", "is no name of a file")]) from error
        what = "there is no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise InvalidInput([Problem(Position(file), "", what)]) from error
    if len(content) > MAX_BYTES:
        problem = Problem(Position(file), "", "is larger than 1 MiB", "split it into several files")
        raise InvalidInput([problem])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode().split("\n")
        position = Position(file, len(before), len(before[-1]) + 1)
        problem = Problem(position, "", "the file is not UTF-8 from here on", "save it with the encoding UTF-8")
        raise InvalidInput([problem]) from error


def parse(text: str, file: str, *, several: bool = False) -> Parsed:
    """Read one document, or with ``several`` any number of them, and collect problems instead of raising."""
    parsed = Parsed(file)
    refused = _REFUSED.search(text)
    if refused:
        parsed.problems.append(_refused_character(text, refused.start(), file))
        return parsed
    try:
        Reader(text, parsed).read(several=several)
    except GiveUp:
        pass
    except yaml.MarkedYAMLError as error:
        parsed.problems.append(_syntax_problem(error, text, file))
    if not parsed.documents and not parsed.problems and not several:
        parsed.problems.append(Problem(Position(file, 1, 1), "", "the file is empty", "a mapping is expected here"))
    return parsed


def _refused_character(text: str, offset: int, file: str) -> Problem:
    before = text[:offset].split("\n")
    position = Position(file, len(before), len(before[-1]) + 1)
    if text[offset] == "\ufeff":
        return Problem(position, "", "there is a byte order mark here", "save the file as UTF-8 without it")
    if text[offset] == "\r":
        return Problem(
            position, "", "there is a carriage return without a line feed", "save the file with Unix line ends"
        )
    return Problem(
        position, "", f"the character U+{ord(text[offset]):04X} may not stand in YAML", 'write it as an escape in "…"'
    )


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    what = error.problem or "cannot be read"
    at_the_end = "unexpected end of stream" in what
    mark = (error.context_mark if at_the_end else error.problem_mark) or error.problem_mark or error.context_mark
    lines = text.split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()  # the end of the file is the end of its last line
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line >= len(lines):
        line, column = len(lines) - 1, len(lines[-1])
    column = min(column, len(lines[line]))
    position = Position(file, line + 1, column + 1)
    at = lines[line][column : column + 1]
    hint = ""
    if "tab" in what or at == "\t":
        what, hint = "a tab may not indent YAML", "use spaces"
    elif "mapping values are not allowed" in what:
        what = "a `:` follows here where no key can stand"
        hint = "check the indentation; put text that holds `: ` in quotes"
    elif "scanning an alias" in (error.context or ""):
        what, hint = "`*` begins an alias, and no name follows", "put text that begins with `*` in quotes"
    elif at_the_end:
        what = "the quoted text that begins here is never closed"
    elif "cannot start any token" in what:
        what, hint = f"nothing in YAML begins with `{at}`" if at else what, "put the text in quotes"
    elif error.context_mark and error.context:
        hint = f"{error.context} that begins in line {error.context_mark.line + 1}"
    return Problem(
        position, "", what if what.startswith(("a ", "the ", "nothing ", "`")) else f"YAML syntax: {what}", hint
    )
