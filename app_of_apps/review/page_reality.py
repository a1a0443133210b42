"""The parts of a page about drift and about waiting. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.drift_compare import What
from app_of_apps.deploy.report import duration
from app_of_apps.review.page_model import Row, Value
from app_of_apps.review.risks import times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.review.drifted import Drifted, Reality
    from app_of_apps.review.model import Foreseen
    from app_of_apps.review.page_model import Piece
    from app_of_apps.review.waiting import Span, Waiting

_NAMED: Final = 3
_PARENT: Final = "(parent)"


def drift_fact(found: Foreseen) -> Iterator[Row]:
    """Yield the line that says how much differs; nothing where nothing stands."""
    if found.reality is None:
        if found.base is not None:
            yield Row(("drift: not known",))
        return
    reality = found.reality
    if not reality.differences:
        left = f", as far as it may be read ({times(len(reality.unread), 'kind')} may not)" if reality.unread else ""
        yield Row((f"drift: none{left}",))
        return
    told: list[Piece] = [f"drift: {times(len(reality.differences), 'difference')} from what was deployed"]
    counts = reality.counts
    for index, (name, drifted) in enumerate(counts[:_NAMED]):
        told += [", " if index else ": ", Value(name) if name else _PARENT, f" {len(drifted)}"]
    if len(counts) > _NAMED:
        told.append(f" and {len(counts) - _NAMED} more")
    if written := sum(one.touched for one in reality.differences):
        told.append(f"; {written} of them in what this release writes")
    yield Row(tuple(told))


def drift_rows(reality: Reality) -> Iterator[Row]:
    """Yield what differs, child by child."""
    for name, drifted in reality.counts:
        yield Row((Value(name) if name else _PARENT, f": {times(len(drifted), 'difference')}"))
        yield from (Row(tuple(_difference(one)), 1) for one in drifted)
    yield from (Row((Value(note),)) for note in reality.notes)


def _difference(one: Drifted) -> Iterator[Piece]:
    yield Value(one.place)
    if one.field:
        yield " "
        yield Value(one.field)
    match one.what:
        case What.MISSING:
            yield " is not there"
        case What.UNDECLARED:
            yield " is declared by nobody"
        case _ if one.secret:
            yield " differs; what may be secret is not shown"
        case What.REMOVED:
            yield " is gone, was "
            yield _value(one.declared)
        case What.ADDED:
            yield " was added: "
            yield _value(one.live)
        case _:
            yield ": "
            yield _value(one.declared)
            yield " → "
            yield _value(one.live)
    if one.by:
        yield ", by "
        yield Value(", ".join(one.by))
    if one.touched:
        yield "; this release writes it, too"


def _value(text: str | None) -> Piece:
    return Value(text) if text is not None else "nothing"


def waiting_fact(found: Foreseen) -> Iterator[Row]:
    """Yield the line that says how long it will probably take."""
    if found.waiting is None:
        return
    known = found.waiting
    parts = []
    if known.children or known.unmeasured:
        parts.append(_deployment(known))
    if known.asked:
        parts.append(_approvals(known.approvals))
    yield Row((f"waiting: {'; '.join(parts)}",))


def _deployment(known: Waiting) -> str:
    if known.deployment is None:
        return "how long it takes to deploy is not known, no record tells of what changes"
    least = "at least" if known.unmeasured else "about"
    took, samples = _span(known.deployment)
    return f"{least} {took} to deploy {samples}"


def _approvals(span: Span | None) -> str:
    if span is None:
        return "how long approvals take is not known, no approved release is on record"
    if not span.enough:
        return f"approvals took {' '.join(_span(span))}"
    extremes = f"({duration(span.low)} to {duration(span.high)})"
    return f"approvals took {duration(span.seconds)} in the median of the last {span.samples} releases {extremes}"


def _span(span: Span) -> tuple[str, str]:
    """Return how long, and how well that is known; too few samples make no range, and that is said."""
    samples = times(span.samples, "sample")
    if not span.enough:
        return duration(span.seconds), f"({samples}, too few for a range)"
    return duration(span.seconds), f"({duration(span.low)} to {duration(span.high)}, {samples})"


def waiting_rows(known: Waiting) -> Iterator[Row]:
    """Yield what the estimate is made of."""
    if len(known.path) > 1:
        yield Row(("the longest path: ", Value(" → ".join(known.path))))
    for name, span in known.children:
        yield Row((Value(name), f": {' '.join(_span(span))}"))
    for name in known.unmeasured:
        yield Row((Value(name), ": never measured"))
    if known.asked:
        yield Row((_approvals(known.approvals),))
