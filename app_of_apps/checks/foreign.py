"""The objects that charts and plain manifests bring along, with the place of everything in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import Position
from app_of_apps.manifest.positions import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.model import Release


@dataclass(frozen=True, slots=True)
class ForeignObject:
    """One object that somebody else wrote. ``at`` says where a path of it begins; a chart's have no lines."""

    child: str
    manifest: Mapping[str, Any]
    at: Callable[[Loc], Position]

    @property
    def api_version(self) -> str:
        """The API group and version, such as ``apps/v1``."""
        return str(self.manifest.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        """The kind."""
        return str(self.manifest.get("kind", ""))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The specification; empty where there is none."""
        return mapping(self.manifest.get("spec"))

    def __str__(self) -> str:
        """Write kind and name, fit for one line of a message."""
        return shortened(f"{self.kind} {mapping(self.manifest.get('metadata')).get('name')}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart makes in an environment, and its folder as messages name it."""

    folder: str
    objects: Sequence[Mapping[str, Any]]


def foreign_objects(manifest: Manifest, release: Release, charts: Mapping[str, Rendered]) -> tuple[ForeignObject, ...]:
    """Return the objects of all children of types `manifests` and, as far as they are rendered, `chart`."""
    return tuple(_all(manifest, release, charts))


def _all(manifest: Manifest, release: Release, charts: Mapping[str, Rendered]) -> Iterator[ForeignObject]:
    for name, places in manifest.places.items():
        for document, place in zip(release.child(name).documents, places, strict=True):
            yield ForeignObject(name, document, place.at)
    for name, chart in charts.items():
        for found in chart.objects:
            yield ForeignObject(name, found, partial(_nowhere, Position(chart.folder)))


def _nowhere(folder: Position, loc: Loc) -> Position:  # noqa: ARG001 - lines of templates say nothing about objects
    return folder


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value that should be a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> Sequence[Any]:
    """Return a value that should be a list, or an empty one."""
    return value if isinstance(value, list | tuple) else ()
