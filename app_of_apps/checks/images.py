"""Which images a release runs, and where each is named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child import ManifestsChild
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.checks.foreign import ForeignObject
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.errors import Position
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.model import Release

# What the container runtimes take; anything else never becomes a question to a registry.
_IMAGE: Final = re.compile(
    r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?"
)
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class ImageUse:
    """One place where an image is asked for."""

    image: str
    child: str
    position: Position
    path: str


def image_uses(
    environment: LoadedEnvironment, release: Release, objects: Iterable[ForeignObject]
) -> Iterator[ImageUse]:
    """Yield each use of an image; that of a child of ours stands where the environment says its version."""
    for child in release.children:
        if child.image is not None:
            source = None if isinstance(child.spec, ManifestsChild) else child.spec.version_from
            loc: Loc = ("versions", source or child.name)
            yield ImageUse(child.image, child.name, environment.positions.at(loc), path(loc))
    for one in objects:
        for loc, image in _images(one.manifest, ()):
            yield ImageUse(image, one.child, one.at(loc), path(loc))


def taken_apart(image: str) -> tuple[str, str]:
    """Return an image's repository, and its digest or else its tag."""
    whole, _, digest = image.partition("@")
    repository, colon, tag = whole.rpartition(":")
    if not colon or "/" in tag:  # the colon of a registry's port
        repository, tag = whole, "latest"
    return repository, digest or tag


def _images(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:  # noqa: ANN401 - walks an object of any kind
    if isinstance(value, dict):
        for key, below in value.items():
            for index, container in enumerate(below if key in _CONTAINERS and isinstance(below, list) else ()):
                image = container.get("image") if isinstance(container, dict) else None
                if isinstance(image, str) and _IMAGE.fullmatch(image):
                    yield (*loc, str(key), index, "image"), image
            yield from _images(below, (*loc, str(key)))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _images(below, (*loc, index))
