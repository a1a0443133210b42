"""Compares what a preview foretold with what the engine did, resource by resource. Pure.

What is compared is the operation and the names of the properties that differ. Whether something became healthy is no
part of a prediction: a step that failed counts neither for it nor against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.events import Family, Step
from app_of_apps.deploy.prediction import CONFIDENCES, OPS, resource_id, without_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.deploy.events import Event
    from app_of_apps.deploy.prediction import Foretold, Op, Prediction

_COMPARED: Final = frozenset({"update", "replace"})
_MOST: Final = 50
"""Resources that are named, and properties of each."""
_FIELDS: Final = 8
_LONGEST: Final = 200


class What(StrEnum):
    """In which way something went otherwise."""

    OTHER_OP = "other operation"
    FIELDS = "other properties"
    STAYED = "did not happen"
    UNFORETOLD = "not predicted"


@dataclass(frozen=True, slots=True)
class Miss:
    """One resource that went otherwise."""

    what: What
    id: str
    child: str | None
    confidence: str | None
    """None of what was not predicted."""
    foretold: str | None
    """The operation, None where nothing was to be done."""
    happened: str | None
    more: tuple[str, ...] = ()
    """Properties that differed and were not named."""
    less: tuple[str, ...] = ()
    """Properties that were named and did not differ."""

    def __str__(self) -> str:
        """Write it in words, without its child."""
        how = f" ({self.confidence})" if self.confidence else ""
        fields = [f"+ {one}" for one in self.more] + [f"- {one}" for one in self.less]
        match self.what:
            case What.OTHER_OP:
                return f"{self.id}: {self.foretold} was predicted{how}, {self.happened} happened"
            case What.STAYED:
                return f"{self.id}: {self.foretold} was predicted{how} and did not happen"
            case What.UNFORETOLD:
                return f"{self.id}: {self.happened} happened and was not predicted"
            case What.FIELDS:
                return f"{self.id}: {self.happened} as predicted{how}, of other properties: {', '.join(fields)}"


@dataclass(frozen=True, slots=True)
class Count:
    """How the predictions of one confidence went."""

    right: int = 0
    wrong: int = 0
    failed: int = 0
    """The step was begun as predicted, and failed."""
    unreached: int = 0
    """The update ended before."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one prediction."""

    preview: str
    """Digest of the preview."""
    foretold_on: str | None
    """Name of the record that the preview was made on top of; None where nothing stood."""
    base: str | None
    """The same of the update."""
    ok: bool
    """Whether the update succeeded."""
    counts: Mapping[str, Count]
    """Confidence → how it went; those that occur."""
    misses: tuple[Miss, ...] = ()
    """At most 50, sorted."""
    unforetold: int = 0
    """How many of the resources that went otherwise were not predicted."""
    unnamed: int = 0
    """How many went otherwise beside ``misses``."""

    @property
    def stale(self) -> bool:
        """Whether something else stood when it was deployed, so that it says nothing about how well previews are."""
        return self.foretold_on != self.base

    @property
    def right(self) -> int:
        """How many went as predicted."""
        return sum(one.right for one in self.counts.values())

    @property
    def wrong(self) -> int:
        """How many went otherwise, what was not predicted included."""
        return sum(one.wrong for one in self.counts.values()) + self.unforetold

    def shape(self) -> dict[str, Any]:
        """Return it as plain data for a record."""
        return {
            "preview": self.preview,
            "foretoldOn": self.foretold_on,
            "base": self.base,
            "ok": self.ok,
            "counts": {
                word: {"right": one.right, "wrong": one.wrong, "failed": one.failed, "unreached": one.unreached}
                for word, one in self.counts.items()
            },
            "unforetold": self.unforetold,
            "misses": [_miss_shape(one) for one in self.misses],
            "unnamed": self.unnamed,
        }


@dataclass(slots=True)
class Taken:
    """Takes the events of an update, in the order in which they come, and keeps what was done to each resource."""

    _ops: dict[str, Op] = field(default_factory=dict)
    _fields: dict[str, set[str]] = field(default_factory=dict)
    _urns: dict[str, str] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _family: Family = field(default_factory=Family)

    def take(self, event: Event) -> None:
        """Take one event."""
        if not isinstance(event, Step) or event.planning:
            return
        self._family.learn(event)
        op = OPS.get(event.op)
        if op is None or not event.custom or event.type.startswith("pulumi:"):
            return
        key = resource_id(event.type, event.name)
        if event.phase == "failed":
            self._failed.add(key)
        elif event.phase == "begun":
            self._ops.setdefault(key, op)
            self._fields.setdefault(key, set()).update(event.diffs)
            self._urns[key] = event.urn

    @property
    def steps(self) -> Mapping[str, Op]:
        """Resource → what was done to it."""
        return self._ops

    def fields(self, key: str) -> tuple[str, ...]:
        """Return the properties that differed."""
        return without_marks(self._fields.get(key, ()))

    def child(self, key: str) -> str | None:
        """Return the child whose resource it is."""
        return self._family.child(self._urns[key])

    def failed(self, key: str) -> bool:
        """Whether a step on it failed."""
        return key in self._failed


def compare(prediction: Prediction, taken: Taken, base: str | None, *, ok: bool) -> Comparison:
    """Return what became of a prediction in an update on top of the record ``base`` that has ended."""
    tally = {word: {"right": 0, "wrong": 0, "failed": 0, "unreached": 0} for word in CONFIDENCES}
    misses: list[Miss] = []
    known = {one.id for one in prediction.resources}
    for one in prediction.resources:
        verdict = _verdict(one, taken, ok=ok)
        word = verdict if isinstance(verdict, str) else "wrong"
        tally[one.confidence][word] += 1
        if isinstance(verdict, Miss):
            misses.append(verdict)
    unforetold = [
        Miss(What.UNFORETOLD, _cut(key), taken.child(key), None, None, op)
        for key, op in taken.steps.items()
        if key not in known
    ]
    every = sorted([*misses, *unforetold], key=lambda miss: (miss.child or "", miss.id, miss.what))
    return Comparison(
        preview=prediction.digest,
        foretold_on=prediction.base,
        base=base,
        ok=ok,
        counts={word: Count(**counted) for word, counted in tally.items() if any(counted.values())},
        misses=tuple(every[:_MOST]),
        unforetold=len(unforetold),
        unnamed=len(every[_MOST:]),
    )


def _verdict(one: Foretold, taken: Taken, *, ok: bool) -> Miss | str:
    happened = taken.steps.get(one.id)
    if happened is None:
        return Miss(What.STAYED, _cut(one.id), one.child, one.confidence, one.op, None) if ok else "unreached"
    if happened != one.op:
        return Miss(What.OTHER_OP, _cut(one.id), one.child, one.confidence, one.op, happened)
    foretold, differed = set(one.fields), set(taken.fields(one.id))
    if one.op in _COMPARED and foretold != differed:
        more, less = (tuple(map(_cut, sorted(each)[:_FIELDS])) for each in (differed - foretold, foretold - differed))
        return Miss(What.FIELDS, _cut(one.id), one.child, one.confidence, one.op, happened, more, less)
    return "failed" if taken.failed(one.id) else "right"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _miss_shape(one: Miss) -> dict[str, Any]:
    return {
        "what": str(one.what),
        "id": one.id,
        "child": one.child,
        "confidence": one.confidence,
        "foretold": one.foretold,
        "happened": one.happened,
        "more": list(one.more),
        "less": list(one.less),
    }


def comparison_of(shape: Any) -> Comparison | None:  # noqa: ANN401 - JSON of a record
    """Return what a record keeps; None for anything else."""
    try:
        return Comparison(
            preview=str(shape["preview"]),
            foretold_on=_name(shape["foretoldOn"]),
            base=_name(shape["base"]),
            ok=bool(shape["ok"]),
            counts=dict(_counts(shape["counts"])),
            misses=tuple(_misses(shape["misses"])),
            unforetold=int(shape["unforetold"]),
            unnamed=int(shape["unnamed"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _name(value: object) -> str | None:
    return None if value is None else str(value)


def _counts(shape: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Count]]:
    for word in CONFIDENCES:
        if word in shape:
            yield word, Count(*(int(shape[word][key]) for key in ("right", "wrong", "failed", "unreached")))


def _misses(shape: list[Mapping[str, Any]]) -> Iterator[Miss]:
    for one in shape:
        child, confidence, foretold, happened = (
            _name(one[key]) for key in ("child", "confidence", "foretold", "happened")
        )
        more, less = (tuple(map(str, one[key])) for key in ("more", "less"))
        yield Miss(What(one["what"]), str(one["id"]), child, confidence, foretold, happened, more, less)
