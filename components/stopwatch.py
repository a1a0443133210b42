"""Measures how long each child took, from when all that it needs was healthy to when it was healthy itself.

The program is the one place that knows it whichever way the engine was started. A resource's URN is known when the
engine is done with it, its wait included.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.chart_app import CHART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_DECIMALS: Final = 1


class Stopwatch:
    """Knows when the children of one run were done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to measure; ``clock`` counts seconds."""
        self._clock = clock
        self._began = clock()
        self._needs: Mapping[str, Sequence[str]] = {}
        self._ended: dict[str, float] = {}
        self._parents: list[tuple[pulumi.Resource, pulumi.Resource | None]] = []

    def see(self, given: pulumi.ResourceTransformationArgs) -> None:
        """Be the transformation by which every resource below the parent is seen; changes nothing."""
        self._parents.append((given.resource, given.opts.parent))

    def follow(
        self,
        children: Mapping[str, pulumi.Resource],
        needs: Mapping[str, Sequence[str]],
        settled: Mapping[str, Iterable[pulumi.Output[Any]]],
    ) -> None:
        """Note when each child is done: all its resources, and what else says that it is healthy (``settled``).

        ``needs`` is everything that a child waits for, directly or not.
        """
        self._needs = needs
        owners: dict[pulumi.Resource, str] = {resource: name for name, resource in children.items()}
        made: dict[str, list[pulumi.Output[Any]]] = {name: list(settled.get(name, ())) for name in children}
        for resource, parent in self._parents:  # parents come before what is below them
            name = owners.get(parent) if parent is not None else None
            if name is not None:
                owners[resource] = name
                if isinstance(resource, pulumi.CustomResource) or resource.pulumi_resource_type == CHART:
                    made[name].append(resource.urn)
        for name, outputs in made.items():
            pulumi.Output.all(*outputs).apply(partial(self._done, name))

    def seconds(self) -> dict[str, float]:
        """Return child → how long it took; children that are not done are left out."""
        found = {}
        for name, ended in self._ended.items():
            began = max((self._ended[need] for need in self._needs[name] if need in self._ended), default=self._began)
            found[name] = round(max(ended - began, 0.0), _DECIMALS)
        return dict(sorted(found.items()))

    def _done(self, name: str, _: object) -> None:
        self._ended.setdefault(name, self._clock())
