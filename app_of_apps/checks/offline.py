"""All that can be said without asking anybody, of one environment at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app_of_apps.checks.api_versions import check_api_versions
from app_of_apps.checks.collisions import check_collisions, host_claims, port_claims
from app_of_apps.checks.foreign import Rendered, foreign_objects
from app_of_apps.checks.quota import check_quota, check_requests
from app_of_apps.checks.removals import version
from app_of_apps.checks.rules import Finding, Severity, findings
from app_of_apps.checks.versions import check_versions_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.checks.foreign import ForeignObject
    from app_of_apps.checks.removals import Version
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.errors import Problem
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release


@dataclass(frozen=True, slots=True)
class Subject:
    """One environment with everything that is looked at."""

    manifest: Manifest
    environment: LoadedEnvironment
    release: Release
    charts: Mapping[str, Rendered] = field(default_factory=dict)
    """What charts make, of those that are rendered."""

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.release.environment

    @property
    def objects(self) -> tuple[ForeignObject, ...]:
        """The objects that charts and plain manifests bring along."""
        return foreign_objects(self.manifest, self.release, self.charts)

    @property
    def recorded_version(self) -> Version | None:
        """The version of Kubernetes that the environment's file names."""
        recorded = self.release.cluster.kubernetes
        return None if recorded is None else version(recorded)


def check_offline(subject: Subject, *, server: Version | None = None) -> tuple[Finding, ...]:
    """Return what is wrong. ``server`` is the cluster's version where it was asked; the recorded one counts without."""
    return tuple(_check(subject, subject.recorded_version if server is None else server))


def _check(subject: Subject, server: Version | None) -> Iterator[Finding]:
    manifest, environment, release, objects = subject.manifest, subject.environment, subject.release, subject.objects
    name = subject.name
    yield from findings(check_versions_below(environment), name)
    hosts = host_claims(manifest, environment, release, objects)
    yield from _graded(check_collisions(hosts, "host-collision"), name)
    yield from _graded(check_collisions(port_claims(objects), "port-collision"), name)
    yield from _graded(check_quota(manifest, release, objects), name)
    yield from findings(check_requests(manifest, release, objects), name)
    yield from findings(check_api_versions(objects, name, server), name)


def _graded(problems: Iterable[tuple[Problem, bool]], environment: str) -> Iterator[Finding]:
    for problem, bad in problems:
        yield Finding(problem, Severity.ERROR if bad else Severity.WARNING, environment)
