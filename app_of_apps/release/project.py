"""Finds the project and loads what a verb asks for, with every problem of every file in one error."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app_of_apps.errors import InvalidInput, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.environment.settings import Environment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release

PROJECT_FILE = "Pulumi.yaml"
PARENT_FILE = "parent.yaml"


@dataclass(frozen=True, slots=True)
class World:
    """What a project says: its manifest and the releases of the environments that were asked for."""

    project: Path
    manifest: Manifest
    releases: Mapping[str, Release]
    settings: Mapping[str, Environment]
    environments: Mapping[str, LoadedEnvironment]
    """The settings with their places."""


def find_project(folder: Path | None) -> Path:
    """Return the project's folder: the given one, or the nearest one upwards that holds Pulumi.yaml.

    Raises InvalidInput when there is none.
    """
    if folder is not None:
        if (folder / PROJECT_FILE).is_file() or (folder / PARENT_FILE).is_file():
            return folder
        raise _problem(str(folder), f"holds neither {PROJECT_FILE} nor {PARENT_FILE}", "Name a project's folder.")
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / PROJECT_FILE).is_file():
            # Relative where it can be, so that messages name files the way the user would.
            return Path() if candidate == here else candidate
    if (here / PARENT_FILE).is_file():
        return Path()
    raise _problem(
        str(here),
        f"neither this folder nor one above it holds {PROJECT_FILE}",
        "Change to a project, or name it with --project FOLDER.",
    )


def known_environments(project: Path) -> tuple[str, ...]:
    """Return the names of the project's environments."""
    from app_of_apps.environment.load import environments  # noqa: PLC0415 - so that --help and completion stay quick

    return environments(project)


def chosen_environments(project: Path, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the named environments, all of them when none is named.

    Raises InvalidInput for each name without a stack file, with the name that may have been meant.
    """
    known = known_environments(project)
    if not names:
        return known
    problems = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"Did you mean {close[0]}? " if close else ""
            hint += f"Known: {', '.join(known)}." if known else "There is no Pulumi.<environment>.yaml here."
            problems.append(Problem(Position(str(project / f"Pulumi.{name}.yaml")), "", "no such environment", hint))
    if problems:
        raise InvalidInput(problems)
    return tuple(dict.fromkeys(names))


def chosen_settings(project: Path, names: Sequence[str] | None) -> dict[str, Environment]:
    """Load the settings of the named environments; of all, in the order of promotion, when none is named.

    Raises InvalidInput for a name without a stack file, and for the first file that is not valid.
    """
    from app_of_apps.environment.load import load_environment  # noqa: PLC0415 - so that --help and completion stay quick

    found = {name: load_environment(name, project).settings for name in chosen_environments(project, names)}
    return found if names else {name: found[name] for name in upwards(found)}


def load_manifest_only(project: Path) -> Manifest:
    """Load the manifest; raises InvalidInput with all of its problems."""
    from app_of_apps.manifest.load import load_manifest  # noqa: PLC0415 - so that --help and completion stay quick

    return load_manifest(project / PARENT_FILE)


def load_world(project: Path, names: Sequence[str] | None) -> World:
    """Load the manifest and resolve it for the named environments (all when none is named).

    Raises InvalidInput with the problems of all files together: a broken manifest does not hide a broken environment.
    """
    world, problems = load_what_is_right(project, names)
    if problems or world is None:
        raise InvalidInput(problems)
    return world


def load_what_is_right(project: Path, names: Sequence[str] | None) -> tuple[World | None, tuple[Problem, ...]]:
    """Return the named environments as far as they can be resolved, and all that is wrong with the rest.

    Where none is named they come in the order of promotion. There is no world where the manifest itself is wrong.
    """
    from app_of_apps.environment.load import load_environment  # noqa: PLC0415 - so that --help and completion stay quick
    from app_of_apps.release.resolve import resolve  # noqa: PLC0415 - so that --help and completion stay quick

    problems: list[Problem] = []
    manifest = None
    try:
        manifest = load_manifest_only(project)
    except InvalidInput as error:
        problems += error.problems
    chosen: tuple[str, ...] = ()
    try:
        chosen = chosen_environments(project, names)
    except InvalidInput as error:
        problems += error.problems
    loaded: dict[str, LoadedEnvironment] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    for name in chosen:
        try:
            loaded[name] = load_environment(name, project)
        except InvalidInput as error:
            broken[name] = error.problems
    if not names:
        loaded = {name: loaded[name] for name in upwards({name: one.settings for name, one in loaded.items()})}
    releases: dict[str, Release] = {}
    for name, environment in loaded.items():
        try:
            if manifest is not None:
                releases[name] = resolve(manifest, environment)
        except InvalidInput as error:
            broken[name] = error.problems
    problems += (problem for name in chosen for problem in broken.get(name, ()))
    if manifest is None:
        return None, tuple(problems)
    world = World(project, manifest, releases, {name: one.settings for name, one in loaded.items()}, loaded)
    return world, tuple(problems)


def upwards(environments: Mapping[str, Environment]) -> list[str]:
    """Return environments in the order of promotion, the lowest first; those of one height keep their order.

    An environment stands one higher than the one that its versions come from.
    """

    def height(name: str) -> int:
        below: list[str] = []
        while (source := environments[name].promotion.source) is not None and source in environments.keys() - below:
            below.append(source)
            name = source
        return len(below)

    return sorted(environments, key=height)


def _problem(file: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput([Problem(Position(file), "", message, hint)])
