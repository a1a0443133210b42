"""Compose the release that a rollback deploys. Pure: releases in, a release or a refusal out.

Every child of the result is one that was deployed before, as a whole: the base's or the target's, never a mixture of
the two. Where a release goes and who may do what is always as it is now: the cluster, the scope in Vault, access,
tenancy and teams are the working tree's.

A schema goes forward only. A migration keeps the content that ran last, so its Job does not run again, as long as each
child that depends on it can live with that: its version is not below ``compatibleFrom``, or a release held the two
together. Past that point ``down`` becomes the migration's Job, or the rollback is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from app_of_apps.errors import InvalidInput, Position, Problem, Refused
from app_of_apps.graph.order import find_cycle, order
from app_of_apps.manifest.child import MigrationChild
from app_of_apps.release.content import release_digest
from app_of_apps.release.findings import did_you_mean
from app_of_apps.release.model import Release, ResolvedChild
from app_of_apps.release.schema_state import dependents_of, is_ahead, schema_version, way_down, with_spec
from app_of_apps.release.version_order import order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping

    from app_of_apps.release.access import ResolvedAccess

_ORDER = re.compile(r"(?P<number>[1-9][0-9]{0,8})(?::(?P<children>[a-z0-9,-]+))?(?:@(?P<attempt>[1-9][0-9]{0,8}))?")

What = Literal["back", "returns", "goes", "stays", "down"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a rollback is asked to bring back, as the variable AOA_RESTORE says it: ``7``, ``7:api,site``.

    With ``@12`` at the end everything else stays as attempt 12 wanted it: that is how a failed update takes back what
    failed and keeps the rest. Without, everything else is as in the last release that succeeded.
    """

    number: int
    """The number of the release whose content comes back."""
    children: tuple[str, ...] = ()
    """Sorted; empty for all of them."""
    attempt: int | None = None
    """The evidence's sequence of the attempt that failed."""

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        named = f":{','.join(self.children)}" if self.children else ""
        return f"{self.number}{named}" + (f"@{self.attempt}" if self.attempt else "")

    @classmethod
    def parse(cls, text: str) -> Order:
        """Read the variable; raises InvalidInput."""
        found = _ORDER.fullmatch(text)
        if found is None:
            hint = "write a release's number, and children if not all are meant: 7 or 7:api,site"
            raise InvalidInput([Problem(Position("AOA_RESTORE"), "", "does not say what to bring back", hint)])
        names = tuple(sorted(set(filter(None, (found["children"] or "").split(",")))))
        return cls(int(found["number"]), names, int(found["attempt"]) if found["attempt"] else None)


@dataclass(frozen=True, slots=True)
class Sources:
    """The releases that a rollback is composed of. All are of the same parent and environment."""

    now: Release
    """The working tree's: whatever says where a release goes and who may do what comes from it, and no child."""
    base: Release
    """What stays where nothing comes back."""
    target: Release
    """What comes back."""
    schema: Mapping[str, ResolvedChild]
    """Migration → the content whose Job ran to its end last."""
    number: int = 0
    """The target's number, for messages."""


@dataclass(frozen=True, slots=True)
class Return:
    """What a rollback does to one child."""

    child: str
    what: What
    before: str | None = None
    """The version that stands."""
    after: str | None = None
    """The version that will stand; for `down` the one that the schema goes back to."""

    def __str__(self) -> str:
        """Say it in words."""
        versions = f" {self.before} → {self.after}" if self.before != self.after else f" {self.after or ''}".rstrip()
        match self.what:
            case "back":
                return f"{self.child}{versions} comes back"
            case "returns":
                return f"{self.child} {self.after or ''}".rstrip() + " was removed since, comes back"
            case "goes":
                return f"{self.child} {self.before or ''}".rstrip() + " was added since, goes"
            case "stays":
                return f"{self.child} stays at {self.before}: a schema goes forward only"
            case _:
                return f"{self.child} runs its down Job first, in the image of {self.before}: back to {self.after}"


@dataclass(frozen=True, slots=True)
class Restored:
    """A composed release and how it came about."""

    release: Release
    returns: tuple[Return, ...]
    """Sorted by child; children that stay as the base has them are left out."""
    origins: Mapping[str, ResolvedChild] = field(repr=False)
    """Child → the deployed child that it is, or that its down Job was made of."""


def compose(
    sources: Sources, children: Collection[str], access: Callable[[Mapping[str, ResolvedChild]], ResolvedAccess]
) -> Restored:
    """Return the release in which ``children`` (all when empty) are as in the target and the others as in the base.

    ``access`` says who may do what with the composed children by the rules of today. Raises InvalidInput for a child
    that neither release has, and Refused with every reason: a schema that cannot go back, a child that would miss what
    it needs.
    """
    _check_names(sources, children)
    chosen = _Composition(sources, frozenset(children))
    chosen.settle_migrations()
    chosen.check_needs()
    if chosen.reasons:
        what = f"release {sources.number} of {sources.now.environment}"
        lines = [f"{what} cannot come back; nothing was touched:", *dict.fromkeys(chosen.reasons)]
        raise Refused("\n  ".join(lines))
    return Restored(_release(sources, chosen, access(chosen.children)), tuple(chosen.returns()), chosen.origins)


def restores_only_approved(restored: Restored, base: Release, target: Release, approved: Container[str]) -> bool:
    """Say whether a rollback brings nothing but what was approved before, so that nobody has to approve it again.

    ``approved`` holds the digests of the children of every release that passed the gate. What is outside the children
    comes from the working tree, so it has to be that of the base, or of the target where only the target knows it.
    """
    release = restored.release
    known, grants = (base.access, target.access), {*base.access.grants, *target.access.grants}
    return (
        all(origin.digest in approved for origin in restored.origins.values())
        and release.program_version == base.program_version
        and release.labels in (base.labels, target.labels)
        and release.vault.model_copy(update={"address": None}) == base.vault.model_copy(update={"address": None})
        and release.tenancy == base.tenancy
        and (release.access.groups_prefix, release.access.oidc_mount) == (known[0].groups_prefix, known[0].oidc_mount)
        and grants.issuperset(release.access.grants)
        and all(role in (one.roles.get(name) for one in known) for name, role in release.access.roles.items())
        and all(use in (one.workloads.get(name) for one in known) for name, use in release.access.workloads.items())
        and all(team in (base.teams.get(name), target.teams.get(name)) for name, team in release.teams.items())
    )


def _check_names(sources: Sources, children: Collection[str]) -> None:
    known = sources.base.by_name.keys() | sources.target.by_name.keys()
    problems = [
        Problem(
            Position("--child"),
            "",
            f"neither release {sources.number} nor what stands has a child named {name}",
            did_you_mean(name, known),
        )
        for name in sorted(children)
        if name not in known
    ]
    if problems:
        raise InvalidInput(problems)


class _Composition:
    """The children of a composed release while they are picked; `reasons` says why it cannot be."""

    def __init__(self, sources: Sources, wanted: frozenset[str]) -> None:
        self.sources, self.wanted = sources, wanted
        base, target = sources.base.by_name, sources.target.by_name
        picked = {
            name: target.get(name) if self._comes_back(name) else base.get(name) for name in base.keys() | target.keys()
        }
        self.children: dict[str, ResolvedChild] = {name: child for name, child in picked.items() if child is not None}
        self.origins = dict(self.children)
        self.reasons: list[str] = []
        self._noted: dict[str, Return] = {}

    def _comes_back(self, name: str) -> bool:
        return not self.wanted or name in self.wanted

    def settle_migrations(self) -> None:
        """Put each migration at the content that the schema stands at, or at its way down."""
        for name, standing in sorted(self.sources.schema.items()):
            picked = self.children.get(name)
            if picked is not None and is_ahead(picked, standing):
                # A rollback that is undone: the schema goes forward to where it was.
                self.reasons += self._unfit(picked)
            elif unfit := self._unfit(standing):
                self._go_down(name, standing, unfit)
            elif picked is not None or self._has_needs(standing):
                if picked is None or picked.digest != standing.digest:
                    self._noted[name] = Return(name, "stays", standing.version, standing.version)
                self.children[name] = self.origins[name] = standing

    def _has_needs(self, migration: ResolvedChild) -> bool:
        """Whether a migration that was added since can stay: what it depends on is there."""
        return all(need in self.children or need in self.sources.schema for need in migration.spec.depends_on)

    def _unfit(self, migration: ResolvedChild) -> list[str]:
        """Say of each child that cannot live with a migration's schema why."""
        found = (self._why_unfit(migration, child) for child in self._dependents(migration.name))
        return [reason for reason in found if reason is not None]

    def _dependents(self, migration: str) -> list[ResolvedChild]:
        """Return the composed children that depend on a migration, in this composition or where it came from."""
        releases = (self.sources.now, self.sources.base, self.sources.target)
        return [self.children[name] for name in dependents_of(migration, releases) if name in self.children]

    def _why_unfit(self, standing: ResolvedChild, child: ResolvedChild) -> str | None:
        """Say why a child cannot live with a schema; None when it can. Without a version nobody can say."""
        if self._were_together(standing, child) or child.version is None:
            return None
        spec = standing.spec
        oldest = spec.compatible_from if isinstance(spec, MigrationChild) else None
        if oldest is None:
            return (
                f"{standing.name} {standing.version} does not say which version of {child.name} can still live with "
                f"its schema (compatibleFrom), and {child.name} {child.version} would come back"
            )
        compared = order_of(child.version, oldest)
        if compared is None:
            return (
                f"{standing.name} {standing.version} needs {child.name} {oldest} or newer (compatibleFrom), and "
                f"nobody can say whether {child.version} is older"
            )
        if compared < 0:
            return (
                f"the schema of {standing.name} {standing.version} needs {child.name} {oldest} or newer "
                f"(compatibleFrom), and {child.name} {child.version} would come back"
            )
        return None

    def _were_together(self, migration: ResolvedChild, child: ResolvedChild) -> bool:
        """Whether a release wanted exactly these two at the same time."""
        return any(
            _digest(release, migration.name) == migration.digest and _digest(release, child.name) == child.digest
            for release in (self.sources.now, self.sources.base, self.sources.target)
        )

    def _go_down(self, name: str, standing: ResolvedChild, unfit: list[str]) -> None:
        """Make the migration's Job its way down, or note why it cannot be."""
        spec = standing.spec
        if not isinstance(spec, MigrationChild) or spec.down is None:
            self.reasons += [f"{reason}; {name} has no way down (down)" for reason in unfit]
            return
        down = way_down(standing, self.sources.target, (self.sources.now, self.sources.base))
        if down is None:
            self.reasons.append(f"{name} has a way down, and nobody can say to which version")
            return
        version, dependents = schema_version(down), self._dependents(name)
        for child in dependents:
            if child.digest == _digest(self.sources.target, child.name) or child.version is None:
                continue
            self.reasons.append(
                f"{name} would go down to {version}, and {child.name} {child.version} depends on it and stays; "
                f"bring it back too: --child {child.name}"
            )
        self.origins[name] = standing
        self.children[name] = down
        self._noted[name] = Return(name, "down", standing.version, version)
        for child in dependents:
            self._wait_for(child, name)

    def _wait_for(self, child: ResolvedChild, migration: str) -> None:
        """Let a child come back after the way down, where its older content does not know the migration."""
        if migration not in child.spec.depends_on:
            spec = child.spec.model_copy(update={"depends_on": (*child.spec.depends_on, migration)})
            self.children[child.name] = with_spec(child, spec=spec)

    def check_needs(self) -> None:
        """Note children that would miss what they depend on, and circles that two sound releases can make together."""
        edges = {name: child.spec.depends_on for name, child in self.children.items()}
        missing = [
            f"{name} depends on {needed}, which would not be there; bring back or keep both: --child {name} "
            f"--child {needed}"
            for name, needs in sorted(edges.items())
            for needed in needs
            if needed not in edges
        ]
        self.reasons += missing
        if not missing and (cycle := find_cycle(edges)) is not None:
            self.reasons.append(f"the children would wait for each other in a circle: {' → '.join(cycle)}")

    def returns(self) -> Iterable[Return]:
        """Yield what happens to each child that does not stay as the base has it."""
        base = self.sources.base.by_name
        for name in sorted(base.keys() | self.children.keys()):
            old, new = base.get(name), self.children.get(name)
            if name in self._noted:
                yield self._noted[name]
            elif new is None:
                yield Return(name, "goes", before=None if old is None else old.version)
            elif old is None:
                yield Return(name, "returns", after=new.version)
            elif old.digest != new.digest:
                yield Return(name, "back", old.version, new.version)


def _release(sources: Sources, chosen: _Composition, access: ResolvedAccess) -> Release:
    now, children = sources.now, chosen.children
    plan = order({name: child.spec.depends_on for name, child in children.items()})
    teams = dict(now.teams)
    for child in children.values():
        team = child.spec.team
        known = (release.teams[team] for release in (sources.target, sources.base) if team in release.teams)
        teams.setdefault(team, next(known))
    content = {
        "parent": now.parent,
        "environment": now.environment,
        "labels": sources.base.labels if chosen.wanted else sources.target.labels,
        "teams": teams,
        "vault": now.vault,
        "access": access,
        "tenancy": now.tenancy,
        "program_version": now.program_version,
        "children": tuple(children[name] for name in plan.order),
    }
    return Release(**content, cluster=now.cluster, digest=release_digest(**content))  # type: ignore[arg-type]


def _digest(release: Release, name: str) -> str | None:
    found = release.by_name.get(name)
    return None if found is None else found.digest
