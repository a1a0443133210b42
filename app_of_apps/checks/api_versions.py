"""API versions that are gone, or will be, in the version of Kubernetes that the environment has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.checks.removals import removal, written
from app_of_apps.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.checks.foreign import ForeignObject
    from app_of_apps.checks.removals import Version


def check_api_versions(objects: Iterable[ForeignObject], environment: str, server: Version | None) -> Iterator[Problem]:
    """Yield what the cluster refuses, or will after an upgrade. ``server`` is None where nobody knows its version."""
    for one in objects:
        known = removal(one.api_version, one.kind)
        if known is None or (server is not None and server < known.deprecated):
            continue
        what = f"{one} of {one.child}: {one.api_version}"
        rule = "api-deprecated"
        message = f"{what} is deprecated since Kubernetes {written(known.deprecated)}, gone in {written(known.removed)}"
        if server is None:
            message += f"; which version {environment} has is not recorded"
        elif server >= known.removed:
            rule = "api-removed"
            message = (
                f"{what} is gone since Kubernetes {written(known.removed)}, and {environment} has {written(server)}"
            )
        hint = f"use {known.instead}" if known.instead else "nothing takes its place: remove the object"
        yield Problem(one.at(("apiVersion",)), "apiVersion", message, hint, rule)
