from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pair import Pair, StubRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox


@pytest.fixture(scope="module")
def registry() -> Iterator[StubRegistry]:
    stub = StubRegistry()
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def pair(box: Sandbox, area: Path, registry: StubRegistry) -> Pair:
    """A parent in staging and prod, in a repository of its own."""
    return Pair.make(box, area / "promotion", registry)
