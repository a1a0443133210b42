"""Kubernetes objects among the resources of a program, however it declares them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.escalation import mappings
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.manifest.positions import Loc
    from app_of_apps_policy.model import Seen

PROVIDER: Final = "pulumi:providers:kubernetes"
# Components that make objects, and releases that hide them: none of them is an object of the cluster itself.
_NO_OBJECTS: Final = ("helm.sh/", "yaml:", "yaml/", "kustomize:", "kustomize/", "index:")
_TOKEN: Final = re.compile(r"kubernetes:(?P<api>[^:]+):(?P<kind>\w+)")
_CLUSTER_KINDS: Final = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ComponentStatus",
        "CustomResourceDefinition",
        "FlowSchema",
        "GatewayClass",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


def objects(seen: Seen) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a resource: one, those of a list one by one, or none."""
    token = _TOKEN.fullmatch(seen.type)
    if token is None or seen.type.removeprefix("kubernetes:").startswith(_NO_OBJECTS):
        return
    api = token["api"].removeprefix("core/")
    kind = token["kind"].removesuffix("Patch") or token["kind"]
    found = {"apiVersion": api, "kind": kind, **{key: one for key, one in seen.props.items() if one is not None}}
    items = found.get("items")
    if str(found["kind"]).endswith("List") and isinstance(items, list):
        yield from (one for one in items if isinstance(one, dict))
    else:
        yield found


def kind_of(found: Mapping[str, Any]) -> str:
    """Return an object's kind."""
    return str(found.get("kind", ""))


def group_of(found: Mapping[str, Any]) -> str:
    """Return an object's API group; empty for the core."""
    return str(found.get("apiVersion", "")).rpartition("/")[0]


def metadata_of(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's metadata; empty where there is none, or nobody knows it."""
    return below(found, "metadata")


def below(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a mapping below a key; empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def is_of_cluster(found: Mapping[str, Any]) -> bool:
    """Whether an object belongs to no namespace. Of custom kinds only those that say so by their name are known."""
    kind = kind_of(found)
    return kind in _CLUSTER_KINDS or (kind.startswith("Cluster") and kind != "ClusterServiceVersion")


def containers(found: Mapping[str, Any]) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """Yield every container of an object, wherever a pod's specification stands in it, with its place."""
    for loc, value in mappings(found):
        for key in _CONTAINERS:
            entries = value.get(key)
            for index, one in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(one, dict) and "name" in one:
                    yield (*loc, key, index), one


def at(loc: Loc, says: str) -> str:
    """Say something about a place in an object."""
    return f"{path(loc)}: {says}" if loc else says
