from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from .place import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox import Sandbox

    MakePlace = Callable[..., Place]


@pytest.fixture(scope="session")
def make_place(box: Sandbox, area: Path) -> MakePlace:
    """Return the maker of parents; each gets a project folder and a stack of its own."""
    numbers = itertools.count(1)

    def make(name: str, children: dict, **more: object) -> Place:
        return Place(box, area / "secrets" / f"{next(numbers)}-{name}", name, children, **more)

    return make
