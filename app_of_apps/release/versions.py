"""Which version each child gets, and the image reference that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.manifest.child import ChartChild, ManifestsChild, PodChild
from app_of_apps.release.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.child import Child
    from app_of_apps.release.findings import Findings


def resolve_versions(children: Mapping[str, Child], given: Mapping[str, str], found: Findings) -> dict[str, str]:
    """Return child → version for every child that takes one; what is missing or too much goes to ``found``."""
    for name in given:
        if name not in children:
            hint = did_you_mean(name, children)
            found.in_environment(("versions", name), f"there is no child named {name}", hint)
    versions: dict[str, str] = {}
    for name, child in children.items():
        version = _version(child, children, given, found)
        if version is not None:
            versions[name] = version
    return versions


def takes_version(child: Child) -> bool:
    """Say whether a child of this kind has a version at all."""
    return isinstance(child, PodChild) or (isinstance(child, ChartChild) and child.version_value is not None)


def image_reference(repository: str, version: str) -> str:
    """Compose ``<repository>:<tag>``, ``<repository>@<digest>`` or ``<repository>:<tag>@<digest>``."""
    return f"{repository}{version}" if version.startswith("@") else f"{repository}:{version}"


def _version(child: Child, children: Mapping[str, Child], given: Mapping[str, str], found: Findings) -> str | None:
    name = child.name
    source = None if isinstance(child, ManifestsChild) else child.version_from
    if not takes_version(child):
        if name in given:
            message = f"{name} is of type {child.type} and takes no version"
            found.in_environment(("versions", name), message, _why_none(child))
        if source is not None:
            found.in_manifest(name, ("versionFrom",), "has no effect without versionValue", "add versionValue")
        return None
    if source is None:
        if name not in given:
            hint = f"add the line `{name}: <version>` to versions"
            found.in_environment(("versions",), f"the version of {name} is missing", hint)
        return given.get(name)
    if name in given:
        message = f"{name} takes its version from {source}, and is given one as well"
        found.in_environment(("versions", name), message, f"remove the line, or remove versionFrom from {name}")
    elif not takes_version(children[source]):
        message = f"{source} is of type {children[source].type} and has no version"
        found.in_manifest(name, ("versionFrom",), message, _why_none(children[source]))
    # A version that the other child lacks is reported there.
    return given.get(source)


def _why_none(child: Child) -> str:
    if isinstance(child, ChartChild):
        return "give the chart a versionValue, or remove the line"
    return "remove the line: a version of plain manifests stands in their files"
