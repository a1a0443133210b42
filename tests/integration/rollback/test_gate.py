"""A rollback in an environment that asks for approvals: what was approved once may come back, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.approval.gated import Gated
from tests.integration.program.world import worker

from .standing import last_children, tell

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

REFUSED = 3
GATES = {"approvals": {"required": 1, "groups": ["platform-admins", "team-platform", "team-storefront"]}}


def approved_up(world: Gated) -> None:
    """Commit what the files say, have it approved, and deploy it."""
    world.commit()
    signed = world.approves("dora")
    assert signed.code == 0, signed.text
    done = world.program("up", "staging")
    assert done.code == 0, done.text


@pytest.fixture(scope="module")
def gated(box: Sandbox, area: Path) -> Gated:
    """Two releases, both approved and deployed."""
    world = Gated(box, area / "rollback" / "gated", "gatedback", {"api": worker()}, gates=GATES)
    world.commit()
    world.program("approvals", "staging", "--prepare")
    approved_up(world)
    world.versions = {"api": "2.0.0"}
    approved_up(world)
    return world


def test_what_was_approved_comes_back_and_nobody_has_to_agree_again(gated: Gated) -> None:
    done = gated.program("rollback", "staging", "--yes")
    assert done.code == 0, done.text
    tell("in a gated environment", done)
    assert last_children(gated) == {"api": "1.0.0"}
    records = [
        json.loads(one["data"]["record"])
        for one in gated.get("configmaps", "parent")
        if "record" in one.get("data", {})
    ]
    (began,) = [one for one in records if one["kind"] == "began" and one["operation"] == "rollback"]
    assert began["rollbackOf"] == 1
    assert began["approvals"] == []


def test_it_names_the_commands_that_make_the_working_tree_agree(gated: Gated) -> None:
    done = gated.program("rollback", "staging", "--to", "2", "--dry-run")
    assert done.code == 0, done.text
    assert "api 1.0.0 → 2.0.0 comes back" in done.stderr


def test_what_nobody_approved_does_not_slip_through_with_a_rollback(gated: Gated) -> None:
    """Settings come from the working tree, so a rollback with changed ones asks the gate."""
    file = gated.folder / "Pulumi.staging.yaml"
    before = file.read_text()
    assert "refreshAfter: 5s" in before
    file.write_text(before.replace("refreshAfter: 5s", "refreshAfter: 9s"))
    try:
        done = gated.program("rollback", "staging", "--to", "2", "--yes")
    finally:
        file.write_text(before)
    assert done.code == REFUSED, done.text
    assert {one.namespace for one in gated.writes(done)} <= {f"{gated.name}-parent"}
    assert last_children(gated) == {"api": "1.0.0"}
