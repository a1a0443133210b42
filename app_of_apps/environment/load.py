"""From ``Pulumi.<environment>.yaml``, and the sandbox's overlay on it, to the settings of one environment.

Pulumi owns the rest of a stack file; only the value of ``app-of-apps:environment`` is read and judged here.
"""

# ruff: noqa: ANN401 - the values in a YAML file are of any type
from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.environment.layers import CONFIG_KEY, IN_STACK_FILE, LayeredPositions
from app_of_apps.environment.neighbours import Neighbour, neighbours, shared_with
from app_of_apps.environment.settings import Environment
from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest import literal_secrets
from app_of_apps.manifest.findings import Findings
from app_of_apps.manifest.positions import path
from app_of_apps.manifest.scalars import described
from app_of_apps.manifest.source import parse, read_text
from app_of_apps.manifest.validation import listed, suggestion, validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.reader import Document

OVERLAY_VARIABLE = "AOA_ENVIRONMENT_OVERLAY_DIR"
_STACK_FILE = re.compile(r"Pulumi\.([a-z](?:[-a-z0-9]*[a-z0-9])?)\.yaml")


@dataclass(frozen=True, slots=True)
class LoadedEnvironment:
    """The settings of one environment and where each of them stands."""

    settings: Environment
    positions: LayeredPositions
    configured: Mapping[str, Any]
    """The value in the stack file as it stands, before the overlay: what Pulumi must have been given too."""
    neighbours: tuple[Neighbour, ...] = ()
    """The other environments of the project, as far as their files can be read."""


def environments(project: Path) -> tuple[str, ...]:
    """Return the names of the environments of a project, one per ``Pulumi.<name>.yaml``, in order of name."""
    try:
        names = [entry.name for entry in project.iterdir()]
    except OSError as error:
        raise InvalidInput([Problem(Position(str(project)), "", f"cannot be read: {error.strerror}")]) from error
    return tuple(sorted(found[1] for name in names if (found := _STACK_FILE.fullmatch(name))))


def load_environment(name: str, project: Path, overlay: Path | None = None) -> LoadedEnvironment:
    """Return the settings of the environment of that name.

    ``project`` is the folder of the stack files. ``overlay`` is a folder whose ``<name>.yaml``, if any, adds what the
    stack file does not say; without it, the folder that AOA_ENVIRONMENT_OVERLAY_DIR names is taken. Raises
    InvalidInput with every problem of both files.
    """
    return _Loading(name, project, overlay if overlay is not None else _default_overlay()).run()


def _default_overlay() -> Path | None:
    folder = os.environ.get(OVERLAY_VARIABLE)
    return Path(folder) if folder else None


@dataclass(slots=True)
class _Loading:
    """One run over a stack file and its overlay."""

    name: str
    project: Path
    overlay_folder: Path | None
    problems: list[Problem] = field(default_factory=list)

    def run(self) -> LoadedEnvironment:
        stack = self._stack_file()
        overlay = self._overlay()
        if stack is None:
            raise InvalidInput(self.problems)
        value = configured = stack[0].data["config"][CONFIG_KEY]
        self._check(stack, IN_STACK_FILE, value)
        positions = LayeredPositions(stack[0].positions, overlay[0].positions if overlay else None)
        if overlay:
            self._check(overlay, (), overlay[0].data)
            value = self._merged(value, overlay[0].data, (), positions)
        spoilt = {loc[len(IN_STACK_FILE) :] for loc in stack[1]} | (overlay[1] if overlay else set())
        settings = self._settings(value, positions, spoilt)
        if self.problems or settings is None:
            raise InvalidInput(self.problems)
        others = neighbours(self.name, environments(self.project), self.project, self.overlay_folder)
        if shared := shared_with(others, value, positions):
            raise InvalidInput(shared)
        return LoadedEnvironment(settings, positions, configured, others)

    def _stack_file(self) -> tuple[Document, set[Loc]] | None:
        """Return the stack file and what is spoilt in the environment's part of it."""
        source = self.project / f"Pulumi.{self.name}.yaml"
        if not _STACK_FILE.fullmatch(source.name) or not source.exists():
            known = environments(self.project)
            hint = suggestion(self.name, known) or f"environments here: {listed(known)}"
            self.problems.append(
                Problem(Position(str(self.project)), "", f"there is no environment `{self.name}`", hint)
            )
            return None
        read = self._read(source, IN_STACK_FILE)
        if read is None:
            return None
        document, spoilt = read
        config = document.data.get("config")
        value = config.get(CONFIG_KEY) if isinstance(config, dict) else None
        if isinstance(value, dict):
            return document, spoilt
        what = (
            f"must be a mapping, but here is {described(value)}" if value is not None else "the environment is missing"
        )
        hint = f"describe it under config: {CONFIG_KEY}: name, cluster, vault, versions"
        self.problems.append(Problem(document.positions.key_at(IN_STACK_FILE), path(IN_STACK_FILE), what, hint))
        return None

    def _overlay(self) -> tuple[Document, set[Loc]] | None:
        if self.overlay_folder is None:
            return None
        source = self.overlay_folder / f"{self.name}.yaml"
        return self._read(source, ()) if source.exists() else None

    def _read(self, source: Path, part: Loc) -> tuple[Document, set[Loc]] | None:
        """Return a file that holds one mapping, and the spoilt paths in the part that is ours."""
        file = str(source)
        try:
            parsed = parse(read_text(source, file), file)
        except InvalidInput as error:
            self.problems.extend(error.problems)
            return None
        spoilt = {loc for _, loc in parsed.spoilt}
        # What Pulumi keeps beside the environment is none of our business, as long as the file can be read at all.
        if parsed.documents and parsed.documents[0].positions.known(part) == len(part):
            ours = path(part)
            parsed.problems = [
                replace(problem, path=problem.path.removeprefix(ours).lstrip("."))
                for problem in parsed.problems
                if problem.path.startswith(ours) or not problem.path
            ]
        self.problems.extend(parsed.problems)
        if not parsed.documents:
            return None
        if not isinstance(parsed.documents[0].data, dict):
            what = f"a mapping is expected here, but here is {described(parsed.documents[0].data)}"
            self.problems.append(Problem(parsed.documents[0].positions.at(()), "", what))
            return None
        return parsed.documents[0], {loc for loc in spoilt if loc[: len(part)] == part}

    def _check(self, source: tuple[Document, set[Loc]], part: Loc, value: dict[str, Any]) -> None:
        """Refuse secrets: encrypted ones, which Pulumi would decrypt into the program, and literal ones."""
        found = Findings(source[0].positions, set(source[1]))
        for loc in _secure(value, part):
            hint = (
                "keep the value in Vault and refer to it under a child's secrets; no value passes through the program"
            )
            found.at_key(loc, "an encrypted value (`secure:`) has no place in the environment", hint)
            found.spoilt.add(loc[:-1])
            source[1].add(loc[:-1])
        literal_secrets.check(found, value, part)
        prefix = path(part)
        self.problems.extend(replace(p, path=p.path.removeprefix(prefix).lstrip(".")) for p in found.problems)

    def _merged(self, base: Any, added: Any, loc: Loc, positions: LayeredPositions) -> Any:
        """Return the base with what only the overlay says; what both say must be equal."""
        if isinstance(base, dict) and isinstance(added, dict):
            merged = dict(base)
            for key, below in added.items():
                merged[key] = self._merged(base[key], below, (*loc, key), positions) if key in base else below
            return merged
        if (base != added or type(base) is not type(added)) and positions.overlay is not None:
            here, there = positions.overlay.at(loc), positions.stack.at((*IN_STACK_FILE, *loc))
            what = f"differs from what {there} says"
            self.problems.append(
                Problem(here, path(loc), what, "an overlay may add what is absent, and change nothing")
            )
        return base

    def _settings(self, value: dict[str, Any], positions: LayeredPositions, spoilt: set[Loc]) -> Environment | None:
        findings = Findings(positions, spoilt, self.problems)
        settings = validate(Environment, value, findings)
        if settings is not None and settings.name != self.name:
            what = f"the file is named for the environment `{self.name}`"
            hint = f"write name: {self.name}, or rename the file"
            findings.at(("name",), what, hint)
        return settings


def _secure(value: Any, loc: Loc) -> Iterator[Loc]:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            yield (*loc, "secure")
            return
        for key, below in value.items():
            yield from _secure(below, (*loc, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _secure(below, (*loc, index))
