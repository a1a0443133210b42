from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.guard.lane import Lane
from tests.integration.program.world import run

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox


@pytest.fixture(scope="module")
def project(box: Sandbox, area: Path) -> Lane:
    """A project with the stack ``staging`` and the secret that its child refers to."""
    lane = Lane(box, area / "guard" / "project", area / "guard" / "state")
    lane.folder.mkdir(parents=True)
    lane.reset()
    lane.write()
    for env in lane.environments:
        box.put_secret(env, "lane/api", {"token": "value"})
        (lane.folder / f"Pulumi.{env}.yaml").unlink()
    init = ["pulumi", "stack", "init", "staging", "--secrets-provider", "hashivault://pulumi-staging", "--no-select"]
    made = run([*init, "--non-interactive"], cwd=lane.folder, environ=lane.environ)
    assert made.code == 0, made.text
    lane.keys = (lane.folder / "Pulumi.staging.yaml").read_text()
    return lane


@pytest.fixture
def lane(project: Lane) -> Lane:
    """The project with everything as it should be."""
    project.reset()
    project.write()
    return project
