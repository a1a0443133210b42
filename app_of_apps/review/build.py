"""Puts together what is known about a change. Pure: releases, records and events in, one `Foreseen` out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.approval.check import LOUD
from app_of_apps.deploy.prediction import Prediction
from app_of_apps.errors import Refused
from app_of_apps.manifest.literal_secrets import resembles
from app_of_apps.objects.access_table import changes, permissions
from app_of_apps.objects.release_words import PODS, release_words
from app_of_apps.release.deletions import Deletions, describe_deletions
from app_of_apps.release.plan import plan
from app_of_apps.release.secret_uses import uses_of
from app_of_apps.release.stored import stored_release
from app_of_apps.review.fields import is_credential
from app_of_apps.review.model import Child, Foreseen, Gate, GateState, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from app_of_apps.deploy.drift import Drift
    from app_of_apps.deploy.report import Report
    from app_of_apps.errors import Position
    from app_of_apps.objects.release_words import ChildWords
    from app_of_apps.release.model import Release, ResolvedChild
    from app_of_apps.review.drifted import Reality
    from app_of_apps.review.model import Change, Resource
    from app_of_apps.review.steps import Steps
    from app_of_apps.review.waiting import Waiting

    Locate = Callable[[str | None, tuple[str | int, ...]], Position]

SHUT: Final = "an update would be refused as things stand: "
"""How the program begins, in a preview, to say what an update would meet."""
APPROVED: Final = "approved by "
_DELETES: Final = "this release deletes:"
_STARTED: Final = "using pulumi-analyzer-policy-"
"""How the engine tells where it has found what starts a policy pack."""
_ELSEWHERE: Final = "by what changed elsewhere, or differs from what was deployed"
_NAMED_UNREAD: Final = 5
_NOTHING: Final = Deletions()
# What `release_words` writes before a field's values; a path has no spaces outside of quotes.
_NAMED: Final = re.compile(
    r"(?P<all>(?:(?:shared )?config |chart value )?(?P<name>\S+))(?= added \(| removed \(was | .*→ )", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands, and what of it the release would remove."""

    record: Mapping[str, Any] | None = None
    """The ConfigMap of the last release that succeeded."""
    deletions: Deletions = _NOTHING
    refusal: str = ""
    """Why the deletions would be refused; empty when they would not."""
    missing: frozenset[tuple[str, str | None]] = frozenset()
    """Paths and keys that Vault does not have. Asked for only when a preview failed."""
    unknown: tuple[str, ...] = ()
    """What could not be read, and why."""
    drift: Drift | None = None
    """What differs from what was deployed; None where nothing was, or nobody could look."""
    drift_notes: tuple[str, ...] = ()
    records: tuple[Mapping[str, Any], ...] | None = None
    """The plain JSON of the chain of evidence, oldest first; None where it could not be read."""


def foreseen(release: Release, report: Report, steps: Steps, around: Around, locate: Locate) -> Foreseen:
    """Return what deploying ``release`` would do; ``locate`` says where a child's file has something."""
    record, unknown = around.record, list(around.unknown)
    before = None
    if record is not None:
        try:
            before = stored_release(record)
        except Refused as error:
            unknown.append(f"what differs in the manifest, and who gains or loses access: {error}")
    if not report.ok:
        unknown.append("what the engine would do: the preview ended before it was through")
    resources = steps.resources()
    words = release_words(before, release) if before is not None else None
    told = {one.name: one for one in words.children} if words is not None else {}
    found = _reality(around, resources)
    if found is not None and found.unread:
        unknown.append(_unread(found.unread))
    gate = _gate(report, steps, around.refusal)
    base = str(record["metadata"]["name"]) if record is not None else None
    known = _Known(release, before, told, _standing(record), resources, around, locate)
    children = (*map(known.child, release.children), *map(known.gone, known.names_gone))
    return Foreseen(
        report=report,
        release=release.digest,
        digest=steps.preview.digest,
        position=locate(None, ()),
        access_position=locate(None, ("access",)),
        base=base,
        children=children,
        around=resources.get(None, ()),
        # Who may do what is told by `access`.
        words=tuple(without_credentials(str(one)) for one in words.release if not one.path.startswith("access"))
        if words is not None
        else (),
        access=_access(before, release, record),
        left_over=describe_deletions(Deletions(left_over=around.deletions.left_over)),
        gate=gate,
        policies=steps.policies,
        warnings=tuple(one for one in steps.said("warning") if not one.startswith((SHUT, _DELETES, LOUD, _STARTED))),
        unknown=tuple(unknown),
        reality=found,
        waiting=_waiting(release, children, gate, around.records),
        prediction=Prediction(
            release.parent, release.environment, release.digest, base, steps.preview.digest, steps.foretold()
        )
        if report.ok
        else None,
    )


def _reality(around: Around, resources: Mapping[str | None, tuple[Resource, ...]]) -> Reality | None:
    # Imported here: it was loaded while the engine worked.
    from app_of_apps.review.drifted import reality  # noqa: PLC0415

    return None if around.drift is None else reality(around.drift, resources, notes=around.drift_notes)


def _unread(lines: Sequence[str]) -> str:
    """Say in one line what could not be compared."""
    more = len(lines) - _NAMED_UNREAD
    return f"drift: {'; '.join(lines[:_NAMED_UNREAD])}{f'; and {more} more' if more > 0 else ''}"


def _waiting(
    release: Release, children: Sequence[Child], gate: Gate, records: Sequence[Mapping[str, Any]] | None
) -> Waiting | None:
    """Return what waiting will cost; what only a child elsewhere brings about is over as soon as it is written."""
    from app_of_apps.review.waiting import ASKS, waiting  # noqa: PLC0415 - as above

    changed = [one.name for one in children if one.change in {"added", "changed"} and one.words != (_ELSEWHERE,)]
    asked = gate.state is GateState.SHUT and any(ASKS in line for line in gate.lines)
    if records is None or not (changed or asked):
        return None
    return waiting(records, changed, plan(release).needs, asked=asked)


def without_credentials(words: str) -> str:
    """Return words about a field without its values where its name is that of a credential.

    They have the form ``config NAME a → b``, ``config NAME added (a)`` or ``config NAME removed (was a)``.
    """
    named = _NAMED.match(words)
    if not resembles("", words) and (named is None or not is_credential(named["name"].rpartition(".")[2])):
        return words
    return f"{named['all'] if named is not None else 'something'} differs; what may be secret is not shown"


def removal_words(child: Child) -> str:
    """Say what goes with a removed child."""
    if child.removal is None:
        return f"{child.name}: with its namespace"
    return describe_deletions(Deletions((child.removal,)))[0]


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that a child is told from."""

    release: Release
    before: Release | None
    told: Mapping[str, ChildWords]
    standing: Mapping[str, Any]
    """Child → what the record says of it."""
    resources: Mapping[str | None, tuple[Resource, ...]]
    around: Around
    locate: Locate

    @property
    def names_gone(self) -> tuple[str, ...]:
        """Children that were deployed and that the release does not have, sorted."""
        deployed = {name for name in self.resources if name is not None} | self.standing.keys()
        return tuple(sorted(deployed - self.release.by_name.keys()))

    def child(self, child: ResolvedChild) -> Child:
        """Tell of a child that the release has."""
        found = self.resources.get(child.name, ())
        told, stood = self.told.get(child.name), self.standing.get(child.name)
        change: Change = "unchanged"
        words: tuple[str, ...] = ()
        pods = ""
        if told is not None:
            change, words, pods = told.change, tuple(map(without_credentials, told.words)), PODS[told.pods]
        elif self.before is None and stood is None:
            change, pods = "added", PODS["start"]
        elif self.before is None and stood is not None and stood.get("digest") != child.digest:
            change, words = "changed", _versions(stood.get("version"), child.version)
        if change == "unchanged" and found:
            change, words = "changed", (_ELSEWHERE,)
        if any(one.restarts for one in found):
            pods = PODS["restart"]
        old = self.before.by_name.get(child.name) if self.before is not None else None
        compared = self.before is not None or change == "added"
        return Child(
            name=child.name,
            team=child.spec.team,
            type=child.spec.type,
            change=change,
            position=self.locate(child.name, ()),
            version=child.version,
            words=words,
            pods=pods,
            resources=found,
            secrets=tuple(_secrets(old, child, self.around.missing, locate=self.locate, compared=compared)),
            needs=tuple(child.spec.depends_on),
        )

    def gone(self, name: str) -> Child:
        """Tell of a child that the release does not have."""
        removal = next((one for one in self.around.deletions.removals if one.child == name), None)
        old = self.before.by_name.get(name) if self.before is not None else None
        stood = removal.standing if removal is not None else None
        return Child(
            name=name,
            team=old.spec.team if old is not None else stood.team if stood is not None else "",
            type=old.spec.type if old is not None else stood.type if stood is not None else "",
            change="removed",
            position=self.locate(None, ("children",)),
            version=old.version if old is not None else None,
            pods=PODS["stop"],
            resources=self.resources.get(name, ()),
            secrets=tuple(_secrets(old, None, frozenset(), locate=self.locate, compared=True)),
            removal=removal,
        )


def _versions(before: str | None, after: str | None) -> tuple[str, ...]:
    return () if before == after else (f"version {before} → {after}",)


def _secrets(
    old: ResolvedChild | None,
    new: ResolvedChild | None,
    missing: Collection[tuple[str, str | None]],
    *,
    locate: Locate,
    compared: bool,
) -> Iterator[Secret]:
    was, now = ({(one.path, one.key): one for one in uses_of(child)} if child else {} for child in (old, new))
    for path, key in sorted(was.keys() | now.keys(), key=lambda one: (one[0], one[1] or "")):
        use = now.get((path, key))
        if use is None:
            if compared:
                yield Secret(path, key, "removed", locate(new.name if new is not None else None, ()))
            continue
        where = locate(use.child, ("secrets", use.taken_as) if use.key is not None else ("volumes",))
        if (path, key) in missing:
            yield Secret(path, key, "missing", where)
        elif compared and (path, key) not in was:
            yield Secret(path, key, "added", where)


def _access(before: Release | None, release: Release, record: Mapping[str, Any] | None) -> tuple[Any, ...]:
    if before is None and record is not None:
        return ()
    return changes(permissions(before) if before is not None else frozenset(), permissions(release))


def _standing(record: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = json.loads((record or {}).get("data", {}).get("children") or "{}")
    return found if isinstance(found, dict) else {}


def _gate(report: Report, steps: Steps, refusal: str) -> Gate:
    """Return what the program said of the gate; it asks it in a preview, too."""
    warned = [one.removeprefix(SHUT) for one in steps.said("warning") if one.startswith(SHUT)]
    shut = [line.strip() for text in [*warned, *([refusal] if refusal else [])] for line in text.splitlines()]
    if shut:
        return Gate(GateState.SHUT, tuple(line for line in shut if line))
    if not report.ok:
        return Gate(GateState.UNKNOWN, ("the preview ended before it was through",))
    loud = tuple(one for one in steps.said("warning") if one.startswith(LOUD))
    approved = tuple(one for one in steps.said("info") if one.startswith(APPROVED))
    return Gate(GateState.OPEN, loud or approved or ("nobody is asked for this release",))
