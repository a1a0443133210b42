"""The rights that a preview needs and no more: objects for the cluster, and a policy for Vault.

Two levels. Who may only read gets previews whose new and changed objects nobody has tried. Who may also try, by dry
runs of the API server, gets exact ones; that nothing but a dry run gets through is then an admission policy's to say
(`request.dryRun`, https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). Neither level
reads a Secret, and neither may write a Role that gives more than it has itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.environment.settings import Environment

NAME: Final = "app-of-apps-preview"
SubjectKind = Literal["User", "Group"]

# Every kind that a child's objects can be of, as far as Kubernetes and the operators of secrets have them; of the core
# group one by one, because Secrets are in it.
_CORE: Final = (
    "configmaps",
    "limitranges",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "services",
)
_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "": _CORE,
    "apps": ["*"],
    "autoscaling": ["*"],
    "batch": ["*"],
    "gateway.networking.k8s.io": ["*"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
    "rbac.authorization.k8s.io": ["rolebindings", "roles"],
    "external-secrets.io": ["*"],
    "secrets.hashicorp.com": ["*"],
}
_READ: Final = ("get", "list", "watch")
_TRY: Final = ("create", "delete", "patch", "update")
_URLS: Final = ("/.well-known/openid-configuration", "/openid/v1/jwks")
# Questions about oneself are asked by POST; they change nothing, and cannot be tried.
_QUESTIONS: Final = ("authentication.k8s.io", "authorization.k8s.io")


def cluster_objects(kind: SubjectKind, subject: str, *, tries: bool) -> tuple[dict[str, Any], ...]:
    """Return a ClusterRole and its binding; for who ``tries``, first the policy that lets nothing but dry runs pass."""
    verbs = [*_READ, *(_TRY if tries else ())]
    rules: list[dict[str, Any]] = [
        {"apiGroups": [group], "resources": list(resources), "verbs": verbs} for group, resources in _GROUPS.items()
    ]
    rules.append({"nonResourceURLs": list(_URLS), "verbs": ["get"]})
    role = {**_head("rbac.authorization.k8s.io/v1", "ClusterRole"), "rules": rules}
    binding = {
        **_head("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": subject}],
    }
    # The policy comes first: there is no moment in which the rights are there without it.
    return (*(_only_dry_runs(kind, subject) if tries else ()), role, binding)


def _only_dry_runs(kind: SubjectKind, subject: str) -> tuple[dict[str, Any], ...]:
    named = json.dumps(subject)
    who = f"request.userInfo.username == {named}" if kind == "User" else f"{named} in request.userInfo.groups"
    version = "admissionregistration.k8s.io/v1"
    policy = {
        **_head(version, "ValidatingAdmissionPolicy"),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
                        "resources": ["*/*"],
                    }
                ]
            },
            "matchConditions": [
                {"name": "previews", "expression": who},
                {"name": "no-questions", "expression": f"!(request.resource.group in {json.dumps(_QUESTIONS)})"},
            ],
            "validations": [
                {
                    "expression": "request.dryRun == true",
                    "message": "the identity of previews may try, and change nothing",
                }
            ],
        },
    }
    bound = {"policyName": NAME, "validationActions": ["Deny"]}
    return policy, {**_head(version, "ValidatingAdmissionPolicyBinding"), "spec": bound}


def vault_policy(settings: Environment, *, state_key: str | None, evidence_key: str) -> str:
    """Return the policy in Vault's language; ``state_key`` is the transit key of the stack's state, None without one.

    Everything is read but for three paths, which Vault counts as updates and which change nothing: unwrapping the
    state's data key, and two look-ups.
    """
    env, mounts = settings.name, settings.vault.mounts
    lines = [
        f"# Previews of {env}: policies of children and of groups, as they are.",
        *(_rule(f"{path}/{env}_*", "read") for path in ("sys/policies/acl", "sys/policy")),
        f"# Roles of children in {env}.",
        _rule(f"auth/{mounts.jwt}/role/{env}_*", "read"),
        _rule(f"auth/{mounts.jwt}/role", "list"),
        _rule(f"auth/{mounts.jwt}/config", "read"),
        "# Whether a referenced key exists: paths, versions and key names, not values.",
        _rule(f"{mounts.kv}/metadata", "list"),
        _rule(f"{mounts.kv}/metadata/*", "read", "list"),
        _rule(f"{mounts.kv}/subkeys/*", "read"),
        "# What the mounts are.",
        *(_rule(path, "read") for path in _mounts(settings)),
        "# Records, and who approved: public halves of keys, and statements.",
        _rule(f"{settings.evidence.mount}/keys/{evidence_key}", "read"),
        _rule(f"{settings.evidence.mount}/keys/aoa-person-*", "read"),
        _rule(f"{mounts.kv}/data/app-of-apps/approvals/*", "read"),
        "# People and their groups, by name.",
        _rule("identity/entity/id/*", "read"),
        _rule(f"identity/group/name/{env}_*", "read"),
        "# A look-up is an update to Vault; it changes nothing.",
        _rule("identity/lookup/group", "update"),
    ]
    if state_key is not None:
        lines += [
            "# Reading the stack's state: unwrapping its data key. Never wrapping one.",
            _rule(f"transit/decrypt/{state_key}", "update"),
        ]
    return "\n".join(lines) + "\n"


def _mounts(settings: Environment) -> list[str]:
    mounts = settings.vault.mounts
    found = [f"sys/mounts/{mounts.kv}", f"sys/mounts/auth/{mounts.jwt}", f"sys/auth/{mounts.jwt}"]
    people = settings.identity.oidc_mount if settings.identity is not None else None
    return [*found, *([f"sys/mounts/auth/{people}"] if people else [])]


def _head(version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME}}


def _rule(path: str, *capabilities: str) -> str:
    words = ", ".join(f'"{capability}"' for capability in capabilities)
    return f'path "{path}" {{ capabilities = [{words}] }}'
