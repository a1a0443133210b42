"""It is known what runs: which image, from where, and exactly which content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.release.lane import is_among
from app_of_apps_policy.kubernetes import at, containers, objects
from app_of_apps_policy.model import Rule, flag, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.manifest.positions import Loc
    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "image rules"


def _images(seen: Seen) -> Iterator[tuple[Loc, str]]:
    for found in objects(seen):
        for loc, container in containers(found):
            if isinstance(image := container.get("image"), str):
                yield (*loc, "image"), image


def parts(image: str) -> tuple[str, str, str]:
    """Return repository, tag and digest of an image; the last two are empty where there is none."""
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", tag, digest


def _tag(seen: Seen, _: Config) -> Iterator[str]:
    for loc, image in _images(seen):
        tag, digest = parts(image)[1:]
        if tag == "latest":
            yield at(loc, f"{image}: latest is another image tomorrow")
        elif not tag and not digest:
            yield at(loc, f"{image}: without a tag it is the latest one, whichever that is")


def _registry(seen: Seen, config: Config) -> Iterator[str]:
    allowed = config.get("allowed")
    for loc, image in _images(seen) if allowed is not None else ():
        repository = parts(image)[0]
        if not is_among(repository, allowed or ()):
            yield at(loc, f"{repository} is none of the repositories that may run here")


def _digest(seen: Seen, config: Config) -> Iterator[str]:
    for loc, image in _images(seen) if config.get("required") else ():
        if not parts(image)[2].startswith("sha256:"):
            yield at(loc, f"{image} has no digest, so its tag can be moved to other content")


RULES: Final = (
    Rule(
        id="image-tag",
        group=GROUP,
        says="Every image has a tag or a digest, and the tag is not `latest`.",
        why="What runs must be what was approved, also when a pod starts on another node next week.",
        mend="Name a version.",
        severity="high",
        check=_tag,
    ),
    Rule(
        id="image-registry",
        group=GROUP,
        says="Images come from the repositories of the environment.",
        why="Whoever can push to another registry decides what runs.",
        mend="Use an image of a repository in `allowed`, or mirror it there.",
        severity="high",
        check=_registry,
        settings={
            "allowed": names("Repositories, or beginnings of them that end with `/`; without the list any may run.")
        },
    ),
    Rule(
        id="image-digest",
        group=GROUP,
        says="Every image is named by its digest, where that is required.",
        why="A tag can be moved to other content, a digest cannot.",
        mend="Add the digest: `1.2.3@sha256:…`.",
        severity="medium",
        check=_digest,
        settings={"required": flag("Whether digests are required; no if missing.")},
    ),
)
