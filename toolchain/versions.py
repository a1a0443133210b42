"""Versions as binaries print them, and the ranges that fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Major, minor and patch; suffixes such as ``-rc.1`` or ``+ent`` are not compared."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``v1.2.3`` and its relatives.

        Raises:
            ValueError: when the text starts with no version.
        """
        found = _NUMBERS.match(text.strip().removeprefix("v"))
        if found is None:
            msg = f"not a version: {text!r}"
            raise ValueError(msg)
        major, minor, patch = found.groups(default="0")
        return cls(int(major), int(minor), int(patch))

    def __str__(self) -> str:
        """Without a leading v."""
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from ``at_least`` (included) up to ``below`` (excluded)."""

    at_least: Version
    below: Version

    @classmethod
    def between(cls, at_least: str, below: str) -> Self:
        """Build a range from two version texts."""
        return cls(Version.parse(at_least), Version.parse(below))

    def __contains__(self, version: Version) -> bool:
        """Whether the version fits."""
        return self.at_least <= version < self.below

    def __str__(self) -> str:
        """As a requirement is written."""
        return f">={self.at_least},<{self.below}"
