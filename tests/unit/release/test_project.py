"""All environments of a project come in the order of promotion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.release.project import chosen_settings, load_what_is_right, load_world, upwards
from tests.example import copy_example
from tests.unit.release.world import environment


def ordered(**sources: str | None) -> list[str]:
    made = {
        name: environment(name, **({} if source is None else {"promotion": {"from": source}})).settings
        for name, source in sources.items()
    }
    return upwards(made)


def test_each_stands_above_the_one_that_its_versions_come_from() -> None:
    assert ordered(dev=None, prod="staging", staging="dev") == ["dev", "staging", "prod"]
    assert ordered(prod=None, staging=None) == ["prod", "staging"], "as they were where nothing is promoted"
    chains = {"a-eu": "z-eu", "a-us": "z-us", "z-eu": None, "z-us": None}
    assert ordered(**chains) == ["z-eu", "z-us", "a-eu", "a-us"]


def test_what_is_promoted_in_a_circle_or_from_nowhere_has_an_order_too() -> None:
    assert ordered(a="b", b="a", c=None, d="d", e="gone") == ["c", "e", "d", "a", "b"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_example(tmp_path)


def test_a_project_is_loaded_in_that_order_unless_names_are_given(project: Path) -> None:
    world = load_world(project, None)
    assert list(world.releases) == list(world.settings) == list(world.environments) == ["staging", "prod"]
    assert list(load_world(project, ["prod", "staging"]).releases) == ["prod", "staging"]


def test_what_is_wrong_is_told_in_the_order_of_the_files(project: Path) -> None:
    for name in ("staging", "prod"):
        file = project / f"Pulumi.{name}.yaml"
        file.write_text(re.sub(r"catalog: [\d.]+\n", "catalog: [1]\n", file.read_text(), count=1))
    world, problems = load_what_is_right(project, None)
    assert world is not None
    assert not world.releases
    assert [Path(one.position.file).name for one in problems] == ["Pulumi.prod.yaml", "Pulumi.staging.yaml"]
    with pytest.raises(InvalidInput):
        load_world(project, None)


def test_settings_come_in_that_order_too(project: Path) -> None:
    assert list(chosen_settings(project, None)) == ["staging", "prod"]
    assert list(chosen_settings(project, ["prod", "staging"])) == ["prod", "staging"]
    with pytest.raises(InvalidInput, match="Did you mean prod"):
        chosen_settings(project, ["prodd"])
