"""What an unquoted YAML scalar means: YAML 1.2's core schema, minus everything that YAML 1.1 reads differently.

People know YAML from tools of both generations, so text that the two read differently is refused instead of guessed:
``no`` is false in 1.1 and text in 1.2, ``012`` is ten in 1.1 and twelve in 1.2. Rules: YAML 1.2.2 chapter 10.3 and the
YAML 1.1 type repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

QUOTE_IT = "put it in quotes if text is meant"

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_BOOLEANS_OF_1_1 = frozenset(
    spelling for word in ("y", "n", "yes", "no", "on", "off") for spelling in (word, word.capitalize(), word.upper())
)
# A plain scalar that begins with none of these is text in both generations.
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+][0-9]+)?|[-+]?(?:0|[1-9][0-9]*)\.(?:[eE][-+][0-9]+)?")
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Why a plain scalar is refused, and what to write instead."""

    message: str
    hint: str = QUOTE_IT


# The first pattern that matches the whole scalar names the trouble. No message repeats it: it could be a secret.
_AMBIGUOUS: tuple[tuple[re.Pattern[str], Ambiguity], ...] = (
    (
        re.compile(r"[-+]?0[0-9_]+"),
        Ambiguity(
            "a number with a leading zero is octal in YAML 1.1 and decimal in YAML 1.2",
            "put it in quotes if text is meant; write the decimal number if it is a file mode",
        ),
    ),
    (re.compile(r"[-+]?0b[01_]+"), Ambiguity("this is a binary number in YAML 1.1 and text in YAML 1.2")),
    (re.compile(r"[-+]?0o[0-7]+"), Ambiguity("this is text in YAML 1.1 and an octal number in YAML 1.2")),
    (
        re.compile(r"[-+]0x[0-9a-fA-F_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*"),
        Ambiguity("this is a hexadecimal number in YAML 1.1 and text in YAML 1.2"),
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        Ambiguity("digits with colons are a number of base 60 in YAML 1.1 and text in YAML 1.2"),
    ),
    (
        re.compile(r"[-+]?(?:[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?|[0-9]*\.[0-9_]*_[0-9_]*)(?:[eE][-+]?[0-9]+)?"),
        Ambiguity("digits with underscores are a number in YAML 1.1 and text in YAML 1.2"),
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?"),
        Ambiguity("a date or time is of a type of its own in YAML 1.1 and text in YAML 1.2"),
    ),
    (
        re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+"),
        Ambiguity("a number with an exponent is text in YAML 1.1 and a number in YAML 1.2"),
    ),
    (
        re.compile(r"[-+]?0[0-9]+\.[0-9]*"),
        Ambiguity("a number with leading zeros is read differently by different YAML readers"),
    ),
    (
        re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"),
        Ambiguity("infinity and not-a-number have no place here"),
    ),
)


def resolve_plain(text: str) -> Scalar | Ambiguity:  # noqa: PLR0911 - one return per kind of scalar
    """Return what an unquoted scalar means, or why it cannot be said."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        if text in _BOOLEANS_OF_1_1:
            return Ambiguity(
                f"`{text}` is a boolean in YAML 1.1 and text in YAML 1.2", "write true or false, or put it in quotes"
            )
        if text == "=":
            return Ambiguity("`=` is a type of its own in YAML 1.1 and text in YAML 1.2")
        return text
    if _INTEGER.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            return Ambiguity(f"a number of more than {_LONGEST_NUMBER} digits loses precision in many readers")
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text) if len(text) <= _LONGEST_NUMBER else Ambiguity("a number this long loses precision")
    for pattern, ambiguity in _AMBIGUOUS:
        if pattern.fullmatch(text):
            return ambiguity
    return text


def described(value: object) -> str:
    """Name a YAML value's type in words, without the value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text" if value else "an empty text"
        case dict():
            return "a mapping"
        case _:
            return "a list"
