"""Which of two versions is the older one, where that can be said.

The order is that of Semantic Versioning 2.0.0 for any count of numbers, missing ones being 0, and an optional ``v`` in
front: 1.9 < 1.10.0-rc.1 < 1.10.0. An image's digest after ``@`` has no part in it. Names such as ``sha-0a1b`` have no
order, and nothing is guessed about them.
"""

from __future__ import annotations

import re
from itertools import zip_longest

_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?:[-_.]([A-Za-z0-9._-]+))?", re.ASCII)
_SEPARATOR = re.compile(r"[-._]")


def order_of(one: str, other: str) -> int | None:
    """Return -1, 0 or 1 as ``one`` is older than ``other``, the same or newer; None where there is no order."""
    first, second = _tag(one), _tag(other)
    if first == second and first:
        return 0
    parsed = _VERSION.fullmatch(first), _VERSION.fullmatch(second)
    if parsed[0] is None or parsed[1] is None:
        return 0 if one == other else None
    left, right = ([int(part) for part in found[1].split(".")] for found in parsed if found)
    for mine, theirs in zip_longest(left, right, fillvalue=0):
        if mine != theirs:
            return -1 if mine < theirs else 1
    return _order_of_suffixes(parsed[0][2], parsed[1][2])


def _tag(version: str) -> str:
    return version.partition("@")[0]


def _order_of_suffixes(one: str | None, other: str | None) -> int:
    """Compare what comes after the numbers: with something there it is older than without."""
    if one is None or other is None:
        return (other is not None) - (one is not None) if one != other else 0
    left, right = (tuple(_identifier(part) for part in _SEPARATOR.split(text)) for text in (one, other))
    return (left > right) - (left < right)


def _identifier(part: str) -> tuple[bool, int, str]:
    """Return a key that sorts numbers among themselves by value and before words."""
    return (False, int(part), "") if part.isdecimal() else (True, 0, part)
