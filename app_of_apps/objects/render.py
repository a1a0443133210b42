"""Render a release into the objects that its children declare. Pure: the same release gives the same objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.manifest.child import ChartChild, CronJobChild, MigrationChild, PodChild, ScaledChild, ServiceChild
from app_of_apps.manifest.escalation import tenancy_boundary
from app_of_apps.objects.access import access_objects
from app_of_apps.objects.availability import autoscaler, disruption_budget
from app_of_apps.objects.config import config_maps
from app_of_apps.objects.delivery import delivered
from app_of_apps.objects.exposure import route, service
from app_of_apps.objects.foreign import chart_inputs, labelled_documents
from app_of_apps.objects.job import cron_job, migration_job
from app_of_apps.objects.metadata import Metadata
from app_of_apps.objects.model import ChildObjects, KubernetesObject
from app_of_apps.objects.namespace import namespace, service_account
from app_of_apps.objects.secrets import vault_paths
from app_of_apps.objects.tenancy import tenancy_objects
from app_of_apps.objects.vault import vault_policy, vault_role
from app_of_apps.objects.workload import deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release, ResolvedChild
    from app_of_apps.release.provenance import Provenance


def release_objects(release: Release, provenance: Mapping[str, Provenance] | None = None) -> tuple[ChildObjects, ...]:
    """Return the objects of every child, in dependency order; ``provenance`` is child → where its content came from."""
    origins = provenance or {}
    return tuple(child_objects(release, child, origins.get(child.name)) for child in release.children)


def child_objects(release: Release, child: ResolvedChild, provenance: Provenance | None = None) -> ChildObjects:
    """Return everything that one child declares, in the order of `model.GROUPS`."""
    spec = child.spec
    metadata = Metadata.of(release, child, provenance)
    home = namespace(child, metadata, release.tenancy.wrapped_pods)
    bounds = (*tenancy_objects(release, child, metadata), *access_objects(release, child, metadata))
    if isinstance(spec, PodChild):
        paths = vault_paths(release, spec)
        return ChildObjects(
            child=child.name,
            kubernetes=(
                home,
                service_account(spec, metadata),
                *bounds,
                *config_maps(child, spec, metadata),
                *delivered(release, spec, metadata),
                *_workload(child, spec, metadata),
            ),
            vault_policies=(vault_policy(release, child, paths),) if paths else (),
            vault_roles=(vault_role(release, child),) if paths else (),
        )
    if isinstance(spec, ChartChild):
        boundary = tenancy_boundary(release.tenancy, child.namespace)
        return ChildObjects(
            child=child.name, kubernetes=(home, *bounds), boundary=boundary, chart=chart_inputs(child, spec)
        )
    return ChildObjects(child=child.name, kubernetes=(home, *bounds), documents=labelled_documents(child, metadata))


def _workload(child: ResolvedChild, spec: PodChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    if isinstance(spec, MigrationChild):
        return (migration_job(child, spec, metadata),)
    if isinstance(spec, CronJobChild):
        return (cron_job(child, spec, metadata),)
    if not isinstance(spec, ScaledChild):
        msg = f"{type(spec).__name__} has no workload"
        raise TypeError(msg)
    objects = [deployment(child, spec, metadata)]
    if isinstance(spec, ServiceChild):
        objects.append(service(spec, metadata))
        if spec.expose is not None:
            objects.append(route(spec, spec.expose, metadata))
    if spec.disruption_budget is not None:
        objects.append(disruption_budget(spec, spec.disruption_budget, metadata))
    if spec.autoscaling is not None:
        objects.append(autoscaler(spec, spec.autoscaling, metadata))
    return tuple(objects)
