"""What distinguishes two environments: what their files declare, and the rest, which is drift between them.

Pure. Both releases are resolved from one manifest, so whatever differs between them is declared: in the environments'
files, or in the parent's access for each environment. What is deployed may differ without anybody having said so; that
is the rest. Names, clusters, addresses and mounts are what makes them two environments, and are no differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from app_of_apps.manifest.child import ChartChild, ManifestsChild
from app_of_apps.release.compare import FieldChange, compare, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release, ResolvedChild

_SHARED: Final = "shared"
# The beginning of a field's path in a child's content → what people call it.
_TOPICS: Final = {
    "version": "versions",
    "spec.replicas": "replicas",
    "spec.config.own": "config",
    "spec.resources": "resources",
    "spec.expose.host": "host",
}
# What makes two environments two.
_IDENTITY: Final = {"vault": {"address", "namespace", "mounts"}}
_SETTINGS: Final = ("network", "gates", "promotion", "images", "evidence", "lane", "protected", "identity", "vault")


class Kind(StrEnum):
    """What a difference is that no file declares."""

    UNRELEASED = "never released"
    BEHIND = "behind its working tree"
    ONLY_IN_ONE = "in one only"
    DEPLOYED = "deployed differently"
    PROGRAM = "program version"


@dataclass(frozen=True, slots=True)
class DeployedChild:
    """One child as the record of the last success knows it."""

    digest: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the last success of an environment deployed."""

    number: int
    digest: str
    program_version: str
    children: Mapping[str, DeployedChild]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two environments. ``deployed`` is None where nothing ever was."""

    settings: Environment
    release: Release
    deployed: Deployed | None

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.settings.name


@dataclass(frozen=True, slots=True)
class Declared:
    """A difference that the files declare; ``child`` is None where it concerns more than one."""

    topic: str
    child: str | None
    field: FieldChange


@dataclass(frozen=True, slots=True)
class Other:
    """A difference that nobody declared. ``environment`` is the one it lies with; None: it lies between the two."""

    kind: Kind
    environment: str | None
    child: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Differences:
    """Everything that distinguishes two environments."""

    declared: tuple[Declared, ...]
    other: tuple[Other, ...]


def compare_environments(one: Side, two: Side) -> Differences:
    """Return what distinguishes two environments of one manifest."""
    return Differences(
        declared=(*_children(one.release, two.release), *_shared(one, two), *_settings(one, two), *_access(one, two)),
        other=(*_standing(one), *_standing(two), *_between(one, two)),
    )


def _children(one: Release, two: Release) -> Iterator[Declared]:
    for change in compare(one, two).children:
        child = one.by_name[change.name]
        for field in change.fields:
            if topic := _topic(child, field.path):
                yield Declared(topic, change.name, field)


def _topic(child: ResolvedChild, path: str) -> str | None:
    """Return what a difference in a child's content is about; None for what only follows from another one."""
    spec = child.spec
    follows = not isinstance(spec, ManifestsChild) and spec.version_from is not None
    placed = isinstance(spec, ChartChild) and path == f"values.{spec.version_value}"
    if path == "image" or placed or path.startswith(_SHARED) or (path == "version" and follows):
        return None
    return next((topic for start, topic in _TOPICS.items() if path.startswith(start)), "content")


def _shared(one: Side, two: Side) -> Iterator[Declared]:
    sets = one.settings.config.keys() | two.settings.config.keys()
    before, after = ({name: dict(side.settings.config.get(name, {})) for name in sets} for side in (one, two))
    for field in differences(before, after):
        yield Declared("config", None, field)


def _settings(one: Side, two: Side) -> Iterator[Declared]:
    before, after = (
        side.settings.model_dump(mode="json", by_alias=True, include=set(_SETTINGS), exclude=_IDENTITY)
        for side in (one, two)
    )
    for name in _SETTINGS:
        for field in differences({name: before[name]}, {name: after[name]}):
            yield Declared(name, None, field)


def _access(one: Side, two: Side) -> Iterator[Declared]:
    groups = {grant.group for side in (one, two) for grant in side.release.access.grants}
    for field in differences(_grants(one.release, groups), _grants(two.release, groups)):
        yield Declared("access", None, field)


def _grants(release: Release, groups: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return group → role → children."""
    found: dict[str, dict[str, list[str]]] = {group: {} for group in groups}
    for grant in release.access.grants:
        found[grant.group].setdefault(grant.role, []).append(grant.child)
    return found


def _standing(side: Side) -> Iterator[Other]:
    """Yield how an environment differs from what its own files say."""
    deployed, release = side.deployed, side.release
    if deployed is None:
        yield Other(Kind.UNRELEASED, side.name, None, f"{side.name} has no record of a success")
        return
    if deployed.digest == release.digest:
        return
    last = f"release {deployed.number} of {side.name}"
    children = 0
    for name in sorted(release.by_name.keys() | deployed.children.keys()):
        child, there = release.by_name.get(name), deployed.children.get(name)
        if child is None:
            words = f"{last} has {name}, and the working tree has it no more"
        elif there is None:
            words = f"{last} does not have {name} yet"
        elif child.digest == there.digest:
            continue
        elif child.version != there.version:
            words = f"{last} has {name} {there.version}, the working tree {child.version}"
        else:
            words = f"{last} has another content of {name} than the working tree"
        children += 1
        yield Other(Kind.BEHIND, side.name, name, words)
    if not children:
        words = f"{last} differs from the working tree outside of its children: labels, teams, access, Vault or program"
        yield Other(Kind.BEHIND, side.name, None, words)


def _between(one: Side, two: Side) -> Iterator[Other]:
    """Yield how what is deployed differs where the files do not."""
    here, there = one.deployed, two.deployed
    if here is None or there is None:
        return
    for name in sorted(here.children.keys() | there.children.keys()):
        mine, theirs = here.children.get(name), there.children.get(name)
        if mine is None or theirs is None:
            has, lacks = (one, two) if theirs is None else (two, one)
            words = f"{name} is deployed in {has.name} and not in {lacks.name}"
            yield Other(Kind.ONLY_IN_ONE, None, name, words)
        elif mine.digest != theirs.digest and _agreed(one.release, two.release, name):
            what = "another content" if mine.version == theirs.version else f"{mine.version} and {theirs.version}"
            words = f"the files agree on {name}, and {one.name} and {two.name} have {what} of it deployed"
            yield Other(Kind.DEPLOYED, None, name, words)
    if here.program_version != there.program_version:
        words = (
            f"{one.name} was released by version {here.program_version} of the program, "
            f"{two.name} by {there.program_version}"
        )
        yield Other(Kind.PROGRAM, None, None, words)


def _agreed(one: Release, two: Release, child: str) -> bool:
    first, second = one.by_name.get(child), two.by_name.get(child)
    return first is not None and second is not None and first.digest == second.digest
