"""Look things up among rendered objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.objects.render import child_objects
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.objects.model import ChildObjects, KubernetesObject


def render(parent: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **fields: Any) -> ChildObjects:
    """Render one child, a service named ``api`` unless told otherwise."""
    one = child(**fields)
    takes_none = one.type == "manifests" or (one.type == "chart" and one.version_value is None)
    versions = {} if takes_none else {one.name: "1.0.0"}
    release = resolve(manifest(one, **(parent or {})), environment(**{"versions": versions, **(settings or {})}))
    return child_objects(release, release.child(one.name))


def found(objects: ChildObjects, name: str) -> KubernetesObject:
    """Return the object of that logical name."""
    (one,) = [candidate for candidate in objects.kubernetes if candidate.name == name]
    return one


def spec(objects: ChildObjects, name: str) -> Mapping[str, Any]:
    """Return the ``spec`` of the object of that logical name."""
    return found(objects, name).manifest["spec"]


def pod_templates(objects: ChildObjects) -> Iterator[Mapping[str, Any]]:
    """Yield the pod template of every workload of our own."""
    for one in objects.kubernetes:
        kind, body = one.manifest["kind"], one.manifest.get("spec", {})
        if kind in {"Deployment", "Job"}:
            yield body["template"]
        elif kind == "CronJob":
            yield body["jobTemplate"]["spec"]["template"]


def container(objects: ChildObjects) -> Mapping[str, Any]:
    """Return the one container of the one workload."""
    (template,) = pod_templates(objects)
    (one,) = template["spec"]["containers"]
    return one
