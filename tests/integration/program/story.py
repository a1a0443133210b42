"""A deployment's life in steps that several tests look at; each step runs once, when a test first asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .world import World


class Story:
    """Steps in order. Asking for one runs those before it too, so that tests are independent of each other."""

    def __init__(self, world: World, *steps: Callable[[World], Any]) -> None:
        self.world = world
        self._steps = {step.__name__.lstrip("_"): step for step in steps}
        self._told: dict[str, Any] = {}
        self._failure: BaseException | None = None

    def step(self, name: str) -> Any:
        """Return what a step returned. When an earlier one has failed, so has every later one."""
        for known, run in self._steps.items():
            if known not in self._told:
                if self._failure is not None:
                    message = f"step {known} cannot run, because an earlier one has failed"
                    raise AssertionError(message) from self._failure
                try:
                    self._told[known] = run(self.world)
                except BaseException as failure:
                    self._failure = failure
                    raise
            if known == name:
                return self._told[known]
        raise KeyError(name)
