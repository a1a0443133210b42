"""Promotion's view of the world: what the source has been through and runs, digests, and a change tried beforehand."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from app_of_apps.deploy.diagnose import MAIN_KINDS
from app_of_apps.deploy.status import Standing
from app_of_apps.environment.load import environments, load_environment
from app_of_apps.errors import InvalidInput, Refused, Unavailable
from app_of_apps.evidence.attempts import attempts
from app_of_apps.manifest.child import ManifestsChild, PodChild
from app_of_apps.manifest.source import read_text
from app_of_apps.release.promotion import Attempt, Below, Running, pinned, unpinned
from app_of_apps.release.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from app_of_apps.deploy.status import EnvironmentStatus
    from app_of_apps.environment.settings import Environment
    from app_of_apps.errors import Problem
    from app_of_apps.evidence.record import Record
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release
    from app_of_apps.release.promotion import Verdict

_DEPLOYS: Final = frozenset({"up", "rollback", "drift-fix", "destroy"})
_DESTROY: Final = "destroy"


class Digests(Protocol):
    """What knows the digest of a tag."""

    def digest(self, repository: str, tag: str) -> str:
        """Return ``sha256:<hex>``; raises Refused when there is no such tag, Unavailable when nobody says."""


def below(settings: Environment, status: EnvironmentStatus, records: Iterable[Record], now: datetime) -> Below:
    """Return what promotion has to know of the source.

    Raises Unavailable when its cluster could not be read.
    """
    if status.error is not None:
        raise Unavailable(status.error)
    running = {
        child.child: Running(
            healthy=child.standing is Standing.HEALTHY,
            # Of charts and plain manifests, an image's tag is not the version.
            version=child.version if child.type in MAIN_KINDS else None,
            message=child.message or str(child.standing),
        )
        for child in status.children
    }
    return Below(settings.name, settings.versions, tuple(ended_attempts(records)), running, now)


def ended_attempts(records: Iterable[Record]) -> Iterator[Attempt]:
    """Yield the attempts that could have changed what runs, in the order of their ends.

    One that has no end counts as failed: it was killed, or it runs right now.
    """
    found = []
    for attempt in attempts(records):
        opening, ending = attempt.opening, attempt.ending
        if opening.kind != "began" or opening.operation not in _DEPLOYS:
            continue
        gone = opening.operation == _DESTROY
        names = opening.children.keys() | {change.child for change in opening.changes}
        found.append(
            Attempt(
                record=(ending or opening).sequence,
                time=attempt.ended or attempt.started,
                succeeded=attempt.result == "succeeded",
                versions={} if gone else {name: child.version for name, child in opening.children.items()},
                touched=frozenset(name for name in names if attempt.touches(name)),
            )
        )
    yield from sorted(found, key=lambda one: one.record)


def followers(manifest: Manifest) -> Mapping[str, tuple[str, ...]]:
    """Return child → the children that take their version from it."""
    found: dict[str, tuple[str, ...]] = {}
    for name, child in manifest.children.items():
        if not isinstance(child, ManifestsChild) and child.version_from is not None:
            found[child.version_from] = (*found.get(child.version_from, ()), name)
    return found


def with_digests(verdicts: Iterable[Verdict], manifest: Manifest, registries: Digests) -> Iterator[Verdict]:
    """Yield the verdicts with each version that moves as ``tag@digest``; what has no digest stays.

    Raises Unavailable when a registry does not say.
    """
    for verdict in verdicts:
        if not verdict.moves or verdict.version is None or "@" in verdict.version:
            yield verdict
            continue
        child = manifest.children[verdict.child]
        if not isinstance(child, PodChild):
            yield unpinned(verdict, f"{child.name} is of type {child.type}: write the version with its digest by hand")
            continue
        others = [manifest.children[name] for name in verdict.followers]
        if strange := [one.name for one in others if not isinstance(one, PodChild) or one.image != child.image]:
            words = f"{', '.join(strange)} takes the version of {child.name} and has another image: no digest fits both"
            yield unpinned(verdict, words)
            continue
        try:
            yield pinned(verdict, f"{verdict.version}@{registries.digest(child.image, verdict.version)}")
        except Refused as error:
            yield unpinned(verdict, str(error))


def tried(manifest: Manifest, project: Path, name: str, text: str) -> Release:
    """Return the release that an environment would have with this text in its stack file; nothing is written there.

    Raises InvalidInput with the problems that it would have, named as if it stood there.
    """
    with tempfile.TemporaryDirectory(prefix="aoa-promotion-") as folder:
        for other in environments(project):
            file = f"Pulumi.{other}.yaml"
            there = text if other == name else read_text(project / file, str(project / file))
            Path(folder, file).write_bytes(there.encode())
        try:
            return resolve(manifest, load_environment(name, Path(folder)))
        except InvalidInput as error:
            raise InvalidInput(_at_home(problem, f"{folder}/", project) for problem in error.problems) from None


def _at_home(problem: Problem, folder: str, project: Path) -> Problem:
    def home(text: str) -> str:
        return text.replace(folder, "" if project == Path() else f"{project}/")

    position = replace(problem.position, file=home(problem.position.file))
    return replace(problem, position=position, message=home(problem.message), hint=home(problem.hint))
