"""Writes how well previews have foretold updates, for people and for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.accuracy import Count, comparison_of
from app_of_apps.deploy.prediction import CONFIDENCES
from app_of_apps.deploy.redact import Redactor, one_line
from app_of_apps.evidence.attempts import attempts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.deploy.accuracy import Comparison, Miss
    from app_of_apps.evidence.record import Record

ACCURACY_FORMAT: Final = "app-of-apps/preview-accuracy/v1"
TREND: Final = 10
"""Updates of which each is told."""


@dataclass(frozen=True, slots=True)
class Told:
    """One update and how well it was foretold."""

    record: int
    """Sequence of the record that it began with."""
    release: str
    """Name of its record's ConfigMap, or its digest."""
    time: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one environment."""

    environment: str
    updates: tuple[Told, ...]
    """Those that were compared, oldest first."""
    uncompared: int = 0
    """Updates that ended and that nobody compared."""
    findings: tuple[str, ...] = ()
    """What is wrong with the chain."""
    notes: tuple[str, ...] = ()
    """What was not checked, and why."""

    @property
    def counted(self) -> tuple[Told, ...]:
        """Those on top of what their preview had seen: only they say how good previews are."""
        return tuple(one for one in self.updates if not one.comparison.stale)

    @property
    def totals(self) -> dict[str, Count]:
        """Confidence → how its predictions went."""
        found = {}
        for word in CONFIDENCES:
            counts = [one.comparison.counts[word] for one in self.counted if word in one.comparison.counts]
            if counts:
                found[word] = Count(
                    sum(one.right for one in counts),
                    sum(one.wrong for one in counts),
                    sum(one.failed for one in counts),
                    sum(one.unreached for one in counts),
                )
        return found

    @property
    def unforetold(self) -> int:
        """How many resources were touched of which no preview had said so."""
        return sum(one.comparison.unforetold for one in self.counted)


def kept(
    environment: str, records: Iterable[Record], *, findings: Iterable[str] = (), notes: Iterable[str] = ()
) -> Kept:
    """Return what the records of an environment keep."""
    updates, uncompared = [], 0
    for attempt in attempts(records):
        note = attempt.comparison
        comparison = None if note is None else comparison_of(note.details.get("comparison"))
        if comparison is not None:
            release = attempt.opening.release
            name = (release.name or release.digest) if release is not None else ""
            updates.append(Told(attempt.opening.sequence, name, attempt.opening.time, comparison))
        elif attempt.opening.kind == "began" and attempt.opening.operation == "up" and attempt.ending is not None:
            uncompared += 1
    return Kept(environment, tuple(updates), uncompared, tuple(findings), tuple(notes))


def render(environments: Iterable[Kept]) -> str:
    """Return it in words; ends without a newline."""
    return "\n\n".join("\n".join(_lines(one)) for one in environments)


def _lines(one: Kept) -> Iterator[str]:
    clean = _cleaner()
    stale = [each for each in one.updates if each.comparison.stale]
    rest = f"; {_times(one.uncompared, 'update')} without" if one.uncompared else ""
    yield f"{one.environment}: {_times(len(one.counted), 'update')} with a preview to compare{rest}"
    totals = one.totals
    for word, count in totals.items():
        yield f"  {word:<8} {_share(count)}"
    if one.unforetold:
        yield f"  {_times(one.unforetold, 'resource')} touched that no preview had named"
    if one.counted:
        trend = ", ".join(f"{clean(each.release)} {_percent(each.comparison)}" for each in one.counted[-TREND:])
        yield f"  trend: {trend}"
    wrong = [(each, miss) for each in one.counted for miss in each.comparison.misses]
    unnamed = sum(each.comparison.unnamed for each in one.counted)
    if wrong:
        yield "  went otherwise:"
        yield from (_miss(each, miss, clean) for each, miss in wrong)
    if unnamed:
        yield f"    and {unnamed} more, which the records count and do not name"
    if stale:
        yield "  previewed on top of something else, and not counted:"
    for each in stale:
        found = each.comparison
        seen, base = (f"on top of {clean(one or 'nothing')}" for one in (found.foretold_on, found.base))
        otherwise = f"{found.wrong} of {found.right + found.wrong} went otherwise"
        yield f"    {clean(each.release)} (record {each.record}): previewed {seen}, deployed {base}; {otherwise}"
        yield from (f"  {_miss(each, miss, clean)}" for miss in found.misses)
    for line in one.findings:
        yield f"  the chain is NOT as it was signed: {clean(line)}"
    yield from (f"  note: {clean(line)}" for line in one.notes)


def _share(count: Count) -> str:
    every = count.right + count.wrong
    parts = [f"{count.right} right, {count.wrong} wrong"]
    if every:
        parts[0] += f" ({_hundredths(count.right, every)})"
    if count.failed:
        parts.append(f"{count.failed} begun as predicted and failed")
    if count.unreached:
        parts.append(f"{count.unreached} not reached")
    return ", ".join(parts)


def _percent(comparison: Comparison) -> str:
    every = comparison.right + comparison.wrong
    return _hundredths(comparison.right, every) if every else "nothing to do"


def _hundredths(part: int, whole: int) -> str:
    """Return a share in percent, rounded down: 100 % means all of them."""
    return f"{100 * part // whole} %"


def _miss(each: Told, miss: Miss, clean: Any) -> str:  # noqa: ANN401 - str to str
    return f"    {clean(each.release)} (record {each.record}) {clean(miss.child or '(parent)')}: {clean(str(miss))}"


def _cleaner() -> Any:  # noqa: ANN401 - str to str
    redact = Redactor()
    return lambda text: one_line(redact(text), 1000)


def _times(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def to_json(parent: str, environments: Iterable[Kept]) -> dict[str, Any]:
    """Return it as plain data, in the shape of ACCURACY_FORMAT."""
    return {
        "format": ACCURACY_FORMAT,
        "parent": parent,
        "environments": [
            {
                "environment": one.environment,
                "confidence": {word: _count(count) for word, count in one.totals.items()},
                "unforetold": one.unforetold,
                "updates": [
                    {
                        "record": each.record,
                        "release": each.release,
                        "time": each.time,
                        "counted": not each.comparison.stale,
                        **each.comparison.shape(),
                    }
                    for each in one.updates
                ],
                "uncompared": one.uncompared,
                "findings": list(one.findings),
                "notes": list(one.notes),
            }
            for one in environments
        ],
    }


def _count(count: Count) -> dict[str, int]:
    return {"right": count.right, "wrong": count.wrong, "failed": count.failed, "unreached": count.unreached}
