"""What a look found wrong while a file was being written holds up nobody."""

from pathlib import Path

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.service.world import World
from tests.unit.service.conftest import copy_project


def test_files_that_were_met_half_written_are_read_again(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    world = World(project, every=60)
    file = project / "Pulumi.staging.yaml"
    text = file.read_text()
    file.write_text("")
    world._reload()  # the look that comes at the wrong moment
    assert [one.message for one in world.files.problems] == ["the file is empty"]
    with pytest.raises(InvalidInput, match="the file is empty"):
        world.valid()

    file.write_text(text)
    assert world.valid().problems == ()
    assert world.files.problems == ()


def test_a_folder_that_is_swapped_by_a_link_is_followed(tmp_path: Path) -> None:
    first, second = copy_project(tmp_path / "first"), copy_project(tmp_path / "second")
    link = tmp_path / "current"
    link.symlink_to(first)
    world = World(link, every=60)
    before, mark = world.release("staging"), world._stamp()
    file = second / "Pulumi.staging.yaml"
    file.write_text(file.read_text().replace("storefront: 3.1.0", "storefront: 3.2.0"))
    swapped = tmp_path / "next"
    swapped.symlink_to(second)
    swapped.replace(link)

    assert world._stamp() != mark
    assert world.release("staging") != before
    world._reload()
    assert world.files.project.releases["staging"].child("storefront").version == "3.2.0"
