"""The canonical form of plain data and its digest.

The form is that of RFC 8785 (JSON Canonicalization Scheme): UTF-8, no white space, members sorted by the UTF-16 code
units of their names, numbers as ECMAScript prints them. One deliberate difference: whole numbers keep all their digits
instead of being squeezed through a double, because two different values must never share a digest.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

_EXACT = 2**53


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical JSON of ``value``: dicts with string keys, lists, tuples, strings, numbers, bools and None.

    Raises ValueError for NaN and infinities, and TypeError for anything that JSON does not have.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode("utf-8")


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``sha256:<64 hex digits>`` over the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


_text = json.JSONEncoder(ensure_ascii=False).encode


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _write(value: Any, parts: list[str]) -> None:  # noqa: ANN401
    if isinstance(value, str):
        parts.append(_text(value))
    elif value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, int):
        parts.append(str(value))
    elif isinstance(value, float):
        parts.append(_number(value))
    elif isinstance(value, dict):
        _write_object(value, parts)
    elif isinstance(value, list | tuple):
        separator = "["
        for item in value:
            parts.append(separator)
            _write(item, parts)
            separator = ","
        parts.append("]" if value else "[]")
    else:
        msg = f"{type(value).__name__} is no JSON value"
        raise TypeError(msg)


def _write_object(value: dict[Any, Any], parts: list[str]) -> None:
    if not all(isinstance(name, str) for name in value):
        msg = "a JSON object's names are strings"
        raise TypeError(msg)
    # UTF-16 and code points sort alike below the surrogates, which is nearly always.
    names = sorted(value) if all(name.isascii() for name in value) else sorted(value, key=_utf16)
    separator = "{"
    for name in names:
        parts.append(separator)
        parts.append(_text(name))
        parts.append(":")
        _write(value[name], parts)
        separator = ","
    parts.append("}" if value else "{}")


def _number(value: float) -> str:
    """Print a float as ECMAScript's Number::toString does (RFC 8785, section 3.2.2.3)."""
    if not math.isfinite(value):
        msg = "NaN and infinities have no JSON form"
        raise ValueError(msg)
    if value == 0:
        return "0"  # also for -0
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    sign = "-" if value < 0 else ""
    mantissa, _, exponent_text = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent_text or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    return sign + _ecmascript(digits, point)


def _ecmascript(digits: str, point: int) -> str:
    """Place the decimal point ``point`` digits after the start, or use an exponent, by ECMAScript's limits."""
    count = len(digits)
    if count <= point <= 21:  # noqa: PLR2004 - the standard's limits
        return digits + "0" * (point - count)
    if 0 < point <= 21:  # noqa: PLR2004
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:  # noqa: PLR2004
        return "0." + "0" * -point + digits
    exponent = point - 1
    head = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{head}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
