"""The gate: which stored statements count for one release, and whether they are enough. Pure: data in, verdict out.

What counts is decided from what Vault says of people (their names, groups and public keys) and of the place where a
statement is kept, never from what a statement says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from app_of_apps.approval.authors import identities
from app_of_apps.approval.freeze import frozen
from app_of_apps.approval.signing import person_key
from app_of_apps.approval.statement import Signed, Statement, read
from app_of_apps.evidence.signing import raw_key, verified
from app_of_apps.manifest.base import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from app_of_apps.environment.settings import Freeze, Gates

Action = Literal["up", "destroy"]

_LEEWAY: Final = timedelta(seconds=10)
"""By how much the clocks of Vault's nodes may differ."""
_STORING: Final = timedelta(minutes=5)
"""How long after it was signed a statement may be stored."""


class Why(StrEnum):
    """Why a statement does not count."""

    MALFORMED = "it is no statement in canonical form"
    MISPLACED = "it is not kept where its author's statements are"
    OVERWRITTEN = "it was written more than once"
    UNKNOWN_PERSON = "Vault knows no such person, or under another name"
    DISABLED = "the person's identity is disabled in Vault"
    NOT_PINNED = "the environment's file pins keys, and none for this person"
    OTHER_PIN = "it is signed with another key than the environment's file pins"
    FORGED = "the signature is not one of the person's own key"
    OTHER_PARENT = "it is about another parent"
    OTHER_ENVIRONMENT = "it is about another environment"
    OTHER_KIND = "it agrees to something else"
    OTHER_DIGEST = "it is about another release"
    OTHER_BASE = "another release stands now than when it was given"
    NOT_YET = "it is not valid yet"
    EXPIRED = "it has expired"
    TOO_LONG = "it claims to be valid for longer than the environment allows"
    BACKDATED = "it was stored at another time than it says"
    REVOKED = "it was revoked"
    USED = "it has been used"
    REUSED_NONCE = "its nonce stands in an earlier statement"
    NOT_IN_GROUP = "the person is in none of the groups that may give it"
    AUTHOR = "the person is an author of the change"
    RUNNER = "the person runs the deployment"
    DELETIONS = "it does not name the deletions that the release makes"
    DUPLICATE = "the person has given one already"


@dataclass(frozen=True, slots=True)
class Person:
    """What Vault says of somebody who can sign."""

    entity: str
    name: str
    """Of the login at the environment's auth method for people."""
    groups: frozenset[str] = frozenset()
    """Groups of the identity provider, as far as they were asked for."""
    emails: frozenset[str] = frozenset()
    keys: Mapping[int, str] = field(default_factory=dict)
    """Version of the person's transit key → public key in base64."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement and the place where it was found: ``<parent>/<entity>/<nonce>``."""

    parent: str
    entity: str
    nonce: str
    signed: Signed | None
    """None when what is kept there is no signed statement."""
    created: datetime
    """By Vault's clock."""
    versions: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for."""

    parent: str
    environment: str
    digest: str
    base: str | None
    """Digest of the release that stands."""
    now: datetime
    """By the same clock as `Stored.created`."""
    mount: str = "transit"
    """The transit engine of the people's keys."""
    action: Action = "up"
    deletions: frozenset[str] = frozenset()
    """Children whose deletion has to be agreed to by name."""
    authors: frozenset[str] = frozenset()
    """Addresses of everybody who wrote the change."""
    runners: frozenset[str] = frozenset()
    """Entity IDs and names of whoever runs the deployment."""
    used: frozenset[str] = frozenset()
    """Nonces that earlier releases have used up."""


@dataclass(frozen=True, slots=True)
class Given:
    """A statement that counts."""

    statement: Statement
    signed: Signed
    public_key: str
    """Base64 of the 32 bytes that it was checked with."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A statement that does not count, and why. ``statement`` is None when it could not be read."""

    stored: Stored
    why: Why
    statement: Statement | None = None
    name: str = ""
    """Who keeps it, by Vault's word; empty when Vault does not know."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate opens."""

    needed: int
    given: tuple[Given, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    break_glass: Given | None = None
    freeze: Freeze | None = None
    """The freeze that holds now."""

    @property
    def allowed(self) -> bool:
        """Whether the release may go ahead."""
        if self.break_glass is not None:
            return True
        return self.freeze is None and len(self.given) >= self.needed

    @property
    def counted(self) -> tuple[Given, ...]:
        """What was given and counts: approvals, and the statement that broke the glass."""
        return self.given if self.break_glass is None else (*self.given, self.break_glass)


def needed(gates: Gates, case: Case) -> int:
    """Return how many statements it takes."""
    if case.action == "destroy":
        return gates.destroy.required if gates.approvals.required else 0
    if case.digest == case.base:
        return 0
    return max(gates.approvals.required, 1 if case.deletions else 0)


def judge(gates: Gates, case: Case, statements: Iterable[Stored], people: Mapping[str, Person]) -> Verdict:
    """Return whether the gate opens for ``case``, with every statement that counts and every one that does not.

    ``people`` is entity ID → what Vault says of the person. A release that stands already takes no approval.
    """
    wanted = needed(gates, case)
    changes = case.action == "destroy" or case.digest != case.base
    freeze = frozen(gates.freeze, case.now) if changes else None
    read_ones: list[tuple[Stored, Signed, Statement, str]] = []
    rejected: list[Rejected] = []
    for one in sorted(statements, key=lambda stored: (stored.created, stored.entity, stored.nonce)):
        found = _authentic(gates, case, one, people.get(one.entity))
        if isinstance(found, Rejected):
            rejected.append(found)
        else:
            read_ones.append((one, *found))
    withdrawn = {
        (statement.approver.entity, statement.revokes)
        for _, _, statement, _ in read_ones
        if statement.kind == "revoke" and statement.environment == case.environment
    }
    given: list[Given] = []
    glass: Given | None = None
    nonces: set[str] = set()
    for stored, signed, statement, key in read_ones:
        if statement.kind == "revoke":
            continue
        person = people[stored.entity]
        why = _objection(gates, case, stored, statement, person)
        if statement.nonce in nonces:
            why = why or Why.REUSED_NONCE
        nonces.add(statement.nonce)
        if (stored.entity, statement.nonce) in withdrawn:
            why = why or Why.REVOKED
        breaking = statement.kind == "break-glass"
        if why is None and not breaking and _counted(person, key, given):
            why = Why.DUPLICATE
        if why is not None:
            rejected.append(Rejected(stored, why, statement, person.name))
        elif breaking:
            glass = glass or Given(statement, signed, key)
        else:
            given.append(Given(statement, signed, key))
    opened = len(given) >= wanted and freeze is None
    return Verdict(wanted, tuple(given), tuple(rejected), None if opened else glass, freeze)


def judge_all(
    rules: Sequence[Gates], case: Case, statements: Iterable[Stored], people: Mapping[str, Person]
) -> tuple[Verdict, ...]:
    """Return a verdict by each set of rules; the gate opens when all of them allow it.

    There are two sets where a change alters the rules: those that it brings, and those that stood when the last release
    succeeded. So nobody lowers the gate and walks through it in one step.
    """
    known = tuple(statements)
    different = [gates for index, gates in enumerate(rules) if gates not in rules[:index]]
    return tuple(judge(gates, case, known, people) for gates in different)


def _authentic(
    gates: Gates, case: Case, stored: Stored, person: Person | None
) -> tuple[Signed, Statement, str] | Rejected:
    """Return the statement and the key that it is signed with, or why nobody can be held to it."""
    name = "" if person is None else person.name
    statement = None if stored.signed is None else read(stored.signed.payload)
    if statement is None or stored.signed is None:
        return Rejected(stored, Why.MALFORMED, None, name)
    for failed, why in (
        (stored.versions != 1, Why.OVERWRITTEN),
        (stored.entity != statement.approver.entity or stored.nonce != statement.nonce, Why.MISPLACED),
        (stored.parent != statement.parent, Why.MISPLACED),
        (person is None or person.entity != stored.entity, Why.UNKNOWN_PERSON),
        (name != statement.approver.name, Why.UNKNOWN_PERSON),
        (person is not None and not person.enabled, Why.DISABLED),
    ):
        if failed:
            return Rejected(stored, why, statement, name)
    assert person is not None  # noqa: S101 - the loop above returns otherwise
    own = person.keys.get(_version(stored.signed.key, case.mount, person.entity))
    key = None if own is None else raw_key(own)
    if own is None or key is None or not verified(key, stored.signed.signature, stored.signed.payload.encode()):
        return Rejected(stored, Why.FORGED, statement, name)
    if gates.approvals.keys:
        pinned = gates.approvals.keys.get(person.name)
        if pinned is None:
            return Rejected(stored, Why.NOT_PINNED, statement, name)
        if raw_key(pinned) != key:
            return Rejected(stored, Why.OTHER_PIN, statement, name)
    return stored.signed, statement, own


def _version(key: str, mount: str, entity: str) -> int:
    """Return the version in ``<mount>/aoa-person-<entity>:<version>``; 0, which no key has, for any other name."""
    name, _, version = key.rpartition(":")
    right = name == f"{mount}/{person_key(entity)}" and version.isascii() and version.isdecimal()
    return int(version) if right and not version.startswith("0") else 0


def _objection(gates: Gates, case: Case, stored: Stored, statement: Statement, person: Person) -> Why | None:
    """Return the first reason why an authentic statement does not count."""
    breaking = statement.kind == "break-glass"
    groups = gates.break_glass.groups if breaking else gates.approvals.groups
    own = identities([person.name, *person.emails])
    # Whoever breaks the glass may be alone in the building.
    checks = (
        *_about(case, statement),
        *_in_time(gates, case, stored, statement),
        (not person.groups.intersection(groups), Why.NOT_IN_GROUP),
        (not breaking and bool(own & identities(case.authors)), Why.AUTHOR),
        (not breaking and bool((own | {person.entity}) & identities(case.runners)), Why.RUNNER),
        (not case.deletions <= set(statement.deletions), Why.DELETIONS),
    )
    return next((why for failed, why in checks if failed), None)


def _about(case: Case, statement: Statement) -> Iterator[tuple[bool, Why]]:
    # Breaking the glass is for a release that has to go out; nothing is removed by it.
    kinds = {"up": ("approve", "break-glass"), "destroy": ("destroy",)}[case.action]
    yield statement.parent != case.parent, Why.OTHER_PARENT
    yield statement.environment != case.environment, Why.OTHER_ENVIRONMENT
    yield statement.kind not in kinds, Why.OTHER_KIND
    yield statement.digest != case.digest, Why.OTHER_DIGEST
    yield statement.base != case.base, Why.OTHER_BASE
    yield statement.nonce in case.used, Why.USED


def _in_time(gates: Gates, case: Case, stored: Stored, statement: Statement) -> Iterator[tuple[bool, Why]]:
    longest = gates.break_glass.valid_for if statement.kind == "break-glass" else gates.approvals.valid_for
    issued, expires = statement.issued_at, statement.expires_at
    yield case.now + _LEEWAY < issued, Why.NOT_YET
    yield case.now >= expires, Why.EXPIRED
    yield expires - issued > timedelta(seconds=seconds(longest)), Why.TOO_LONG
    yield not -_LEEWAY <= stored.created - issued <= _STORING, Why.BACKDATED


def _counted(person: Person, key: str, given: Iterable[Given]) -> bool:
    """Whether the same person has been counted: by entity, by name, or by key."""
    return any(
        one.statement.approver.entity == person.entity
        or one.statement.approver.name.casefold() == person.name.casefold()
        or raw_key(one.public_key) == raw_key(key)
        for one in given
    )
