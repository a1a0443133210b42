"""Which versions may go up: decided from what the records below say, what runs there now, and what the files name.

Pure. A version is healthy since the first success in an unbroken row of successes with it, and no longer than since the
last failed attempt that touched the child. A child that takes its version from another one goes with it, so both must
be healthy at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from app_of_apps.release.version_order import order_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Why(StrEnum):
    """Why a version stays where it is."""

    SAME = "same already"
    YOUNG = "not healthy long enough"
    FAILED = "failed"
    UNHEALTHY = "not healthy now"
    UNSEEN = "never seen healthy"
    UNDEPLOYED = "only in the working tree"
    OLDER = "older than the target's"
    REMOVED = "removed below"
    UNPINNED = "cannot be pinned"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deploy the source that has ended, as its chain of evidence tells."""

    record: int
    """The sequence number of the record of its end."""
    time: datetime
    succeeded: bool
    versions: Mapping[str, str | None]
    """Child → version, of every child that was in it."""
    touched: frozenset[str] = frozenset()
    """Children whose content it changed."""


@dataclass(frozen=True, slots=True)
class Running:
    """How a child stands in the source's cluster now."""

    healthy: bool
    version: str | None = None
    """What runs; None where nobody says."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Below:
    """The environment that versions come from."""

    name: str
    versions: Mapping[str, str]
    """Child → version, as its file in the working tree says."""
    attempts: Sequence[Attempt]
    """Oldest first."""
    running: Mapping[str, Running]
    now: datetime


@dataclass(frozen=True, slots=True)
class Above:
    """The environment that versions go to."""

    name: str
    versions: Mapping[str, str]
    healthy_for: timedelta
    pinned: bool = False
    """Whether each version must carry its image's digest."""
    followers: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Child → those that take their version from it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the version of one child."""

    child: str
    now: str | None
    """The version that the target's file names; None where it names none."""
    version: str | None
    """The version in question; None where the source has none."""
    moves: bool
    words: str
    """Why it moves or stays."""
    why: Why | None = None
    """Why it stays, or what was overridden; None for a version that moves by itself."""
    record: int | None = None
    """The record of the source that the judgement rests on."""
    since: datetime | None = None
    """Since when the version has been healthy below."""
    due: datetime | None = None
    """When a version that is too young may move."""
    followers: tuple[str, ...] = ()
    """Children that take their version from this one."""

    @property
    def overridden(self) -> bool:
        """Whether it moves although it should not."""
        return self.moves and self.why is not None

    @property
    def held(self) -> bool:
        """Whether something would have moved that may not."""
        return not self.moves and self.why not in {Why.SAME, Why.REMOVED, Why.OLDER}


def decide(
    below: Below, above: Above, *, named: Collection[str] | None = None, override: bool = False
) -> tuple[Verdict, ...]:
    """Return a verdict on each child that has a version in either environment, sorted by name.

    ``named`` are the children that were asked for, None for all; one that was named may go back to an older version.
    With ``override``, what is held back moves all the same, in the version that the source's file names.
    """
    children = below.versions.keys() | above.versions.keys()
    chosen = children if named is None else children & set(named)
    verdicts = (_verdict(below, above, child, named=named is not None) for child in sorted(chosen))
    return tuple(_overridden(below, above, verdict) if override and verdict.held else verdict for verdict in verdicts)


def pinned(verdict: Verdict, version: str) -> Verdict:
    """Return a verdict on a version that moves, with its image's digest."""
    return replace(verdict, version=version)


def unpinned(verdict: Verdict, reason: str) -> Verdict:
    """Return a verdict on a version that stays because its digest is not known."""
    return replace(verdict, moves=False, why=Why.UNPINNED, words=reason)


def span(time: timedelta) -> str:
    """Write a time in its two largest units: ``3h 12m``, ``45s``."""
    total = max(0, int(time.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, total = divmod(total, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def moment(time: datetime) -> str:
    """Write a moment as people read it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _verdict(below: Below, above: Above, child: str, *, named: bool) -> Verdict:
    wanted = below.versions.get(child)
    followers = tuple(sorted(above.followers.get(child, ())))
    stays = Verdict(child, above.versions.get(child), wanted, moves=False, words="", followers=followers)
    last = next((attempt for attempt in reversed(below.attempts) if attempt.succeeded), None)
    deployed = last.versions.get(child) if last else None
    if wanted is None or (last and child not in last.versions and _was_there(below.attempts, child)):
        words = f"{below.name} has it no more; when {above.name} is to follow, remove its line there"
        return replace(stays, why=Why.REMOVED, words=words)
    if last is None or deployed is None:
        if _has(above, stays.now, wanted):
            return replace(stays, why=Why.SAME, words=_same(stays.now))
        return _never(below, stays, wanted)
    if _has(above, stays.now, deployed):
        if wanted != deployed:
            return _never(below, stays, wanted)
        return replace(stays, why=Why.SAME, words=_same(stays.now), record=last.record)
    case = _Case(below, above, replace(stays, version=deployed, record=last.record), deployed)
    return case.unproven() or case.unhealthy() or case.young() or case.older(named=named) or case.fit(wanted)


@dataclass(slots=True)
class _Case:
    """A version that the source's last success deployed and the target does not have; the questions asked of it."""

    below: Below
    above: Above
    stays: Verdict
    deployed: str

    @property
    def group(self) -> tuple[str, ...]:
        return (self.stays.child, *self.stays.followers)

    def unproven(self) -> Verdict | None:
        """Return why the records do not show the version healthy, else note which one does."""
        since: list[Attempt] = []
        for member in self.group:
            begun, failure = _row(self.below.attempts, member, self.deployed)
            if failure is not None:
                what = f"record {failure.record} of {self.below.name} changed {member} and did not succeed"
                words = f"{what}, and there is no success since"
                return replace(self.stays, why=Why.FAILED, words=words, record=failure.record)
            if begun is None:
                words = f"no record of {self.below.name} shows {member} healthy at {self.deployed}"
                return replace(self.stays, why=Why.UNSEEN, words=words)
            since.append(begun)
        first = max(since, key=lambda attempt: attempt.time)
        self.stays = replace(self.stays, record=first.record, since=first.time)
        return None

    def unhealthy(self) -> Verdict | None:
        """Return what is wrong with the children in the source's cluster now."""
        name = self.below.name
        for child in self.group:
            running = self.below.running.get(child)
            if running is None or not running.healthy:
                said = f": {running.message}" if running and running.message else ""
                return replace(self.stays, why=Why.UNHEALTHY, words=f"{child} is not healthy in {name} now{said}")
            if running.version not in {None, self.deployed}:
                words = f"{running.version} of {child} runs in {name}, and its last success deployed {self.deployed}"
                return replace(self.stays, why=Why.UNHEALTHY, words=words)
        return None

    def young(self) -> Verdict | None:
        """Return when the version may move, if that is not yet."""
        wait, healthy = self.above.healthy_for, self.healthy
        if healthy >= wait:
            return None
        due = self.below.now + (wait - healthy)
        words = (
            f"healthy in {self.below.name} for {span(healthy)} of {span(wait)} (record {self.stays.record}); "
            f"can move in {span(wait - healthy + timedelta(milliseconds=999))}, at {moment(due)}"
        )
        return replace(self.stays, why=Why.YOUNG, words=words, due=due)

    def older(self, *, named: bool) -> Verdict | None:
        """Return that moving would be going back, which nobody asked for by name."""
        if named or self.stays.now is None or order_of(self.deployed, self.stays.now) != -1:
            return None
        words = f"{self.above.name} has a newer one; name the child with --child to go back"
        return replace(self.stays, why=Why.OLDER, words=words)

    def fit(self, wanted: str) -> Verdict:
        """Return that the version moves."""
        words = f"healthy in {self.below.name} for {span(self.healthy)} (record {self.stays.record})"
        if wanted != self.deployed:
            words += f"; {wanted} in the file of {self.below.name} is not deployed there"
        return replace(self.stays, moves=True, words=words)

    @property
    def healthy(self) -> timedelta:
        return self.below.now - (self.stays.since or self.below.now)


def _never(below: Below, stays: Verdict, wanted: str) -> Verdict:
    """Return the verdict on a version that the file names and the last success below does not have."""
    for attempt in reversed(below.attempts):
        if attempt.versions.get(stays.child) != wanted:
            continue
        if not attempt.succeeded:
            words = f"{wanted} failed in {below.name} (record {attempt.record}) and has not been healthy there since"
            return replace(stays, why=Why.FAILED, words=words, record=attempt.record)
        words = f"{wanted} ran in {below.name} (record {attempt.record}) and was replaced since"
        return replace(stays, why=Why.UNDEPLOYED, words=words, record=attempt.record)
    if stays.now is not None and any(attempt.succeeded for attempt in below.attempts):
        words = f"{wanted} stands in the file of {below.name} alone: no record shows it healthy there"
        return replace(stays, why=Why.UNDEPLOYED, words=words)
    return replace(stays, why=Why.UNSEEN, words=f"no record of {below.name} shows {wanted} healthy")


def _overridden(below: Below, above: Above, verdict: Verdict) -> Verdict:
    version = below.versions[verdict.child]
    if _has(above, verdict.now, version):
        return replace(verdict, version=version, why=Why.SAME, words=_same(verdict.now))
    return replace(verdict, version=version, moves=True, words=f"overridden: {verdict.words}")


def _row(attempts: Iterable[Attempt], child: str, version: str) -> tuple[Attempt | None, Attempt | None]:
    """Return the success since which the version has been healthy, and the failure that no success followed."""
    begun: Attempt | None = None
    failure: Attempt | None = None
    for attempt in attempts:
        if attempt.succeeded:
            begun = (begun or attempt) if attempt.versions.get(child) == version else None
            failure = None
        elif child in attempt.touched:
            begun, failure = None, attempt
    return begun, failure


def _was_there(attempts: Iterable[Attempt], child: str) -> bool:
    return any(attempt.succeeded and child in attempt.versions for attempt in attempts)


def _has(above: Above, now: str | None, version: str) -> bool:
    """Whether the target has a version; the digest that a tag had when it was promoted is part of it there."""
    if now is None:
        return False
    return now.startswith(f"{version}@") or (now == version and ("@" in now or not above.pinned))


def _same(version: str | None) -> str:
    return f"{version} is what both have"
