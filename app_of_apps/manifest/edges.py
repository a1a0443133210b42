"""Cycles among the children, each as the whole path that leads back to where it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def cycles(edges: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return disjoint cycles as paths whose last name repeats the first; none exactly when the children can be ordered.

    ``edges`` goes from a child to those that it depends on. Names that are no keys are ignored.
    """
    left = {name: [needed for needed in needs if needed in edges] for name, needs in edges.items()}
    found: list[tuple[str, ...]] = []
    while True:
        _peel(left)
        if not left:
            return tuple(found)
        walk: dict[str, None] = {}
        name = next(iter(left))
        while name not in walk:
            walk[name] = None
            name = left[name][0]
        steps = list(walk)
        cycle = steps[steps.index(name) :]
        found.append((*cycle, name))
        for member in cycle:
            del left[member]
        for name, needs in left.items():
            left[name] = [needed for needed in needs if needed in left]


def _peel(left: dict[str, list[str]]) -> None:
    """Remove, again and again, every child that waits for nothing that is left."""
    dependents: dict[str, list[str]] = {}
    waiting = {name: len(needs) for name, needs in left.items()}
    for name, needs in left.items():
        for needed in needs:
            dependents.setdefault(needed, []).append(name)
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        done = ready.pop()
        del left[done]
        for name in dependents.get(done, ()):
            waiting[name] -= 1
            if waiting[name] == 0:
                ready.append(name)
    for name, needs in left.items():
        left[name] = [needed for needed in needs if needed in left]
