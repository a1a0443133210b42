"""Kubernetes objects as Pulumi resources, straight from the plain dicts that ``app_of_apps.objects`` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app_of_apps.objects.model import ChildObjects, KubernetesObject

# Seconds. Deleting a namespace waits until all that is in it is gone.
_DELETE_DEADLINE = 300
RETAINED: Final = {"pulumi.com/patchForce": "true", "app-of-apps/retained": "true"}
"""Annotations of what Pulumi lets go of instead of deleting it. A policy pack sees an object but not that option."""


class KubernetesResource(pulumi.CustomResource):
    """One object of any kind, registered under the same type token as the class of `pulumi_kubernetes` has.

    The generated classes would add nothing to a complete object but a quarter of a second of imports in every preview,
    and they know no custom kinds; the provider itself derives everything from ``apiVersion`` and ``kind``.
    """

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Register `manifest`, a complete object in Kubernetes' own spelling."""
        super().__init__(type_token(manifest["apiVersion"], manifest["kind"]), name, dict(manifest), opts)


def type_token(api_version: str, kind: str) -> str:
    """Return the provider's token of a kind: ``kubernetes:apps/v1:Deployment``; the core group is spelled out."""
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def logical_names(objects: ChildObjects) -> Iterator[str]:
    """Yield the logical names of a child's Kubernetes resources, except those that a chart makes."""
    for described in objects.kubernetes:
        yield f"{objects.child}-{described.name}"
    for document in objects.documents:
        yield document_name(objects.child, document)


def document_name(child: str, document: Mapping[str, Any]) -> str:
    """Return the logical name of a document of a `manifests` child."""
    return f"{child}-{document['kind'].lower()}-{document['metadata']['name']}"


def adopted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object that may be there already when it is declared, because it was let go of: ours wins then.

    The provider's field manager has another name for each resource, and the API server takes the one before for
    somebody else.
    """
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **RETAINED}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def declare(
    child: str,
    described: KubernetesObject,
    *,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Input[pulumi.Resource]] = (),
    protect: bool = False,
    retain: bool = False,
) -> KubernetesResource:
    """Register one described object of a child below `parent`; it is touched when everything in `after` is done.

    ``retain`` lets go of it when it is declared no longer, instead of deleting it.
    """
    return KubernetesResource(
        f"{child}-{described.name}",
        adopted(described.manifest) if retain else described.manifest,
        pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after) or None,
            custom_timeouts=timeouts(described.deadline),
            protect=True if protect or described.protect else None,
            retain_on_delete=True if retain else None,
        ),
    )


def timeouts(deadline: int | None) -> pulumi.CustomTimeouts | None:
    """Return Pulumi's form of a deadline in seconds."""
    if deadline is None:
        return None
    return pulumi.CustomTimeouts(
        create=f"{deadline}s", update=f"{deadline}s", delete=f"{max(deadline, _DELETE_DEADLINE)}s"
    )
