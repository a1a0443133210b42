"""What a Kubernetes object that somebody else wrote may not ask for: rights, the node, the space of other children.

The objects of charts and plain manifests go through here before any of them is declared: manifests when they are
loaded, charts when they are rendered. The pods' part is the `baseline` Pod Security Standard, to which the child's
namespace is held by the API server as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest import pod_escalation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.tenancy import Tenancy

Fault = tuple["Loc", str, str]
"""Where in the object, what is wrong, what to do."""

BUILT_IN: Final = frozenset({"", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "coordination.k8s.io"})
"""API groups of Kubernetes itself whose namespaced kinds a child may declare, but for those refused below."""
WELCOME: Final = frozenset({"secrets.hashicorp.com", "external-secrets.io", "gateway.networking.k8s.io"})
"""API groups of custom resources that need no leave of the parent: secrets by reference, and routes to a Gateway."""

_ACCESS = "access is granted by the parent, and a child cannot widen it"
_CLUSTER = "it belongs to the whole cluster and not to one child"
_ADMISSION = "it decides about the objects of every child"
_TENANCY = "the parent sets it for every child, under tenancy"
_GROUPS: Final = {
    "rbac.authorization.k8s.io": _ACCESS,
    "authorization.k8s.io": _ACCESS,
    "authentication.k8s.io": _ACCESS,
    "certificates.k8s.io": _ACCESS,
    "admissionregistration.k8s.io": _ADMISSION,
    "apiextensions.k8s.io": "it belongs to the whole cluster; install it before the release that uses it",
    "apiregistration.k8s.io": _CLUSTER,
    "flowcontrol.apiserver.k8s.io": _CLUSTER,
    "node.k8s.io": _CLUSTER,
    "scheduling.k8s.io": _CLUSTER,
    "storage.k8s.io": _CLUSTER,
}
_KINDS: Final = {
    ("", "Binding"): "it places pods past the scheduler",
    ("", "Endpoints"): "it leads traffic to addresses of others (CVE-2021-25740)",
    ("", "LimitRange"): _TENANCY,
    ("", "Namespace"): "the parent declares every child's namespace",
    ("", "Node"): _CLUSTER,
    ("", "PersistentVolume"): _CLUSTER,
    ("", "ResourceQuota"): _TENANCY,
    ("networking.k8s.io", "IngressClass"): _CLUSTER,
    ("networking.k8s.io", "IPAddress"): _CLUSTER,
    ("networking.k8s.io", "NetworkPolicy"): _TENANCY,
    ("networking.k8s.io", "ServiceCIDR"): _CLUSTER,
    ("gateway.networking.k8s.io", "Gateway"): "it opens ports to the world; a child attaches a route to the parent's",
    ("gateway.networking.k8s.io", "GatewayClass"): _CLUSTER,
    ("gateway.networking.k8s.io", "ReferenceGrant"): "it lets other namespaces in",
    ("secrets.hashicorp.com", "VaultAuthGlobal"): "it is a login for many namespaces",
}
_LISTED = "the parent lists such groups under tenancy: customResources"
# Values of these are text or data of the application, and not Kubernetes' own fields.
_OPAQUE: Final = frozenset({"data", "binaryData", "stringData", "annotations", "labels", "matchLabels", "status"})


@dataclass(frozen=True, slots=True)
class Boundary:
    """What the objects of one child are held to."""

    namespace: str
    custom_groups: Collection[str] | None = ()
    """API groups of custom resources that the parent allows; None where nobody knows, because the parent is broken."""
    restricted: bool = False
    """Whether pods are held to `restricted` instead of `baseline`."""


def tenancy_boundary(tenancy: Tenancy, namespace: str) -> Boundary:
    """Return what a parent's tenancy holds the objects of charts and plain manifests to in a namespace."""
    restricted = tenancy.wrapped_pods == "restricted"
    return Boundary(namespace, frozenset(tenancy.custom_resources), restricted=restricted)


def faults(found: Mapping[str, Any], boundary: Boundary) -> Iterator[Fault]:
    """Yield what an object may not ask for as part of a child."""
    kind = str(found.get("kind", ""))
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    yield from _kind_faults(group, kind, boundary.custom_groups)
    metadata = found.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    yield from _metadata_faults(metadata, boundary.namespace)
    yield from object_faults(found)
    for loc, value in mappings(found):
        yield from reference_faults(loc, value, boundary.namespace)
        yield from pod_escalation.faults(loc, value, restricted=boundary.restricted)


def object_faults(found: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what no object may ask for, whoever declares it: fields with which one namespace acts on others."""
    metadata = found.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    for name in annotations if isinstance(annotations, dict) else ():
        if reason := refused_annotation(str(name)):
            yield ("metadata", "annotations", name), reason, "remove it"
    if str(found.get("apiVersion", "")) == "v1" and found.get("kind") == "Secret":
        yield from _secret_faults(found)
    if str(found.get("apiVersion", "")) == "v1" and found.get("kind") == "Service":
        yield from _service_faults(found)


def rendered_faults(found: Mapping[str, Any], boundary: Boundary) -> Iterator[Fault]:
    """Yield what a chart's rendered object may not be: what no child's may, and a Secret with values in it."""
    yield from faults(found, boundary)
    if found.get("kind") == "Secret" and (found.get("data") or found.get("stringData")):
        hint = "let the chart refer to a Secret that exists, and keep the values in Vault"
        yield ("data" if found.get("data") else "stringData",), "a Secret with values in it is refused", hint


def value_faults(values: Mapping[str, Any], boundary: Boundary) -> Iterator[Fault]:
    """Yield what a chart's values ask for openly: whole objects in them, and pods' fields under their own names.

    What a chart makes of other values shows only when it is rendered.
    """
    for loc, value in mappings(values):
        if isinstance(value.get("kind"), str) and isinstance(value.get("apiVersion"), str):
            for below, message, hint in faults(value, boundary):
                yield (*loc, *below), message, hint
        yield from pod_escalation.value_faults(loc, value)


def _kind_faults(group: str, kind: str, custom_groups: Collection[str] | None) -> Iterator[Fault]:
    reason = _GROUPS.get(group) or _KINDS.get((group, kind))
    if reason is None and group == "discovery.k8s.io":
        reason = _KINDS["", "Endpoints"]
    if reason is None and kind.endswith("NetworkPolicy"):
        reason = _TENANCY
    if reason is None and kind.endswith("List"):
        reason = "a list hides what is in it; write the objects one by one"
    if reason is None and group not in BUILT_IN and kind.startswith("Cluster"):
        reason = _CLUSTER
    if reason is not None:
        yield ("kind",), f"a child may not declare a {kind or 'thing without kind'}: {reason}", ""
    elif custom_groups is not None and not any(group in allowed for allowed in (BUILT_IN, WELCOME, custom_groups)):
        what = f"a child may not declare a {kind} of {group}: its controller would act with rights of its own"
        yield ("apiVersion",), what, _LISTED


def _metadata_faults(metadata: Mapping[str, Any], namespace: str) -> Iterator[Fault]:
    other = metadata.get("namespace")
    if other is not None and other != namespace:
        what = f"must be the child's own namespace {namespace}"
        yield ("metadata", "namespace"), what, "remove metadata.namespace: it is filled in"
    if metadata.get("ownerReferences"):
        yield (
            ("metadata", "ownerReferences"),
            "an owner decides when the object is deleted: only controllers set it",
            "",
        )


def refused_annotation(name: str) -> str:
    """Say why no child may set an annotation of that name, or nothing."""
    if name.endswith("-snippet"):
        return "a snippet is code in the ingress controller, which reads the secrets of every child (CVE-2021-25742)"
    if name.startswith("kubernetes.io/service-account."):
        return "it asks for the token of a service account"
    return ""


def _secret_faults(found: Mapping[str, Any]) -> Iterator[Fault]:
    if found.get("type") == "kubernetes.io/service-account-token":
        what = "asks for a token that never ends, of any service account of the namespace"
        yield ("type",), what, "pods get tokens of their own service account, which end with them"
    elif str(found.get("type", "")).startswith("bootstrap.kubernetes.io/"):
        yield ("type",), "makes a token with which nodes join the cluster", "remove it"


def _service_faults(found: Mapping[str, Any]) -> Iterator[Fault]:
    spec = found.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    if spec.get("externalIPs"):
        yield ("spec", "externalIPs"), "takes over traffic to foreign addresses (CVE-2020-8554)", "remove it"
    if spec.get("type") == "NodePort":
        yield ("spec", "type"), "opens a port on every node", "use ClusterIP, and an Ingress or HTTPRoute"
    target = str(spec.get("externalName", ""))
    if spec.get("type") == "ExternalName" and (".svc" in target or target.endswith(".local") or "." not in target):
        yield ("spec", "externalName"), "is another name for a service of another child", "call that service itself"


def reference_faults(loc: Loc, value: Mapping[str, Any], namespace: str) -> Iterator[Fault]:
    """Yield references that lead out of the namespace, wherever they stand."""
    other = value.get("namespace")
    # A route names the Gateway that it attaches to, and the Gateway says who may.
    if loc and loc != ("metadata",) and isinstance(other, str) and other != namespace and "parentRefs" not in loc:
        yield (*loc, "namespace"), f"leads out of the child's own namespace {namespace}", "remove it"
    for key in ("vaultAuthRef", "vaultConnectionRef", "vaultAuthGlobalRef"):
        if isinstance(value.get(key), str) and "/" in value[key] and not value[key].startswith(f"{namespace}/"):
            yield (*loc, key), "borrows the login of another namespace", "refer to one in the child's own namespace"
    if str(value.get("kind", "")) in {"ClusterSecretStore", "ClusterGenerator"}:
        yield (
            (*loc, "kind"),
            "is a login of the whole cluster, which reads the secrets of every child",
            "use a SecretStore",
        )


def mappings(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Mapping[str, Any]]]:  # noqa: ANN401 - YAML of any form
    """Walk over every mapping that holds fields of Kubernetes, the outermost first."""
    stack: list[tuple[Loc, Any]] = [(loc, value)]
    while stack:
        at, current = stack.pop()
        if isinstance(current, dict):
            yield at, current
            stack.extend(((*at, str(key)), below) for key, below in current.items() if key not in _OPAQUE)
        elif isinstance(current, list | tuple):
            stack.extend(((*at, index), below) for index, below in enumerate(current))
