"""Resolve a manifest for one environment: after this nothing is looked up, defaulted or merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import app_of_apps
from app_of_apps.errors import InvalidInput
from app_of_apps.graph.order import order
from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.child import (
    ChartChild,
    ManifestsChild,
    PodChild,
    ScaledChild,
    ServiceChild,
)
from app_of_apps.release.access import resolve_access, resolve_tenancy
from app_of_apps.release.behaviour import DEFAULT_DEADLINE, DEFAULT_ON_FAILURE, Merger
from app_of_apps.release.content import child_digest, release_digest
from app_of_apps.release.documents import place_documents
from app_of_apps.release.findings import Findings, did_you_mean
from app_of_apps.release.lane import check_lane
from app_of_apps.release.model import Release, ResolvedChild
from app_of_apps.release.overrides import (
    check_edges,
    check_engines,
    check_overrides,
    check_variables,
    shared_sets,
)
from app_of_apps.release.pinning import check_pinned
from app_of_apps.release.versions import image_reference, resolve_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.environment.settings import ChildOverride
    from app_of_apps.manifest.child import Child
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.template import Probes


def resolve(manifest: Manifest, environment: LoadedEnvironment) -> Release:
    """Return the release that ``environment`` makes of ``manifest``.

    The result depends on the content of the files alone, not on the order of their keys or of the list of children.
    Raises InvalidInput with every problem found: missing or unneeded versions, overrides of children that do not exist
    or do not have what is overridden, behaviour that does not fit together, an edge to a child that has nothing to wait
    for.
    """
    settings = environment.settings
    found = Findings(manifest, environment)
    children = manifest.children
    check_overrides(children, settings.children, found)
    check_edges(children, settings.children, found.under("dependency-absent"))
    check_variables(children, settings, found)
    check_engines(children, settings, found)
    resolution = _Resolution(
        manifest=manifest,
        overrides=settings.children,
        versions=resolve_versions(children, settings.versions, found),
        shared=shared_sets(manifest.parent, settings, found),
        merger=Merger(manifest.parent.templates),
        found=found,
    )
    resolved = {name: resolution.child(child) for name, child in children.items()}
    check_lane(resolved.values(), found.under("foreign-lane"))
    check_pinned(resolved.values(), found.under("image-unpinned"))
    access, tenancy = resolve_access(manifest, settings, found), resolve_tenancy(manifest, settings, found)
    if found.problems:
        raise InvalidInput(found.problems)
    plan = order({name: child.depends_on for name, child in children.items()})
    content: dict[str, Any] = {
        "parent": manifest.parent.name,
        "environment": settings.name,
        "labels": manifest.parent.labels,
        "teams": {name: team.model_copy(update={"codeowners": ()}) for name, team in manifest.parent.teams.items()},
        "vault": settings.vault,
        "access": access,
        "tenancy": tenancy,
        "children": tuple(resolved[name] for name in plan.order),
        "program_version": app_of_apps.__version__,
    }
    return Release(**content, cluster=settings.cluster, digest=release_digest(**content))


@dataclass(frozen=True, slots=True)
class _Resolution:
    """What is needed to resolve one child after another."""

    manifest: Manifest
    overrides: Mapping[str, ChildOverride]
    versions: Mapping[str, str]
    shared: Mapping[str, Mapping[str, str]]
    merger: Merger
    found: Findings

    def child(self, child: Child) -> ResolvedChild:
        """Resolve one child; what does not fit goes to ``found``."""
        version = self.versions.get(child.name)
        fields: dict[str, Any] = {
            "namespace": f"{self.manifest.parent.name}-{child.name}",
            "version": version,
        }
        if isinstance(child, PodChild):
            spec: Child = self._pod_child(child)
            fields["shared"] = {name: self.shared[name] for name in child.config.shared if name in self.shared}
            fields["image"] = None if version is None else image_reference(child.image, version)
        elif isinstance(child, ChartChild):
            chart = self.manifest.charts[child.name]
            spec = child.model_copy(update={**_behaviour(child), "chart": str(chart.path)})
            fields["values"] = self._values(child, version)
            fields["chart_digest"] = chart.digest
        else:
            spec = child.model_copy(update=_behaviour(child))
            fields["documents"] = place_documents(fields["namespace"], self.manifest.documents[child.name])
        return ResolvedChild(spec=spec, **fields, digest=child_digest(spec=spec, **fields))

    def _pod_child(self, child: Any) -> Any:  # noqa: ANN401 - model_copy keeps the type of the union's member
        """Return the child with its template and the environment's overrides merged in."""
        override = self.overrides.get(child.name)
        merged = self.merger.merge(child, child.template, None if override is None else override.resources)
        for key, message in merged.faults:
            self.found.in_manifest(child.name, (key,), f"merged with its template and environment, {message}")
        if seconds(merged.deadline) <= merged.rollout.min_ready_seconds:
            self.found.in_manifest(
                child.name, ("rollout",), f"minReadySeconds must be below the deadline of {merged.deadline}"
            )
        update = merged.fields()
        if isinstance(child, ScaledChild):
            self._check_probes(child, merged.probes)
            if child.autoscaling is not None:
                update["replicas"] = child.autoscaling.min_replicas
            elif override is not None and override.replicas is not None:
                update["replicas"] = override.replicas
        if override is not None and override.config:
            own = {**child.config.own, **override.config}
            update["config"] = child.config.model_copy(update={"own": own})
        if isinstance(child, ServiceChild) and child.expose is not None and override is not None and override.host:
            update["expose"] = child.expose.model_copy(update={"host": override.host})
        return child.model_copy(update=update)

    def _check_probes(self, child: ScaledChild, probes: Probes) -> None:
        """Report probes whose port is known to the template but not to the child."""
        ports = {port.name for port in child.ports}
        for kind, probe in (
            ("startup", probes.startup),
            ("readiness", probes.readiness),
            ("liveness", probes.liveness),
        ):
            port = None if probe is None else probe.tcp if probe.http is None else probe.http.port
            if isinstance(port, str) and port not in ports:
                message = f"merged with its template, asks port {port}, which {child.name} does not have"
                self.found.in_manifest(child.name, ("probes", kind), message, did_you_mean(port, ports))

    def _values(self, child: ChartChild, version: str | None) -> dict[str, Any]:
        """Return the chart's values with the version put at ``versionValue``."""
        values: dict[str, Any] = dict(child.values)
        if child.version_value is None or version is None:
            return values
        *way, last = child.version_value.split(".")
        level = values
        for position, key in enumerate(way):
            below = level.get(key, {})
            if not isinstance(below, dict):
                at = ".".join(way[: position + 1])
                self.found.in_manifest(child.name, ("versionValue",), f"values.{at} is no mapping to put a version in")
                return values
            level[key] = dict(below)
            level = level[key]
        if last in level:
            self.found.in_manifest(
                child.name,
                ("values", *way, last),
                "is set here and by versionValue",
                "remove it: the environment's version goes there",
            )
        level[last] = version
        return values


def _behaviour(child: ChartChild | ManifestsChild) -> dict[str, str]:
    return {
        "deadline": child.deadline or DEFAULT_DEADLINE,
        "on_failure": child.on_failure or DEFAULT_ON_FAILURE,
    }
