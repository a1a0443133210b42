"""The record of a release in the cluster: an immutable ConfigMap that is created when everything else is healthy.

Its name is the release's number and digest. A release that is deployed again while it stands keeps its number, so a
no-op stays a no-op; one that comes back after another gets a number of its own. Besides what the release is, its record
says where the content of each child came from, and keeps the content itself, which a rollback brings back. Whoever
declares the record ignores later changes of all of that: it tells of the run that made it.

The logical name carries number and digest too. Under one logical name Pulumi would carry ignored inputs of the old
record over into the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child_checks import RESERVED_NAME
from app_of_apps.objects.metadata import MANAGER
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.release.digest import canonical_json
from app_of_apps.release.stored import packed_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release
    from app_of_apps.release.provenance import Provenance

SELECTOR: Final = "app.kubernetes.io/component=release-record"
"""What tells the records of releases from everything else in their namespace."""
_DIGITS: Final = 12


def record_name(release_digest: str, number: int = 1) -> str:
    """Return ``release-<number>-<first 12 hex digits>``."""
    return f"release-{number}-{release_digest.removeprefix('sha256:')[:_DIGITS]}"


def record_number(release: Release, last: Mapping[str, Any] | None) -> int:
    """Return the number of a release; ``last`` is the ConfigMap of the last one that succeeded.

    The number is that one's while the release is the same, and the next otherwise. Records of before there were numbers
    count as number 0.
    """
    if last is None:
        return 1
    data = last.get("data") or {}
    number = int(data["number"]) if str(data.get("number", "")).isdecimal() else 0
    return number if number and data.get("digest") == release.digest else number + 1


def record_namespace(parent: str) -> str:
    """Return the namespace of a parent's records."""
    return f"{parent}-{RESERVED_NAME}"


def release_record(
    release: Release, origin: Provenance | None = None, provenance: Mapping[str, Provenance] | None = None
) -> tuple[KubernetesObject, ...]:
    """Return the parent's namespace and the record of ``release``, in this order.

    ``origin`` is where the release itself comes from and ``provenance`` that of each child; without them it is number
    1, of nobody.
    ``data`` holds ``digest``, ``number``, ``environment``, ``parent``, ``programVersion`` and ``children``: canonical
    JSON of child → {digest, image, provenance, team, type, version}; ``binaryData`` the packed content.
    """
    namespace = record_namespace(release.parent)
    labels = {
        **release.labels,
        "app.kubernetes.io/name": release.parent,
        "app.kubernetes.io/instance": namespace,
        "app.kubernetes.io/component": "parent",
        "app.kubernetes.io/part-of": release.parent,
        "app.kubernetes.io/managed-by": MANAGER,
    }
    environment = {"app-of-apps/environment": release.environment}
    origins = provenance or {}
    number = origin.number if origin is not None else 1
    children = {
        child.name: {
            "digest": child.digest,
            "image": child.image,
            "provenance": origins[child.name].shape() if child.name in origins else None,
            "team": child.spec.team,
            "type": child.spec.type,
            "version": child.version,
        }
        for child in release.children
    }
    home = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace,
            "labels": {**labels, "pod-security.kubernetes.io/enforce": "restricted"},
            "annotations": environment,
        },
    }
    name = record_name(release.digest, number)
    record = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**labels, "app.kubernetes.io/component": "release-record"},
            "annotations": {
                **environment,
                "app-of-apps/release-digest": release.digest,
                **(origin.annotations if origin is not None else {}),
            },
        },
        "immutable": True,
        "data": {
            "digest": release.digest,
            "number": str(number),
            "environment": release.environment,
            "parent": release.parent,
            "programVersion": release.program_version,
            "children": canonical_json(children).decode(),
        },
        "binaryData": packed_release(release),
    }
    return (
        KubernetesObject(name="parent-namespace", group="namespace", manifest=home),
        KubernetesObject(name=name, group="config", manifest=record),
    )
