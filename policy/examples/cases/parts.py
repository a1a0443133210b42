"""What the examples are made of: objects that keep to every rule, and ways to change one thing about them."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any], dict[str, Any]]
"""Type token, inputs, resource options."""

IMAGE = "registry.example.com/shop/app:1.2.3@sha256:" + "0" * 64
_LABELS = {"app.kubernetes.io/name": "app", "app.kubernetes.io/instance": "shop-app"}


def thing(api: str, kind: str, namespace: str | None = "shop-app", *, name: str = "app", **body: Any) -> Case:
    """Return an object; `metadata` in the body is laid over its own, key by key."""
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {**_LABELS, "app.kubernetes.io/part-of": "shop", "app.kubernetes.io/managed-by": "app-of-apps"},
        "annotations": {
            "app-of-apps/environment": "staging",
            "app-of-apps/team": "one",
            "pulumi.com/skipAwait": "true",
        },
        **({"namespace": namespace} if namespace is not None else {}),
    }
    for key, value in body.pop("metadata", {}).items():
        metadata[key] = {**metadata[key], **value} if isinstance(value, dict) else value
    token = f"kubernetes:{api if '/' in api else f'core/{api}'}:{kind}"
    return token, {"apiVersion": api, "kind": kind, "metadata": metadata, **body}, {}


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a pod's specification; `container` is laid over its one container."""
    return {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "app",
                "image": IMAGE,
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                **(container or {}),
            }
        ],
        **spec,
    }


def deployment(spec: dict[str, Any] | None = None, *, kind: str = "Deployment", **changes: Any) -> Case:
    """Return a Deployment, or a StatefulSet, of one pod."""
    body = {
        "selector": {"matchLabels": dict(_LABELS)},
        "template": {"metadata": {"labels": dict(_LABELS)}, "spec": spec or pod()},
        **({"serviceName": "app"} if kind == "StatefulSet" else {}),
    }
    return thing("apps/v1", kind, spec={**body, **changes})


def role(*rules: dict[str, Any], kind: str = "Role") -> Case:
    """Return a Role."""
    return thing("rbac.authorization.k8s.io/v1", kind, rules=list(rules))


def binding(name: str, subject: dict[str, str], *, kind: str = "Role") -> Case:
    """Return a RoleBinding of a role to one subject."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    return thing("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef=reference, subjects=[subject])
