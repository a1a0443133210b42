"""What waiting for a release will probably cost, from what earlier ones have cost by the signed records. Pure.

Two waits are told apart: for people, from the commit to the last signature that was needed, and for the deployment,
along the longest path through the children that change. Nothing is guessed: what has no record is said to have none. No
clock is read, so the same records make the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.evidence.attempts import COMMITTED, TOOK, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Kept = Mapping[str, Any]

LAST: Final = 12
"""Releases that are looked at."""
ENOUGH: Final = 3
"""Samples from which on there is a range."""
_DEPLOYS: Final = frozenset({"up", "rollback"})
ASKS: Final = "asks for"
"""How a shut gate says that approvals are missing (`app_of_apps.approval.check`)."""


@dataclass(frozen=True, slots=True)
class Span:
    """How long something took before."""

    seconds: float
    """The median."""
    low: float
    high: float
    samples: int

    @property
    def enough(self) -> bool:
        """Whether there are samples enough to speak of a range."""
        return self.samples >= ENOUGH


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waiting will probably cost."""

    deployment: Span | None = None
    """Along the longest path; None where nothing was measured before. Its samples are the fewest of a child on it."""
    path: tuple[str, ...] = ()
    """The children that it leads through, those that begin first."""
    children: tuple[tuple[str, Span], ...] = ()
    """How long each child took that changes, from when what it needs was healthy; in dependency order."""
    unmeasured: tuple[str, ...] = ()
    """Children that change and that no record tells of, in dependency order."""
    asked: bool = False
    """Whether people have to approve."""
    approvals: Span | None = None
    """How long approvals took; None where no record tells."""


def waiting(
    records: Sequence[Kept], changed: Sequence[str], needs: Mapping[str, Sequence[str]], *, asked: bool
) -> Waiting:
    """Return what waiting will probably cost.

    ``records`` is the plain JSON of the chain of evidence, oldest first; ``changed`` the children that come or change,
    in dependency order; ``needs`` child → what has to be healthy before, directly or not.
    """
    succeeded = tuple(_succeeded(records))
    children = tuple((name, span) for name in changed if (span := span_of(_samples(succeeded, name))) is not None)
    known = dict(children)
    deployment, path = _longest(known, needs)
    return Waiting(
        deployment=deployment,
        path=path,
        children=children,
        unmeasured=tuple(name for name in changed if name not in known),
        asked=asked,
        approvals=span_of(_approvals(records, succeeded)) if asked else None,
    )


def span_of(samples: Sequence[float]) -> Span | None:
    """Return what the last samples come to; None where there are none."""
    found = samples[-LAST:]
    return Span(float(median(found)), float(min(found)), float(max(found)), len(found)) if found else None


def _longest(spans: Mapping[str, Span], needs: Mapping[str, Sequence[str]]) -> tuple[Span | None, tuple[str, ...]]:
    """Return the longest way through the children, by medians, and the ways through their extremes."""
    medians = _finish({name: one.seconds for name, one in spans.items()}, needs)
    if not medians:
        return None, ()
    last = max(medians, key=lambda name: medians[name][0])
    lows, highs = (_finish({name: getattr(one, end) for name, one in spans.items()}, needs) for end in ("low", "high"))
    seconds, path = medians[last]
    low, high = (max(one for one, _ in found.values()) for found in (lows, highs))
    return Span(seconds, low, high, min(spans[name].samples for name in path)), path


def _finish(
    seconds: Mapping[str, float], needs: Mapping[str, Sequence[str]]
) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Return child → when it is done and the way that leads there; ``seconds`` is in dependency order."""
    found: dict[str, tuple[float, tuple[str, ...]]] = {}
    for name, own in seconds.items():
        before = [found[need] for need in needs.get(name, ()) if need in found]
        at, path = max(before, key=lambda one: one[0], default=(0.0, ()))
        found[name] = (at + own, (*path, name))
    return found


def _succeeded(records: Iterable[Kept]) -> Iterator[tuple[Kept, Kept]]:
    """Yield beginning and end of the deployments that succeeded, oldest first."""
    began: dict[Any, Kept] = {}
    for one in records:
        if one.get("kind") == "began" and one.get("operation") in _DEPLOYS:
            began[one.get("sequence")] = one
        elif one.get("kind") == "ended" and one.get("result") == "succeeded" and one.get("attempt") in began:
            yield began.pop(one.get("attempt")), one


def _samples(succeeded: Iterable[tuple[Kept, Kept]], child: str) -> list[float]:
    """Return how long a child took each time that it came or changed."""
    found = []
    for began, ended in succeeded:
        if any(one.get("child") == child and one.get("change") != "removed" for one in began.get("changes") or ()):
            took = (ended.get("details") or {}).get(TOOK)
            seconds = took.get(child) if isinstance(took, dict) else None
            if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
                found.append(float(seconds))
    return found


def _approvals(records: Sequence[Kept], succeeded: Iterable[tuple[Kept, Kept]]) -> list[float]:
    """Return how long the approvals of each release took that was approved and not waved through."""
    refused: dict[str, str] = {}
    for one in records:
        if one.get("kind") == "refused" and one.get("operation") == "up" and ASKS in str(one.get("reason")):
            refused.setdefault(_digest(one), str(one.get("time")))
    found = []
    for began, _ in succeeded:
        issued = [str((one.get("payload") or {}).get("issued") or "") for one in began.get("approvals") or ()]
        since = (began.get("details") or {}).get(COMMITTED) or refused.get(_digest(began))
        if not issued or began.get("breakGlass") is not None or not isinstance(since, str):
            continue
        try:
            seconds = (max(map(moment, issued)) - moment(since)).total_seconds()
        except TypeError:  # a time without its zone is no time
            continue
        if seconds >= 0:  # a commit that is younger than its approvals is not the one that they waited for
            found.append(seconds)
    return found


def _digest(record: Kept) -> str:
    return str((record.get("release") or {}).get("digest"))
