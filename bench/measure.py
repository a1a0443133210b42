"""Timing and the arithmetic over timings."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what we took, what the baseline took, and what was promised."""

    name: str
    seconds: float
    runs: int
    baseline: str = ""
    """What the time is compared with; empty when there is nothing to compare with."""
    baseline_seconds: float | None = None
    limit: str = ""
    """The promise in words, such as `≤ 1.2×`; empty when there is none."""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline's time ours is."""
        return self.seconds / self.baseline_seconds if self.baseline_seconds else None


@dataclass(slots=True)
class Result:
    """What one measurement found: rows for the table, and what has to be said about them."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def best_of(runs: int, *actions: Callable[[], object], before: Callable[[], object] | None = None) -> tuple[float, ...]:
    """The least seconds of each action over `runs` rounds; in a round the actions take turns.

    Taking turns spreads whatever else the machine does over all of them; the minimum is what is least disturbed.
    `before` runs before each action, outside its time.
    """
    best = [math.inf] * len(actions)
    for _ in range(runs):
        for index, action in enumerate(actions):
            if before is not None:
                before()
            best[index] = min(best[index], timed(action))
    return tuple(best)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The b of ``seconds = a * sizes ** b`` by least squares over the logarithms: 1 is linear, 2 quadratic."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    x_mean, y_mean = _mean(xs), _mean(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return sum(every) / len(every)
