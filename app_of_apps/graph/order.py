"""Order children so that each comes after everything it depends on.

Edges point from a child to what it needs: ``edges["api"] == ("migration",)``. Everything here is deterministic and
independent of the order in which the edges are given, so that two runs over the same files print the same plan.
The standard library's ``graphlib`` promises no order among independent nodes, and its cycle report depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Plan:
    """The children of a release in the order in which they may start.

    ``order`` is ``waves`` laid end to end; a wave holds the children whose longest chain of dependencies has the same
    length, sorted by name. ``needs`` is the transitive closure of ``edges``: everything that must be healthy before the
    child is touched, in the plan's order.
    """

    order: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...]
    needs: Mapping[str, tuple[str, ...]]
    edges: Mapping[str, tuple[str, ...]]

    def dependents(self, name: str) -> tuple[str, ...]:
        """Return every child that waits for ``name``, directly or not, in the plan's order."""
        return tuple(child for child in self.order if name in self.needs[child])


def find_cycle(edges: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Return one cycle as the path along its edges, the first name repeated at the end, or None.

    ``("a", "b", "a")`` reads "a needs b needs a". Names that have no entry of their own are taken to need nothing.
    Takes O(nodes + edges) apart from sorting; no recursion, so depth is no limit.
    """
    done: set[str] = set()
    for start in sorted(edges):
        if start in done:
            continue
        path = [start]
        on_path = {start}
        stack = [iter(sorted(set(edges[start])))]
        while stack:
            needed = next(stack[-1], None)
            if needed is None:
                stack.pop()
                left = path.pop()
                on_path.discard(left)
                done.add(left)
            elif needed in on_path:
                return _from_smallest(path[path.index(needed) :])
            elif needed not in done:
                path.append(needed)
                on_path.add(needed)
                stack.append(iter(sorted(set(edges.get(needed, ())))))
    return None


def _from_smallest(cycle: list[str]) -> tuple[str, ...]:
    """Turn a cycle so that it starts, and ends, at its smallest name."""
    start = cycle.index(min(cycle))
    turned = cycle[start:] + cycle[:start]
    return (*turned, turned[0])


def order(edges: Mapping[str, Sequence[str]]) -> Plan:
    """Lay out the nodes of ``edges`` in waves; each node needs nodes of earlier waves only.

    Takes O(nodes + edges) apart from sorting the names of a wave and writing out the closure.
    Raises ValueError when an edge leads to a name without an entry, or when there is a cycle (the path is named);
    the manifest's loader reports both with their position before this is reached.
    """
    direct = {name: tuple(sorted(set(needed))) for name, needed in edges.items()}
    waiting = {name: len(needed) for name, needed in direct.items()}
    dependents: dict[str, list[str]] = {name: [] for name in direct}
    for name, needed in direct.items():
        for other in needed:
            if other not in dependents:
                msg = f"{name} depends on {other}, which does not exist"
                raise ValueError(msg)
            dependents[other].append(name)

    waves: list[tuple[str, ...]] = []
    ready = sorted(name for name, count in waiting.items() if count == 0)
    while ready:
        waves.append(tuple(ready))
        following: list[str] = []
        for name in ready:
            for dependent in dependents[name]:
                waiting[dependent] -= 1
                if waiting[dependent] == 0:
                    following.append(dependent)
        ready = sorted(following)

    placed = tuple(name for wave in waves for name in wave)
    if len(placed) < len(direct):
        cycle = find_cycle(direct) or ()
        msg = "the children depend on each other in a circle: " + " → ".join(cycle)
        raise ValueError(msg)
    return Plan(
        order=placed,
        waves=tuple(waves),
        needs=_closure(placed, direct),
        edges={name: direct[name] for name in placed},
    )


def _closure(placed: tuple[str, ...], direct: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return what each node needs, transitively, in the order of ``placed``.

    Sets of nodes are the bits of one integer each: a wide graph of 500 children stays well under a millisecond a node.
    """
    index = {name: position for position, name in enumerate(placed)}
    bits: list[int] = []
    needs: dict[str, tuple[str, ...]] = {}
    for name in placed:
        mask = 0
        for other in direct[name]:
            mask |= bits[index[other]] | (1 << index[other])
        bits.append(mask)
        members: list[str] = []
        while mask:
            lowest = mask & -mask
            members.append(placed[lowest.bit_length() - 1])
            mask ^= lowest
        needs[name] = tuple(members)
    return needs
