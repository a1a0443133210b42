"""Reads the world that a release is compared with: a list of each kind, and its rights in Vault. Reads only.

Secrets are never asked for. Which kinds there are, and under which path, the API server says itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.drift import NOT_COMPARED, Key, Thing, Wanted, World, key_of
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.environment.vault_reader import Forbidden as VaultForbidden
from app_of_apps.objects.vault import role_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app_of_apps.deploy.facts import Reader
    from app_of_apps.environment.vault_reader import VaultReader
    from app_of_apps.objects.access import VaultGroup
    from app_of_apps.release.model import Release

_CONNECTIONS: Final = 8
_PAGE: Final = "500"
"""Objects of a kind in all namespaces that are taken at once; a cluster with more is asked namespace by namespace."""

WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": (
        "ConfigMap",
        "LimitRange",
        "PersistentVolumeClaim",
        "Pod",
        "ReplicationController",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    ),
    "apps/v1": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "secrets.hashicorp.com/v1beta1": ("VaultAuth", "VaultConnection", "VaultDynamicSecret", "VaultStaticSecret"),
    "external-secrets.io/v1": ("ExternalSecret", "SecretStore"),
    "gateway.networking.k8s.io/v1": ("HTTPRoute",),
}
"""Kinds of which nothing may stand in a child's namespace that nobody declared, by API version."""


def read_world(
    kube: Reader,
    vault: VaultReader | None,
    release: Release,
    wanted: Iterable[Wanted],
    groups: Iterable[VaultGroup],
    *,
    complete: bool = True,
) -> World:
    """Return what stands in the cluster and in Vault. ``vault`` is None where the release has nothing there.

    ``complete`` says that ``wanted`` is all that is wanted, so that what is beside it in Vault counts.
    What the credentials may not read is said in ``World.unread``. Raises Unavailable when either does not answer.
    """
    children = tuple(wanted)
    with ThreadPoolExecutor(_CONNECTIONS, "drift") as pool:
        objects, unread, kinds = _objects(kube, pool, children)
        if vault is None:
            return World(objects, unread=unread, unread_kinds=kinds)
        rights = _rights(vault, pool, release, children, tuple(groups), complete=complete)
    return World(objects, **{**rights, "unread": (*unread, *rights["unread"]), "unread_kinds": kinds})


@dataclass(frozen=True, slots=True)
class _Look:
    """One request: a list of one kind in one namespace, or one object of the cluster."""

    version: str
    kind: str
    namespace: str
    path: str


def _objects(
    kube: Reader, pool: ThreadPoolExecutor, children: tuple[Wanted, ...]
) -> tuple[dict[Key, Mapping[str, Any]], tuple[str, ...], frozenset[tuple[str, str]]]:
    def look(one: _Look) -> list[dict[str, Any]] | None:
        try:
            if one.namespace:
                return kube.list(one.path)
            found = kube.get(one.path)
        except Forbidden:
            return None
        return [] if found is None else [found]

    looks = _looks(kube, pool, children)
    items: dict[Key, Mapping[str, Any]] = {}
    closed: dict[tuple[str, str], str] = {}
    answers = _at_once(kube, pool, looks)
    single = [one for one in looks if one not in answers]
    answers |= dict(zip(single, pool.map(look, single), strict=True))
    for one in looks:
        answer = answers[one]
        if answer is None:
            where = one.namespace or "the cluster"
            closed[one.namespace, one.kind] = f"not compared, because it may not be read: {one.kind} in {where}"
            continue
        for item in answer:
            complete = {**item, "apiVersion": one.version, "kind": one.kind}
            items[key_of(complete)] = complete
    return items, tuple(closed.values()), frozenset(closed)


def _at_once(kube: Reader, pool: ThreadPoolExecutor, looks: list[_Look]) -> dict[_Look, list[dict[str, Any]] | None]:
    """Answer what one page about all namespaces can answer: one request instead of one for each namespace.

    What does not fit on a page, or may only be listed in single namespaces, is left to be asked for there.
    """
    places: dict[str, list[_Look]] = {}
    for one in looks:
        if one.namespace:
            places.setdefault(one.path.replace(f"/namespaces/{one.namespace}/", "/"), []).append(one)
    shared = {path: every for path, every in places.items() if len(every) > 1}

    def page(path: str) -> dict[str, Any] | None:
        try:
            return kube.get(path, limit=_PAGE)
        except Forbidden:
            return None

    answers: dict[_Look, list[dict[str, Any]] | None] = {}
    for (_, every), found in zip(shared.items(), pool.map(page, shared), strict=True):
        if found is None or "items" not in found or (found.get("metadata") or {}).get("continue"):
            continue
        inside: dict[str, list[dict[str, Any]]] = {one.namespace: [] for one in every}
        for item in found["items"]:
            if (namespace := item["metadata"].get("namespace")) in inside:
                inside[namespace].append(item)
        answers |= {one: inside[one.namespace] for one in every}
    return answers


def _looks(kube: Reader, pool: ThreadPoolExecutor, children: tuple[Wanted, ...]) -> list[_Look]:
    """Return what has to be asked for: what is watched, and what is declared of other kinds."""
    names: dict[str, dict[str, set[str]]] = {version: {kind: set() for kind in WATCHED[version]} for version in WATCHED}
    for item in (item for child in children for item in child.objects if item["kind"] not in NOT_COMPARED):
        names.setdefault(item["apiVersion"], {}).setdefault(item["kind"], set()).add(item["metadata"]["name"])
    looks: list[_Look] = []
    for (version, kinds), known in zip(names.items(), pool.map(lambda one: _kinds(kube, one), names), strict=True):
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for kind in sorted(kinds.keys() & known.keys()):
            plural, namespaced = known[kind]
            if namespaced:
                places = [child.namespace for child in children]
                looks += [_Look(version, kind, one, f"{base}/namespaces/{one}/{plural}") for one in places]
            else:
                looks += [_Look(version, kind, "", f"{base}/{plural}/{name}") for name in sorted(kinds[kind])]
    return looks


def path_of(kube: Reader, thing: Thing) -> str | None:
    """Return the API path of an object; None where its kind is not known in the cluster."""
    found = _kinds(kube, thing.version).get(thing.kind)
    if found is None:
        return None
    base = f"/apis/{thing.version}" if "/" in thing.version else f"/api/{thing.version}"
    inside = f"/namespaces/{thing.namespace}" if found[1] else ""
    return f"{base}{inside}/{found[0]}/{thing.name}"


def _kinds(kube: Reader, version: str) -> dict[str, tuple[str, bool]]:
    """Return kind → its name in paths and whether it lives in namespaces; nothing for a version that is not there."""
    path = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    return {
        str(one["kind"]): (str(one["name"]), bool(one.get("namespaced")))
        for one in (kube.get(path) or {}).get("resources") or ()
        if "/" not in str(one["name"])
    }


def _rights(
    vault: VaultReader,
    pool: ThreadPoolExecutor,
    release: Release,
    children: tuple[Wanted, ...],
    groups: tuple[VaultGroup, ...],
    *,
    complete: bool,
) -> dict[str, Any]:
    unread: list[str] = []

    def look(path: str, *, names: bool = False) -> tuple[bool, Mapping[str, Any] | None]:
        try:
            return True, vault.configuration(path, names=names)
        except VaultForbidden:
            unread.append(f"not compared, because the token for Vault may not read it: {path}")
            return False, None

    policies = [policy.name for child in children for policy in child.policies] + [one.policy.name for one in groups]
    roles = {role.name: role.mount for child in children for role in child.roles}
    paths = {
        **{("policies", name): f"sys/policies/acl/{name}" for name in policies},
        **{("roles", name): f"auth/{mount}/role/{name}" for name, mount in roles.items()},
        **{("groups", one.name): f"identity/group/name/{one.name}" for one in groups},
    }
    found: dict[str, Any] = {"policies": {}, "roles": {}, "groups": {}}
    for (table, name), (readable, data) in zip(paths, pool.map(look, paths.values()), strict=True):
        if readable:
            found[table][name] = data
    listed = (look(f"auth/{release.vault.mounts.jwt}/role", names=True)[1] or {}) if complete else {}
    prefix = role_name(release, "")
    mounts = {one.mount for one in groups}
    return {
        **found,
        "role_names": frozenset(name for name in listed.get("keys") or () if str(name).startswith(prefix)),
        "accessor": vault.accessor(mounts.pop()) if mounts else None,
        "unread": tuple(sorted(unread)),
    }
