"""Versions that the environment below does not have, as far as the files say.

An older version than the one below was there before: versions move up from there. One without an order, such as a
commit's hash, that differs may have been there or not, and is named too; `aoa promote` knows from the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.errors import Problem
from app_of_apps.manifest.positions import path
from app_of_apps.release.version_order import order_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.environment.load import LoadedEnvironment


def check_versions_below(environment: LoadedEnvironment) -> Iterator[Problem]:
    """Yield each version that neither is the one of the environment that it is promoted from, nor an older one."""
    settings = environment.settings
    source = settings.promotion.source
    if source is None:
        return
    below = next((one for one in environment.neighbours if one.name == source), None)
    if below is None:
        loc = ("promotion", "from")
        hint = f"there is no Pulumi.{source}.yaml that can be read: correct the name"
        message = f"versions come from {source}, which is no other environment of this project"
        yield Problem(environment.positions.at(loc), path(loc), message, hint, "version-not-below")
        return
    theirs = _versions(below.value)
    for child, version in settings.versions.items():
        there = theirs.get(child)
        if there is None or order_of(version, there) in {-1, 0}:
            continue
        message = f"{version} of {child} is not in {source}, whose file has {there}"
        hint = f"deploy it in {source} first, then `aoa promote {source} {settings.name} --child {child}`"
        loc = ("versions", child)
        yield Problem(environment.positions.at(loc), path(loc), message, hint, "version-not-below")


def _versions(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions of an environment whose file nobody has judged yet."""
    found = value.get("versions")
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(child): version for child, version in pairs if isinstance(version, str)}
