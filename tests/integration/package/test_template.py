"""`pulumi new` makes a project from the template that is valid as it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.layout import CHECKOUT
from tests.integration.program.world import run

if TYPE_CHECKING:
    from pathlib import Path

    from toolchain import Toolchain

pytestmark = pytest.mark.integration

DESCRIPTION = "One: the first, and so far the only one"


@pytest.fixture(scope="module")
def tools() -> Toolchain:
    import toolchain

    return toolchain.ensure(["pulumi"])


def test_a_new_project_is_valid_as_it_is(tools: Toolchain, tmp_path: Path) -> None:
    template, folder = CHECKOUT / "templates/smallest-parent", tmp_path / "project"
    environ = {"PATH": str(tools.bin_dir), "HOME": str(tmp_path), "PULUMI_HOME": str(tmp_path / "home")}
    environ |= {"PULUMI_BACKEND_URL": f"file://{tmp_path}", "PULUMI_SKIP_UPDATE_CHECK": "1"}
    said = ["--name", "hello", "--description", DESCRIPTION, "--dir", str(folder)]
    made = run(
        ["pulumi", "new", str(template), "--generate-only", "--yes", *said, "--non-interactive"],
        cwd=tmp_path,
        environ=environ,
    )
    assert made.code == 0, made.text
    assert "aoa validate" in made.text
    told = run([sys.executable, "-m", "app_of_apps", "validate"], cwd=folder, environ={"PYTHONPATH": str(CHECKOUT)})
    assert (told.code, told.stderr) == (0, "")
    assert "hello: 1 child of 1 team, valid" in told.stdout
