"""The record of a release in the cluster: an immutable ConfigMap that is created when everything else is healthy.

Its name and its data follow from the release's digest alone, so a repeated run of the same release finds the same
object and immutability is never in the way. Who ran it from which commit is not part of the content: these stand in
annotations, which stay changeable on an immutable ConfigMap. Whoever declares the record ignores later changes of them
(``ignore_changes=["metadata.annotations"]``), so that they tell of the first run and a no-op stays a no-op.

The logical name carries the digest too. Under one logical name Pulumi would carry ignored inputs of the old record over
into the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.manifest.child_checks import RESERVED_NAME
from app_of_apps.objects.metadata import MANAGER
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.release.digest import canonical_json

if TYPE_CHECKING:
    from app_of_apps.release.model import Release

_DIGITS: Final = 12


def record_name(release_digest: str) -> str:
    """Return ``release-<first 12 hex digits>``."""
    return f"release-{release_digest.removeprefix('sha256:')[:_DIGITS]}"


def record_namespace(parent: str) -> str:
    """Return the namespace of a parent's records."""
    return f"{parent}-{RESERVED_NAME}"


def release_record(release: Release, *, git_commit: str | None, author: str | None) -> tuple[KubernetesObject, ...]:
    """Return the parent's namespace and the record of ``release``, in this order.

    ``data`` holds ``digest``, ``environment``, ``parent``, ``programVersion`` and ``children``: canonical JSON of
    child → {digest, team, type, version}. ``git_commit`` and ``author`` may be None where nobody knows.
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
    origin = {"app-of-apps/git-commit": git_commit, "app-of-apps/author": author}
    children = {
        child.name: {
            "digest": child.digest,
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
    record = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": record_name(release.digest),
            "namespace": namespace,
            "labels": {**labels, "app.kubernetes.io/component": "release-record"},
            "annotations": {
                **environment,
                "app-of-apps/release-digest": release.digest,
                **{name: value for name, value in origin.items() if value is not None},
            },
        },
        "immutable": True,
        "data": {
            "digest": release.digest,
            "environment": release.environment,
            "parent": release.parent,
            "programVersion": release.program_version,
            "children": canonical_json(children).decode(),
        },
    }
    return (
        KubernetesObject(name="parent-namespace", group="namespace", manifest=home),
        KubernetesObject(name=record_name(release.digest), group="config", manifest=record),
    )
