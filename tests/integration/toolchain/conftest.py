from __future__ import annotations

import pytest

import toolchain


@pytest.fixture(scope="session")
def tools() -> toolchain.Toolchain:
    """Everything, built if it is not there yet."""
    return toolchain.ensure()
