"""Problems of one file, each noted by the path of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app_of_apps.errors import Problem
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from app_of_apps.manifest.positions import Loc, Positions


@dataclass(slots=True)
class Findings:
    """What is wrong with one document. Nothing more is said about paths that are spoilt by an earlier problem."""

    positions: Positions
    spoilt: set[Loc] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    rule: str = ""
    """What is noted breaks this rule."""

    def under(self, rule: str) -> Findings:
        """Return the same findings, with a rule for what is noted through them."""
        return replace(self, rule=rule)

    def at(self, loc: Loc, message: str, hint: str = "") -> None:
        """Note a problem with the value of a path."""
        if not self.is_spoilt(loc):
            self.problems.append(Problem(self.positions.at(loc), path(loc), message, hint, self.rule))

    def at_key(self, loc: Loc, message: str, hint: str = "") -> None:
        """Note a problem with the key of a path."""
        if not self.is_spoilt(loc):
            self.problems.append(Problem(self.positions.key_at(loc), path(loc), message, hint, self.rule))

    def is_spoilt(self, loc: Loc) -> bool:
        """Say whether an earlier problem explains whatever is wrong at a path."""
        return any(loc[: len(bad)] == bad for bad in self.spoilt)
