"""What no rule of a role may say, and which rules reach further than they seem to.

Sources: Kubernetes' "RBAC Good Practices" (privilege escalation risks) and "Using RBAC Authorization".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.manifest.access import KubernetesRule
    from app_of_apps.manifest.positions import Loc


class Rule(Protocol):
    """One rule of a role: of a manifest, or of a Role that somebody declares without one."""

    @property
    def api_groups(self) -> tuple[str, ...]:
        """Kubernetes' apiGroups."""

    @property
    def resources(self) -> tuple[str, ...]:
        """Kubernetes' resources, with their subresources."""

    @property
    def resource_names(self) -> tuple[str, ...]:
        """Kubernetes' resourceNames; empty for all."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """Kubernetes' verbs."""


READ: Final = frozenset({"get", "list", "watch"})
WRITE: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_CHANGE: Final = frozenset({"create", "update", "patch"})

_VERBS: Final = {
    "escalate": "it lets somebody write roles with more rights than they have",
    "bind": "it lets somebody bind roles with more rights than they have",
    "impersonate": "it lets somebody act as anybody else",
    "approve": "it approves certificates",
    "sign": "it signs certificates",
}
_ACCESS = "access is declared in this file alone, and nobody may change it in the cluster"
_CLUSTER = "it belongs to the whole cluster, and a role holds for one child's namespace"
_GROUPS: Final = {
    "rbac.authorization.k8s.io": _ACCESS,
    "authorization.k8s.io": _ACCESS,
    "authentication.k8s.io": "it judges tokens of others",
    "certificates.k8s.io": "it makes certificates, which are identities",
    "admissionregistration.k8s.io": "it decides about the objects of every child",
    "apiextensions.k8s.io": _CLUSTER,
    "apiregistration.k8s.io": _CLUSTER,
    "flowcontrol.apiserver.k8s.io": _CLUSTER,
    "internal.apiserver.k8s.io": _CLUSTER,
    "node.k8s.io": _CLUSTER,
    "scheduling.k8s.io": _CLUSTER,
    "storage.k8s.io": _CLUSTER,
    "storagemigration.k8s.io": _CLUSTER,
}
_CORE: Final = {
    "namespaces": _CLUSTER,
    "nodes": _CLUSTER,
    "persistentvolumes": _CLUSTER,
    "componentstatuses": _CLUSTER,
    "bindings": "it places pods past the scheduler",
    "secrets": "whoever reads secrets, or lists them, has the values; with `vault` somebody can see and rotate them",
}
_NO_CHANGE: Final = {
    ("", "serviceaccounts"): "it is a workload's identity, which the parent gives",
    ("", "resourcequotas"): "the parent sets it",
    ("", "limitranges"): "the parent sets it",
    ("", "endpoints"): "it leads traffic elsewhere (CVE-2021-25740)",
    ("discovery.k8s.io", "endpointslices"): "it leads traffic elsewhere (CVE-2021-25740)",
    ("networking.k8s.io", "networkpolicies"): "the parent sets it",
}
# Whoever writes these lets an operator with rights of its own fetch secrets.
_SECRET_OPERATORS: Final = frozenset({"secrets.hashicorp.com", "external-secrets.io", "generators.external-secrets.io"})
# A pod mounts what it likes of its namespace: whoever decides what a pod is reads the namespace's secrets.
_RUNS_PODS: Final = frozenset(
    {
        ("", "pods"),
        ("", "podtemplates"),
        ("", "replicationcontrollers"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
    }
)
_INTO_PODS: Final = frozenset({"exec", "attach", "portforward", "proxy", "ephemeralcontainers"})


def faults(rule: Rule) -> Iterator[tuple[Loc, str, str]]:
    """Yield what a rule may not say: its place in the rule, what is wrong, what to do."""
    for index, group in enumerate(rule.api_groups):
        loc: Loc = ("apiGroups", index)
        if "*" in group:
            yield loc, "`*` is every API group, also of what is installed later", "name the groups"
        elif group in _GROUPS:
            yield loc, f"no role may speak of {group}: {_GROUPS[group]}", "remove it"
    for index, verb in enumerate(rule.verbs):
        yield from _verb_faults(("verbs", index), verb)
    for index, resource in enumerate(rule.resources):
        for message, hint in _resource_faults(rule, resource):
            yield ("resources", index), message, hint
    if rule.resource_names and set(rule.verbs) & {"create", "deletecollection"}:
        what = "`create` and `deletecollection` cannot be held to names: Kubernetes would never allow them"
        yield ("resourceNames",), what, "put them into a rule without resourceNames"
    for index, name in enumerate(rule.resource_names):
        if "*" in name:
            yield ("resourceNames", index), "Kubernetes knows no `*` in names", "name each object"


def _verb_faults(loc: Loc, verb: str) -> Iterator[tuple[Loc, str, str]]:
    if "*" in verb:
        yield loc, "`*` is every verb, also escalate, bind and impersonate", "name the verbs"
    elif verb in _VERBS:
        yield loc, f"no role may have `{verb}`: {_VERBS[verb]}", "remove it"
    elif verb not in READ | WRITE:
        yield loc, f"`{verb}` is no verb for an object in a namespace", f"verbs: {', '.join(sorted(READ | WRITE))}"


def _resource_faults(rule: Rule, resource: str) -> Iterator[tuple[str, str]]:
    if "*" in resource:
        yield "`*` is every resource, also secrets and what is installed later", "name the resources"
        return
    name, _, below = resource.partition("/")
    changes = [verb for verb in rule.verbs if verb in WRITE]
    for group in rule.api_groups:
        if group == "" and name in _CORE:
            yield f"no role may speak of {name}: {_CORE[name]}", "remove it"
        elif (group, resource) == ("", "serviceaccounts/token"):
            yield "no role may make tokens: whoever has a workload's token is the workload", "remove it"
        elif (group, resource) == ("", "pods/binding"):
            yield f"no role may speak of pods/binding: {_CORE['bindings']}", "remove it"
        elif changes and (group, name) in _NO_CHANGE:
            yield f"nobody may {changes[0]} {name}: {_NO_CHANGE[group, name]}", "leave get, list and watch"
        elif changes and group in _SECRET_OPERATORS:
            yield (
                f"nobody may {changes[0]} {name}: the operator would deliver other secrets",
                "leave get, list and watch",
            )
        elif changes and below == "status":
            yield f"nobody may {changes[0]} {resource}: a status is what controllers say", "leave get, list and watch"


def reaches_secrets(rule: KubernetesRule) -> str:
    """Say by what a rule lets its holder read what pods can read, or nothing."""
    for resource in rule.resources:
        name, _, below = resource.partition("/")
        if below in _INTO_PODS and "" in rule.api_groups:
            return resource
        verbs = [verb for verb in rule.verbs if verb in _CHANGE]
        if verbs and not below and any((group, name) in _RUNS_PODS for group in rule.api_groups):
            return f"{verbs[0]} {name}"
    return ""
