"""The template that `pulumi new` copies; tests/integration/package has it copied by the real one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from app_of_apps import __version__
from app_of_apps.cli.main import run
from app_of_apps.environment.load import environments

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).resolve().parents[3] / "templates/smallest-parent"
VALUES = {"${PROJECT}": "hello", "${DESCRIPTION}": '"A: and, b"'}


def files() -> Iterator[Path]:
    return (file for file in TEMPLATE.rglob("*") if file.is_file())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The template with its values, each followed by a line's end as `pulumi new` has it in YAML."""
    for file in files():
        text = file.read_text()
        for name, value in VALUES.items():
            text = text.replace(name, f"{value}\n" if file.suffix == ".yaml" else value)
        target = tmp_path / file.relative_to(TEMPLATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path


def test_a_project_from_the_template_is_valid(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert environments(project) == ("staging",)
    assert run(["validate"]) == 0


def test_the_template_describes_itself_and_says_what_comes_next() -> None:
    described = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())["template"]
    assert set(described) == {"displayName", "description", "quickstart"}
    assert "aoa validate" in described["quickstart"]


def test_the_package_is_named_by_its_file_and_by_nothing_that_an_index_could_answer() -> None:
    lines = (TEMPLATE / "requirements.txt").read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert asked == [f"./wheels/app_of_apps-{__version__}-py3-none-any.whl"]


def test_the_program_is_the_one_of_every_parent() -> None:
    assert (TEMPLATE / "__main__.py").read_text() == (TEMPLATE.parents[1] / "__main__.py").read_text()


def test_nothing_else_is_left_for_pulumi_new_to_fill_in() -> None:
    for file in files():
        assert set(re.findall(r"\$\{[^}]*\}", file.read_text())) <= set(VALUES), file
