"""What comes back with a rollback is held to the rules of today: access, ways, engines in Vault, the lane, escalation.

A child that left the working tree, or says something else there, was checked against the rules of its own time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app_of_apps.errors import InvalidInput, Refused
from app_of_apps.manifest import findings as of_file
from app_of_apps.manifest.access_checks import boundary_of, check_use, check_values
from app_of_apps.manifest.child import ChartChild
from app_of_apps.manifest.escalation import faults
from app_of_apps.manifest.positions import Place, PositionIndex
from app_of_apps.release.access import resolve_access
from app_of_apps.release.findings import Findings
from app_of_apps.release.lane import check_lane
from app_of_apps.release.overrides import check_engines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.errors import Problem
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.positions import Positions
    from app_of_apps.release.access import ResolvedAccess
    from app_of_apps.release.model import ResolvedChild

_NOWHERE = Place(-1, -1, (0, 0))


def rules_of_today(
    manifest: Manifest, environment: LoadedEnvironment, number: int
) -> Callable[[Mapping[str, ResolvedChild]], ResolvedAccess]:
    """Return what says who may do what with composed children, and refuses those that today's rules forbid.

    It raises Refused with every rule that is broken: a role, a way, a secret or an engine that the child's team may not
    use, an image or a text that does not belong in the environment, an object that escalates.
    """

    def access(children: Mapping[str, ResolvedChild]) -> ResolvedAccess:
        composed = composed_manifest(manifest, children, number)
        found = Findings(composed, environment)
        check_engines(composed.children, environment.settings, found)
        check_lane(children.values(), found)
        resolved = resolve_access(composed, environment.settings, found)
        problems = [problem for child in children.values() for problem in _problems(child, composed)]
        if found.problems or problems:
            what = "what would come back breaks rules that hold today; nothing was touched:"
            raise Refused("\n  ".join([what, *str(InvalidInput([*found.problems, *problems])).splitlines()]))
        return resolved

    return access


def composed_manifest(manifest: Manifest, children: Mapping[str, ResolvedChild], number: int) -> Manifest:
    """Return the manifest with composed children in the place of its own; as places it names the release."""
    places: dict[str | None, Positions] = {
        name: PositionIndex(f"release {number}, {name}", _NOWHERE) for name in children
    }
    return replace(
        manifest,
        children={name: child.spec for name, child in children.items()},
        sources={**places, None: manifest.sources[None]},
    )


def _problems(child: ResolvedChild, composed: Manifest) -> list[Problem]:
    """Return what a child picks that it may not have."""
    found = of_file.Findings(composed.sources[child.name])
    boundary = boundary_of(composed.parent, child.namespace)
    check_use(child.spec, composed.parent, composed.children.keys(), found)
    if isinstance(child.spec, ChartChild):
        check_values(child.spec, boundary, found)
    for index, document in enumerate(child.documents):
        for loc, message, hint in faults(document, boundary):
            found.at(("documents", index, *loc), message, hint)
    return found.problems
