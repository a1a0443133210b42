from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.approval.gated import Gated
from tests.integration.program.world import worker

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

GROUPS = ["platform-admins", "team-platform", "team-storefront"]


@pytest.fixture(scope="session")
def lived(box: Sandbox, area: Path) -> Gated:
    """A parent with a past: released with cleo's consent, a hotfix refused, then released with dora's."""
    gates = {"approvals": {"required": 1, "groups": GROUPS}}
    world = Gated(box, area / "evidence" / "lived", "lived", {"api": worker(), "mail": worker()}, gates=gates)
    world.commit()
    assert world.program("approvals", "staging", "--prepare").code == 1
    for version, author, approver in (("1.0.0", "ada", "cleo"), ("1.0.1-hotfix", "ben", "dora")):
        world.versions["api"] = version
        world.commit(f"{author}@shop.example.com")
        refused = world.program("up", "staging")
        assert refused.code == 3, refused.text
        given = world.approves(approver)
        assert given.code == 0, given.text
        done = world.program("up", "staging")
        assert done.code == 0, done.text
    return world
