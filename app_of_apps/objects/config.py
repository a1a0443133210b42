"""Configuration that is no secret: environment variables and files, in ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.objects.model import KubernetesObject
from app_of_apps.release.digest import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.child import PodChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild

OWN = "config"


def shared_name(shared_set: str) -> str:
    """Return the name of the ConfigMap that holds a shared set."""
    return f"shared-{shared_set}"


def files_name(volume: str) -> str:
    """Return the name of the ConfigMap that holds the files of a volume."""
    return f"files-{volume}"


def config_maps(child: ResolvedChild, spec: PodChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return the ConfigMaps of a child: its own, one per shared set, one per volume of files; none that is empty."""
    return tuple(
        KubernetesObject(
            name="config" if name == OWN else f"config-{name}",
            group="config",
            manifest=metadata.object("v1", "ConfigMap", name, data=dict(sorted(data.items()))),
        )
        for name, data in _contents(child, spec).items()
    )


def environment_sources(child: ResolvedChild, spec: PodChild) -> list[dict[str, Any]]:
    """Return the container's ``envFrom``: shared sets in the child's order, then its own, since the last one wins."""
    names = [shared_name(name) for name in spec.config.shared if child.shared.get(name)]
    if spec.config.own:
        names.append(OWN)
    return [{"configMapRef": {"name": name}} for name in names]


def checksum(child: ResolvedChild, spec: PodChild) -> str | None:
    """Return the SHA-256 of everything in the child's ConfigMaps, or None without any.

    It stands in the pod template, because pods do not notice a changed ConfigMap by themselves.
    """
    contents = _contents(child, spec)
    return digest(contents).removeprefix("sha256:") if contents else None


def _contents(child: ResolvedChild, spec: PodChild) -> dict[str, Mapping[str, str]]:
    contents: dict[str, Mapping[str, str]] = {OWN: spec.config.own}
    contents |= {shared_name(name): child.shared.get(name, {}) for name in spec.config.shared}
    contents |= {files_name(volume.name): volume.files for volume in spec.volumes if volume.files}
    return {name: dict(data) for name, data in contents.items() if data}
