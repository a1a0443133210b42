"""What belongs to one environment appears in no other: its images and the texts that it calls its own.

Looked at is the resolved child, with everything that templates, shared sets, overrides and documents have brought in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.findings import Findings
    from app_of_apps.release.model import ResolvedChild


def check_lane(children: Iterable[ResolvedChild], found: Findings) -> None:
    """Note each image that may not run in the environment, and each text that another environment calls its own."""
    environment = found.environment
    images = environment.settings.lane.images
    foreign = [(text, other, loc) for other in environment.neighbours for text, loc in other.texts()]
    if not images and not foreign:
        return
    for child in children:
        if images and child.image is not None and not is_among(child.image, images):
            hint = f"images of {environment.settings.name} are below {', '.join(images)} (lane: images of its file)"
            found.in_manifest(child.name, ("image",), "this image may not run here", hint)
        for text, other, loc in foreign:
            said = other.positions.at(loc)
            for place, value in _strings(child.model_dump(by_alias=True), ()):
                if text in value:
                    hint = f"each environment says such a value in its own file; {said} reserves it"
                    _note(child, place, f"holds what belongs to {other.name} alone: {text}", hint, found)


def is_among(image: str, allowed: Iterable[str]) -> bool:
    """Say whether an image is of one of these repositories, or below one of these beginnings that end with a slash."""
    return any(_is_within(image, one) for one in allowed)


def _is_within(image: str, allowed: str) -> bool:
    return image.startswith(allowed) and (allowed.endswith("/") or image[len(allowed) :][:1] in {"", ":", "@", "/"})


def _note(child: ResolvedChild, place: Loc, message: str, hint: str, found: Findings) -> None:
    """Note a problem with a value of a resolved child where it was written: in the environment, parent or child."""
    settings, names = found.environment.settings, tuple(map(str, place))
    override = settings.children.get(child.name)
    if names[:3] == ("spec", "config", "own") and override is not None and names[3] in override.config:
        found.in_environment(("children", child.name, "config", names[3]), message, hint)
    elif place[0] == "shared" and len(names) > 2 and names[2] in settings.config.get(names[1], {}):  # noqa: PLR2004 - set, variable
        found.in_environment(("config", *place[1:]), message, hint)
    elif place[0] == "shared":
        found.in_manifest(None, ("config", *place[1:]), message, hint)
    else:
        found.in_manifest(child.name, place[1:] if place[0] == "spec" else place, message, hint)


def _strings(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:  # noqa: ANN401 - walks data of any shape
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield (*loc, str(key)), str(key)
            yield from _strings(below, (*loc, str(key)))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _strings(below, (*loc, index))
