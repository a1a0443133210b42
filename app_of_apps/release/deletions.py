"""What going to a release would delete, and whether that is too much to go unasked.

Pure: what stands, what is in it and the release go in, and the blast radius comes out. ``app_of_apps.deploy.standing``
reads the first two from the cluster. Argo CD's ApplicationSets and Helmfile's pruning have deleted live applications
because a list was empty or a name was new; here both are seen before anything is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app_of_apps.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from app_of_apps.environment.settings import Gates
    from app_of_apps.release.model import Release, ResolvedChild

KEEPS_DATA: Final = frozenset({"StatefulSet", "PersistentVolumeClaim", "PersistentVolume"})
"""Kinds that Pulumi lets go of instead of deleting them; so it does with the namespace of a child that has any."""
KEPT_TYPES: Final = frozenset({"manifests", "chart"})
"""Types of children that can have them. What a chart has is known only when it is rendered."""

_MANY = 5
"""Names in one line before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A child whose namespace stands in the cluster."""

    child: str
    namespace: str
    type: str = ""
    team: str = ""
    version: str | None = None
    labelled: bool = True
    """Whether the namespace says itself that it is the child's; else only the last record knows."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a namespace, by name. Of Secrets only the number is known, and none where nobody may count them."""

    stateful_sets: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    """PersistentVolumeClaims."""
    secrets: int | None = 0
    images: tuple[str, ...] = ()
    """Complete references of the images that its workloads run, sorted."""

    @property
    def keeps_data(self) -> bool:
        """Whether something in it is not made again by deploying it again."""
        return bool(self.stateful_sets or self.claims)


@dataclass(frozen=True, slots=True)
class Removal:
    """A child that stands and that the release does not have."""

    standing: Standing
    contents: Contents
    renamed_to: str | None = None
    """A child that the release adds and that runs the same image."""

    @property
    def child(self) -> str:
        """The child's name."""
        return self.standing.child


@dataclass(frozen=True, slots=True)
class Deletions:
    """The blast radius of one release, in order of name."""

    removals: tuple[Removal, ...] = ()
    """Children that go. Each counts against the budget."""
    left_over: tuple[Removal, ...] = ()
    """What stands and was in no release that succeeded: begun by an attempt that failed, or kept for its data."""
    emptied: bool = False
    """Whether none of the children that stand is in the release."""
    rules: Gates | None = None
    """Those under which what stands was deployed: a commit that loosens the rules does not loosen them for itself."""

    @property
    def children(self) -> tuple[str, ...]:
        """The names of the children that go, sorted: what an approval has to name."""
        return tuple(one.child for one in self.removals)

    def __bool__(self) -> bool:
        """Say whether anything goes."""
        return bool(self.removals)


def deletions_of(
    standing: Iterable[Standing],
    after: Release,
    contents: Mapping[str, Contents],
    *,
    last: Collection[str] | None = None,
    rules: Gates | None = None,
) -> Deletions:
    """Return what goes when ``after`` is deployed.

    ``contents`` has an entry for every child that stands and that ``after`` does not have. ``last`` are the children
    of the last release that succeeded, ``rules`` those that it was deployed under; both None where nobody knows, and
    then everything that stands counts as deployed.
    """
    there = {one.child: one for one in standing}
    added = [child for child in after.children if child.name not in there]
    gone = [
        Removal(there[name], contents[name], _renamed(there[name], contents[name], added))
        for name in sorted(there.keys() - after.by_name.keys())
    ]
    removals = tuple(one for one in gone if last is None or one.child in last)
    emptied = bool(removals) and not (there.keys() & after.by_name.keys())
    return Deletions(removals, tuple(one for one in gone if one not in removals), emptied, rules)


def _renamed(gone: Standing, contents: Contents, added: Iterable[ResolvedChild]) -> str | None:
    """Return the added child that runs what the one that goes has run; the very same image before the repository."""
    like = [child for child in added if child.image is not None and child.spec.type == gone.type]
    for child in like:
        if child.image in contents.images:
            return child.name
    repositories = {_repository(image) for image in contents.images}
    return next((child.name for child in like if _repository(str(child.image)) in repositories), None)


def _repository(image: str) -> str:
    """Return a reference without tag and digest; a colon before the last slash is a port."""
    name = image.partition("@")[0]
    return name if name.rfind(":") < name.rfind("/") else name.rpartition(":")[0] or name


def describe_deletions(deletions: Deletions) -> tuple[str, ...]:
    """Return one line per child that goes, and what goes with it; no lines where nothing goes."""
    lines = [_line(one) for one in deletions.removals]
    if deletions.emptied:
        lines.append("nothing of what stands is in the release any more")
    lines += [f"left over, in no release that succeeded: {_line(one)}" for one in deletions.left_over]
    return tuple(lines)


def unasked(deletions: Deletions, gates: Gates) -> frozenset[str]:
    """Return the children whose deletion somebody has to agree to by name; none where the release may delete as it is.

    That is all that go as soon as there are more than the budget, one of them keeps data, or nothing is left standing.
    The environment's file can agree where nobody is asked for approvals. The rules of before count as well.
    """
    return frozenset().union(*(_unasked(deletions, rules) for rules in _rules(deletions, gates)))


def _rules(deletions: Deletions, gates: Gates) -> tuple[Gates, ...]:
    """Return the rules that hold: the file's and, where people were asked before, those of before."""
    before = deletions.rules
    return (gates,) if before is None or not before.approvals.required else (gates, before)


def _unasked(deletions: Deletions, gates: Gates) -> frozenset[str]:
    allowed = () if gates.approvals.required else gates.deletions.allowed
    going = [one for one in deletions.removals if one.child not in allowed]
    return frozenset(one.child for one in going) if _reasons(deletions, going, gates.deletions.budget) else frozenset()


def check_deletions(deletions: Deletions, gates: Gates, environment: str, *, approved: Collection[str] = ()) -> None:
    """Raise Refused when a release deletes more than may go unasked and than was agreed to.

    ``approved`` are the children whose deletion an accepted approval names; they count for nothing here.
    """
    for rules in _rules(deletions, gates):
        _check(deletions, rules, environment, approved)


def _check(deletions: Deletions, gates: Gates, environment: str, approved: Collection[str]) -> None:
    going = [one for one in deletions.removals if one.child in _unasked(deletions, gates) - {*approved}]
    reasons = _reasons(deletions, going, gates.deletions.budget)
    if not reasons:
        return
    lines = "".join(f"\n  {line}" for line in describe_deletions(deletions))
    names = ", ".join(one.child for one in going)
    lift = (
        f"approve it with what it deletes: aoa approve {environment}"
        if gates.approvals.required
        else f"say so in Pulumi.{environment}.yaml: gates.deletions.allowed: [{names}]"
    )
    msg = (
        f"this release deletes more in {environment} than may go unasked: {'; '.join(reasons)}; nothing was touched:"
        f"{lines}\n"
        f"  If that is meant, {lift}. If not, see whether a child was renamed or is missing under `children` of "
        "parent.yaml"
    )
    raise Refused(msg)


def _reasons(deletions: Deletions, going: Sequence[Removal], budget: int) -> list[str]:
    """Say why somebody has to be asked about the children that go."""
    reasons = []
    if len(going) > budget:
        reasons.append(f"it removes {_children(len(going))}, and gates.deletions.budget is {budget}")
    if keeping := [one.child for one in going if one.contents.keeps_data]:
        reasons.append(f"{_named(keeping)} keep{'s' if len(keeping) == 1 else ''} data")
    if deletions.emptied and going:
        reasons.append("it leaves nothing of what stands")
    return reasons


def _line(one: Removal) -> str:
    told = " ".join(part for part in (one.standing.type, one.standing.version or "") if part)
    whose = f"team {one.standing.team}" if one.standing.team else ""
    about = ", ".join(part for part in (told, whose) if part)
    line = f"{one.child}{f' ({about})' if about else ''}: namespace {one.standing.namespace}{_within(one)}"
    if one.renamed_to is not None:
        line += f"; {one.renamed_to} runs the same image: a rename makes a new one beside it and removes the old one"
    return line


def _within(one: Removal) -> str:
    contents, parts = one.contents, []
    fate = "kept, with the namespace" if one.standing.type in KEPT_TYPES else "DELETED with the namespace"
    for kind, names in (("StatefulSet", contents.stateful_sets), ("PersistentVolumeClaim", contents.claims)):
        if names:
            parts.append(f"{kind} {_named(names)} ({fate})")
    if contents.secrets is None:
        parts.append("Secrets that may not be counted")
    elif contents.secrets:
        parts.append(f"{contents.secrets} Secret{'s' if contents.secrets > 1 else ''}")
    return f" with {', '.join(parts)}" if parts else ""


def _named(names: Collection[str]) -> str:
    shown = sorted(names)[:_MANY]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _children(count: int) -> str:
    return f"{count} child{'ren' if count != 1 else ''}"
