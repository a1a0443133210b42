from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.integration.program.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox import Sandbox

    MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def make_world(box: Sandbox, area: Path) -> MakeWorld:
    """Return the maker of parents; each gets a project folder and a stack of its own."""
    numbers = itertools.count(1)

    def make(name: str, children: dict, **more: object) -> World:
        return World(box, area / "release" / f"{next(numbers)}-{name}", name, children, **more)

    return make
