"""What differs between a deployed release and its world: the answer of `aoa drift`, put together. Pure.

The parts are read by `drift_read`; objects are compared by `drift_compare`, Vault by `drift_vault`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from app_of_apps.deploy.drift_compare import FieldDrift, Passed, What, compare_object
from app_of_apps.deploy.drift_owners import owned
from app_of_apps.deploy.drift_vault import compare_group, compare_policy, compare_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.deploy.drift_owners import Who
    from app_of_apps.objects.access import VaultGroup
    from app_of_apps.objects.model import VaultPolicy, VaultRole

Where = Literal["kubernetes", "vault"]
Key = tuple[str, str, str, str]
"""API group, kind, namespace ("" for an object of the cluster), name."""

NOT_COMPARED: Final = frozenset({"Secret"})
"""Their values are nobody's business here: they are Vault's, and the operator keeps them the same."""

_OWN: Final = frozenset(
    {("ConfigMap", "kube-root-ca.crt"), ("ConfigMap", "istio-ca-root-cert"), ("ServiceAccount", "default")}
)
"""What a controller puts into every namespace without owning it."""


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """Something that a release declares, or that somebody else has put beside it."""

    where: Where
    kind: str
    namespace: str
    """Empty for what has none."""
    name: str
    version: str = ""
    """The API version in Kubernetes."""

    def __str__(self) -> str:
        """Write it the way people speak of it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the release has it."""

    child: str | None
    """None for what belongs to the whole parent, such as a group in Vault."""
    thing: Thing
    drift: FieldDrift
    mends: bool
    """Whether running the release again brings back what was declared."""


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Something that differs and is no drift, with the reason."""

    child: str
    thing: Thing
    passed: Passed


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a release wants of one child."""

    child: str
    namespace: str
    objects: tuple[Mapping[str, Any], ...]
    policies: tuple[VaultPolicy, ...] = ()
    roles: tuple[VaultRole, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What was found."""

    objects: Mapping[Key, Mapping[str, Any]]
    policies: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    role_names: frozenset[str] = frozenset()
    """All roles of the auth method whose names begin as the parent's do."""
    groups: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    accessor: str | None = None
    """Of the auth method where people log in."""
    unread: tuple[str, ...] = ()
    """What could not be read, in words."""
    unread_kinds: frozenset[tuple[str, str]] = frozenset()
    """(namespace, kind) of objects that could not be read."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The answer."""

    differences: tuple[Difference, ...]
    tolerated: tuple[Tolerated, ...] = ()
    notes: tuple[str, ...] = ()
    """What one should know beside it."""
    unread: tuple[str, ...] = ()
    """What could not be compared, and why."""

    @property
    def spent(self) -> tuple[Tolerated, ...]:
        """The Jobs that have ended and are gone, as they should be."""
        return tuple(one for one in self.tolerated if not one.passed.path)

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def key_of(item: Mapping[str, Any], namespace: str = "") -> Key:
    """Return under what an object is found."""
    group, _, version = str(item["apiVersion"]).rpartition("/")
    metadata = item["metadata"]
    return (group if version else "", str(item["kind"]), str(metadata.get("namespace") or namespace), metadata["name"])


def find_drift(wanted: Iterable[Wanted], groups: Iterable[VaultGroup], world: World) -> Drift:
    """Compare everything that is wanted with everything that was found."""
    children = tuple(wanted)
    differences: list[Difference] = []
    tolerated: list[Tolerated] = []
    notes: list[str] = []
    declared = {key_of(item, child.namespace) for child in children for item in child.objects}
    for child in children:
        found = _Child(child, world)
        differences += found.objects()
        differences += found.undeclared(declared)
        differences += found.vault()
        tolerated += found.tolerated
        notes += found.notes
    for group in groups:
        differences += _group(group, world)
    known = {role.name for child in children for role in child.roles}
    for name in sorted(world.role_names - known):
        thing = Thing("vault", "role", "", name)
        differences.append(Difference(None, thing, FieldDrift(What.UNDECLARED, (), None, None), mends=False))
    return Drift(tuple(differences), tuple(tolerated), tuple(notes), world.unread)


class _Child:
    """The comparison of one child."""

    def __init__(self, wanted: Wanted, world: World) -> None:
        self.wanted = wanted
        self.world = world
        self.tolerated: list[Tolerated] = []
        self.notes: list[str] = []
        self.scaled = {
            (target.get("kind"), target.get("name"))
            for item in wanted.objects
            if item["kind"] == "HorizontalPodAutoscaler"
            for target in [item["spec"]["scaleTargetRef"]]
        }

    def objects(self) -> Iterator[Difference]:
        """Yield what differs in what is declared."""
        child, world = self.wanted, self.world
        unfinished = False
        unread = ("", "Namespace") in world.unread_kinds
        gone = not unread and ("", "Namespace", "", child.namespace) not in world.objects
        for item in child.objects:
            key = key_of(item, "" if item["kind"] == "Namespace" else child.namespace)
            thing = Thing("kubernetes", key[1], key[2], key[3], item["apiVersion"])
            if key[1] in NOT_COMPARED or (key[2], key[1]) in world.unread_kinds:
                continue
            there = world.objects.get(key) or world.objects.get((key[0], key[1], "", key[3]))
            if there is None:
                if item["kind"] == "Job" and item.get("spec", {}).get("ttlSecondsAfterFinished") is not None:
                    why = "a Job with a time to live goes when it has ended"
                    self.tolerated.append(Tolerated(child.child, thing, Passed((), why)))
                elif key[1] == "Namespace" or not gone:  # with a namespace goes all that is in it
                    yield Difference(child.child, thing, FieldDrift(What.MISSING, (), None, None), mends=True)
                continue
            fields, passed = compare_object(item, there, scaled=(key[1], key[3]) in self.scaled)
            self.tolerated += [Tolerated(child.child, thing, one) for one in passed]
            for one in fields:
                unfinished |= one.path[-1] == "app-of-apps/child-digest" and any(who.is_engine for who in one.by)
                yield Difference(child.child, thing, one, mends=one.what is not What.ADDED or _goes(one, fields))
        if unfinished:
            note = f"{child.child}: another release was begun here and has not become healthy as a whole"
            self.notes.append(note)

    def undeclared(self, declared: set[Key]) -> Iterator[Difference]:
        """Yield what stands in the child's namespace and is neither declared nor some controller's."""
        inside = [(key, item) for key, item in self.world.objects.items() if key[2] == self.wanted.namespace]
        claims = _claims(item for _, item in inside)
        for key, item in sorted(inside, key=lambda one: one[0]):
            if key in declared or (key[1], key[3]) in _OWN or _is_going_or_owned(item):
                continue
            if key[1] == "PersistentVolumeClaim" and any(claim.fullmatch(key[3]) for claim in claims):
                continue
            by = tuple(dict.fromkeys(one.who for one in owned(item) if one.who.subresource != "status"))
            thing = Thing("kubernetes", key[1], key[2], key[3], item["apiVersion"])
            drift = FieldDrift(What.UNDECLARED, (), None, None, by)
            yield Difference(self.wanted.child, thing, drift, mends=False)

    def vault(self) -> Iterator[Difference]:
        """Yield what differs in the child's rights in Vault."""
        for policy in self.wanted.policies:
            if policy.name in self.world.policies:
                thing = Thing("vault", "policy", "", policy.name)
                for one in compare_policy(policy, self.world.policies[policy.name]):
                    yield Difference(self.wanted.child, thing, one, mends=True)
        for role in self.wanted.roles:
            if role.name in self.world.roles:
                thing = Thing("vault", "role", "", role.name)
                for one in compare_role(role, self.world.roles[role.name]):
                    yield Difference(self.wanted.child, thing, one, mends=one.wanted is not None or _missing(one))


def _goes(added: FieldDrift, fields: Iterable[FieldDrift]) -> bool:
    """Say whether a field that was added goes when its object is written again because of something else.

    The engine's provider then takes over what kubectl has written, and drops what is not declared; it leaves alone what
    others have written, and an object that has only been added to (`fixCSAFieldManagers` in pulumi-kubernetes).
    """
    written = any(one.what is not What.ADDED for one in fields)
    return written and bool(added.by) and all(_is_taken_over(who) for who in added.by)


def _is_taken_over(who: Who) -> bool:
    return who.manager.startswith(("kubectl", "before-first-apply")) and not who.subresource


def _is_going_or_owned(item: Mapping[str, Any]) -> bool:
    """Say whether an object is being deleted, or was made for another one.

    The cluster itself deletes what belongs to something that is not there, so nobody can hide that way for long.
    """
    return bool(item["metadata"].get("deletionTimestamp") or item["metadata"].get("ownerReferences"))


def _missing(one: FieldDrift) -> bool:
    return one.what is What.MISSING


def _group(group: VaultGroup, world: World) -> Iterator[Difference]:
    if group.policy.name in world.policies:
        thing = Thing("vault", "policy", "", group.policy.name)
        for one in compare_policy(group.policy, world.policies[group.policy.name]):
            yield Difference(None, thing, one, mends=True)
    if group.name in world.groups:
        thing = Thing("vault", "group", "", group.name)
        for one in compare_group(group, world.groups[group.name], world.accessor):
            # The engine cannot read an alias, so it does not notice that one was changed.
            yield Difference(None, thing, one, mends=_missing(one) or one.path[0] in {"type", "policies"})


def _claims(items: Iterable[Mapping[str, Any]]) -> list[re.Pattern[str]]:
    """Return what the claims are called that StatefulSets make: they outlive their pods and have no owner."""
    return [
        re.compile(rf"{re.escape(template['metadata']['name'])}-{re.escape(item['metadata']['name'])}-[0-9]+")
        for item in items
        if item["kind"] == "StatefulSet"
        for template in item.get("spec", {}).get("volumeClaimTemplates") or ()
    ]
