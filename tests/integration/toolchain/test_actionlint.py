"""The workflow files as GitHub would read them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox.layout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from toolchain import Toolchain

pytestmark = pytest.mark.integration


def lint(tools: Toolchain, *files: Path) -> subprocess.CompletedProcess[str]:
    # Without the shell and Python linters that may be on PATH: the result is the same everywhere.
    command = [str(tools.bin_dir / "actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_the_workflow_files_have_nothing_that_actionlint_objects_to(tools: Toolchain, tmp_path: Path) -> None:
    # Where users put them: callers beside what they call.
    place = tmp_path / ".github/workflows"
    place.mkdir(parents=True)
    for folder in (".github/workflows", "examples/pipelines/github"):
        for file in (CHECKOUT / folder).glob("*.yml"):
            (place / file.name).write_text(file.read_text())
    (tmp_path / ".git").mkdir()
    done = lint(tools, *sorted(place.glob("*.yml")))
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_finds_what_is_wrong(tools: Toolchain, tmp_path: Path) -> None:
    text = (CHECKOUT / ".github/workflows/aoa-up.yml").read_text()
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace("${{ inputs.environment }}", "${{ inputs.nowhere }}"))
    done = lint(tools, broken)
    assert done.returncode == 1
    assert 'property "nowhere" is not defined' in done.stdout
