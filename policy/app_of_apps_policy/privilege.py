"""Nothing gets more rights than it needs: pods, roles, objects that act for others, logins of Vault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest import access_rules, pod_escalation
from app_of_apps.manifest.escalation import mappings, object_faults, reference_faults
from app_of_apps_policy.kubernetes import at, below, group_of, is_of_cluster, kind_of, metadata_of, objects
from app_of_apps_policy.model import UNKNOWN, Rule, Setting, known, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "no privilege escalation"
RBAC: Final = "rbac.authorization.k8s.io"
_ROLES: Final = frozenset({"Role", "ClusterRole"})
_BINDINGS: Final = frozenset({"RoleBinding", "ClusterRoleBinding"})
_POWERFUL: Final = frozenset({"cluster-admin", "admin", "edit", "system:masters"})
_EVERYBODY: Final = frozenset({"system:anonymous", "system:unauthenticated", "system:authenticated"})
_FOR_ALL: Final = ("Namespace", "PersistentVolume")
_STANZA: Final = re.compile(r'path\s+"(?P<path>[^"]*)"\s*\{(?P<body>[^}]*)\}')
_WORD: Final = re.compile(r'"([a-z]+)"')
_CLOSED: Final = ("sys/", "auth/", "identity/")
_ROLE_TYPES: Final = frozenset(
    {"vault:jwt/authBackendRole:AuthBackendRole", "vault:kubernetes/authBackendRole:AuthBackendRole"}
)
_BOUND: Final = ("boundSubject", "boundClaims", "boundServiceAccountNames")


@dataclass(frozen=True, slots=True)
class _RoleRule:
    """One rule of a Role, as `access_rules` looks at it."""

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    resource_names: tuple[str, ...]
    verbs: tuple[str, ...]


def _pods(seen: Seen, config: Config) -> Iterator[str]:
    exempt = config.get("baseline") or ()
    for found in objects(seen):
        baseline = config.get("standard") == "baseline" or metadata_of(found).get("namespace") in exempt
        # What `restricted` demands may be among what nobody knows yet; it is looked for when it is known.
        restricted = not baseline and not any(_holds_unknown(one.get("securityContext")) for _, one in mappings(found))
        for loc, value in mappings(known(found)):
            for where, says, mend in pod_escalation.faults(loc, value, restricted=restricted):
                yield at(where, f"{says}; {mend}")


def _holds_unknown(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_unknown, value.values()))
    return value is UNKNOWN or (isinstance(value, list) and any(map(_holds_unknown, value)))


def _roles(seen: Seen, _: Config) -> Iterator[str]:
    for found in map(known, objects(seen)):
        if group_of(found) != RBAC or kind_of(found) not in _ROLES:
            continue
        rules = found.get("rules")
        for index, one in enumerate(rules if isinstance(rules, list) else ()):
            if not isinstance(one, dict):
                continue
            if one.get("nonResourceURLs"):
                yield at(("rules", index, "nonResourceURLs"), "reaches the API server itself; remove it")
                continue
            rule = _RoleRule(*(_texts(one, key) for key in ("apiGroups", "resources", "resourceNames", "verbs")))
            for loc, says, mend in access_rules.faults(rule):
                yield at(("rules", index, *loc), f"{says}; {mend}")
        if found.get("aggregationRule"):
            yield at(("aggregationRule",), "takes in the rules of roles that nobody has seen yet; name the rules")


def _texts(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _bindings(seen: Seen, _: Config) -> Iterator[str]:
    for found in map(known, objects(seen)):
        if group_of(found) != RBAC or kind_of(found) not in _BINDINGS:
            continue
        role = below(found, "roleRef").get("name")
        if role in _POWERFUL or str(role).startswith("system:"):
            yield at(("roleRef",), f"gives the cluster's own role {role}")
        subjects = found.get("subjects")
        namespace = metadata_of(found).get("namespace")
        for index, one in enumerate(subjects if isinstance(subjects, list) else ()):
            name = str(one.get("name")) if isinstance(one, dict) else ""
            if name in _EVERYBODY or name == "system:masters" or name.startswith("system:serviceaccounts"):
                yield at(("subjects", index), f"{name} is more than one team's people or one workload")
            elif isinstance(one, dict) and one.get("kind") == "ServiceAccount" and name == "default":
                yield at(("subjects", index), "every pod without an account of its own is this one")
            elif isinstance(one, dict) and one.get("namespace") not in {None, namespace}:
                yield at(("subjects", index), "is a workload of another namespace")


def _cluster_wide(seen: Seen, config: Config) -> Iterator[str]:
    allowed = {*_FOR_ALL, *(config.get("allowed") or ())}
    for found in map(known, objects(seen)):
        if is_of_cluster(found) and kind_of(found) not in allowed:
            yield f"a {kind_of(found)} belongs to the whole cluster"


def _objects(seen: Seen, _: Config) -> Iterator[str]:
    for found in map(known, objects(seen)):
        for loc, says, mend in object_faults(found):
            yield at(loc, f"{says}; {mend}")


def _references(seen: Seen, _: Config) -> Iterator[str]:
    for found in map(known, objects(seen)):
        namespace = metadata_of(found).get("namespace")
        # A binding's subjects have a rule of their own.
        if not isinstance(namespace, str) or kind_of(found) in _BINDINGS:
            continue
        for loc, value in mappings(found):
            for where, says, mend in reference_faults(loc, value, namespace):
                yield at(where, f"{says}; {mend}")


def _vault(seen: Seen, _: Config) -> Iterator[str]:
    if seen.type == "vault:index/policy:Policy" and isinstance(policy := seen.props.get("policy"), str):
        yield from _policy_faults(policy)
    if seen.type in _ROLE_TYPES:
        if "root" in _texts(seen.props, "tokenPolicies"):
            yield "tokenPolicies: root may do everything"
        if not any(seen.props.get(key) for key in _BOUND):
            yield "every token of the mount may log in: bind it to a subject"
        if "*" in _texts(seen.props, "boundServiceAccountNames") or seen.props.get("boundSubject") == "*":
            yield "every service account may log in: bind it to one"


def _policy_faults(policy: str) -> Iterator[str]:
    for stanza in _STANZA.finditer(policy):
        where, words = stanza["path"], set(_WORD.findall(stanza["body"]))
        if "*" in where or "+" in where:
            yield f"the path {where} is more than one: name each"
        if "sudo" in words or "root" in words:
            yield f"the path {where} asks for more than Vault gives anybody by default"
        if where.startswith(_CLOSED) and words - {"deny"}:
            yield f"the path {where} changes who may do what"


RULES: Final = (
    Rule(
        id="pod-security",
        group=GROUP,
        says="Pods keep to the Pod Security Standard `restricted`.",
        why="A privileged container, a path or a namespace of the node is the node, with everybody's pods and secrets.",
        mend="Remove what is named; pods that others wrote can be held to `baseline` by the setting of that name.",
        severity="critical",
        check=_pods,
        says_how=True,
        settings={
            "standard": Setting({"type": "string", "enum": ["restricted", "baseline"]}, "For all pods."),
            "baseline": names("Namespaces whose pods are held to `baseline` only."),
        },
    ),
    Rule(
        id="rbac-rules",
        group=GROUP,
        says="No role reads secrets, changes access or speaks of everything.",
        why="A wildcard, escalate, bind, impersonate or the secrets themselves lead from one right to all of them.",
        mend="Name groups, resources and verbs one by one, and leave out what is named.",
        severity="critical",
        check=_roles,
        says_how=True,
    ),
    Rule(
        id="rbac-bindings",
        group=GROUP,
        says="No binding gives the cluster's own roles, or gives anything to everybody.",
        why="cluster-admin is everything, and a group such as system:authenticated has nobody in charge.",
        mend="Bind a role of the program to a group of the identity provider or to one service account.",
        severity="critical",
        check=_bindings,
    ),
    Rule(
        id="cluster-wide",
        group=GROUP,
        says="No object belongs to the whole cluster, except namespaces and volumes.",
        why="Webhooks, definitions and cluster roles act on the objects of everybody.",
        mend="Let whoever runs the cluster install it, or add the kind to `allowed`.",
        severity="high",
        check=_cluster_wide,
        settings={"allowed": names("Further kinds.")},
    ),
    Rule(
        id="object-reach",
        group=GROUP,
        says="No object takes over traffic, opens ports of nodes, or asks for tokens that never end.",
        why="Such fields let one namespace act on others although no role allows it.",
        mend="Remove the field that is named.",
        severity="high",
        check=_objects,
        says_how=True,
    ),
    Rule(
        id="foreign-reference",
        group=GROUP,
        says="No object refers to another namespace, or borrows its login.",
        why="An operator follows the reference with rights of its own, and delivers what the namespace may not read.",
        mend="Refer to something in the same namespace.",
        severity="high",
        check=_references,
        says_how=True,
    ),
    Rule(
        id="vault-rights",
        group=GROUP,
        says="Policies of Vault name single paths of secrets, and roles one workload.",
        why="A wildcard covers what is added later, and a path below sys/ or auth/ changes who may do what.",
        mend="Name each path with the capabilities that it needs, and bind each role to one service account.",
        severity="critical",
        check=_vault,
    ),
)
