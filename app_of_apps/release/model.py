"""The resolved content of one environment: nothing is looked up, defaulted or merged after this point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field, JsonValue

from app_of_apps.environment.settings import Cluster, Vault
from app_of_apps.manifest.base import Model
from app_of_apps.manifest.child import Child
from app_of_apps.manifest.parent import Team
from app_of_apps.manifest.tenancy import Tenancy
from app_of_apps.release.access import ResolvedAccess


class ResolvedChild(Model):
    """One child of a release.

    ``spec`` is the child with its template merged in and the environment's overrides applied: ``rollout``, ``probes``,
    ``resources``, ``deadline`` and ``on_failure`` are never None for pod children, ``replicas`` is the effective
    number (the smallest where an autoscaler owns it), and a chart's folder is relative to the parent manifest's.
    """

    spec: Child
    namespace: str
    """`<parent>-<child>`."""
    version: str | None = None
    """The environment's version; None for types that take none."""
    image: str | None = None
    """The complete image reference, `<repository>:<tag>`, `<repository>@<digest>` or both."""
    shared: Mapping[str, Mapping[str, str]] = {}
    """The shared sets that the child asked for, in its order, with the environment's changes applied."""
    values: Mapping[str, JsonValue] = {}
    """A chart's values with the version put in its place."""
    documents: Annotated[tuple[Mapping[str, JsonValue], ...], Field(strict=False)] = ()
    """The Kubernetes objects of a `manifests` child, in file order."""
    chart_digest: str | None = None
    """SHA-256 over the names and contents of a chart's files."""
    digest: str
    """`sha256:<hex>` over everything above: two equal digests deploy the same thing."""

    @property
    def name(self) -> str:
        """The child's name."""
        return self.spec.name


class Release(Model):
    """The resolved content of one environment. ``children`` are in dependency order."""

    parent: str
    environment: str
    labels: Mapping[str, str] = {}
    teams: Mapping[str, Team]
    cluster: Cluster
    vault: Vault
    access: ResolvedAccess = ResolvedAccess()
    tenancy: Tenancy = Tenancy()
    """The parent's, with the environment's addresses in its ways."""
    children: Annotated[tuple[ResolvedChild, ...], Field(strict=False)]
    program_version: str
    digest: str
    """`sha256:<hex>`, SHA-256 over the canonical JSON of all of this (without the cluster's and Vault's addresses)."""

    def child(self, name: str) -> ResolvedChild:
        """Return the child of that name; KeyError when there is none."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, ResolvedChild]:
        """Every child under its name."""
        return {child.name: child for child in self.children}

    @cached_property
    def callers(self) -> Mapping[str, tuple[str, ...]]:
        """Child → those that may call it, sorted: they depend on it or name it under `network: calls`."""
        found: dict[str, list[str]] = {child.name: [] for child in self.children}
        for name in sorted(found):
            spec = self.by_name[name].spec
            for needed in {*spec.depends_on, *spec.network.calls} & found.keys():
                found[needed].append(name)
        return {name: tuple(names) for name, names in found.items()}
