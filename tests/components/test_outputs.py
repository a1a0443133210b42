"""No child can take the place of the stack's own output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app_of_apps.errors import InvalidInput
from tests.components.shop import child, release, shop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("name", "why"), [("status", "output of all children"), ("parent", "release records live")])
def test_a_name_that_the_parent_needs_is_refused(tmp_path: Path, name: str, why: str) -> None:
    world = shop()
    world.children[name] = child(name, "worker")
    world.environment["versions"][name] = "1.0.0"
    with pytest.raises(InvalidInput, match=why):
        release(tmp_path, world)
