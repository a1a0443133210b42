"""Collect the problems of a resolution, each with its place in the manifest or in the environment's file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from app_of_apps.errors import Problem
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Loc


@dataclass(frozen=True, slots=True)
class Findings:
    """The problems found so far and the two inputs whose positions they name."""

    manifest: Manifest
    environment: LoadedEnvironment
    problems: list[Problem] = field(default_factory=list)
    rule: str = ""
    """What is noted breaks this rule."""

    def under(self, rule: str) -> Findings:
        """Return the same findings, with a rule for what is noted through them."""
        return replace(self, rule=rule)

    def in_environment(self, location: Loc, message: str, hint: str = "") -> None:
        """Note a problem at a location of the environment's settings, such as ``("versions", "api")``."""
        position = self.environment.positions.key_at(location)
        self.problems.append(Problem(position, path(location), message, hint, self.rule))

    def in_manifest(self, child: str | None, location: Loc, message: str, hint: str = "") -> None:
        """Note a problem at a location of a child's file, or of the parent's when ``child`` is None."""
        position = self.manifest.position(child, location)
        self.problems.append(Problem(position, path(location), message, hint, self.rule))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest of ``known``, or lists them when none is near."""
    options = sorted(known)
    near = get_close_matches(name, options, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "known here: " + ", ".join(options) if options else "there is none at all"
