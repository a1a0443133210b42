"""The graph in every format, against golden files; ``AOA_UPDATE_GOLDEN=1`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app_of_apps.cli.graph_formats import FORMATS, graph_of
from tests.unit.deploy.lab import shop
from tests.unit.release.world import manifest

GOLDEN = Path(__file__).parent / "golden"


def graph(*, environment: bool = True):
    release = shop()
    teams = {team: {"contact": f"#team-{team}"} for team in ("storefront", "orders", "platform")}
    made = manifest(*(child.spec for child in release.children), teams=teams)
    # The digest changes with the model of a release; the picture does not depend on it.
    return graph_of(made, release.model_copy(update={"digest": "sha256:0"}) if environment else None)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_graph_is_drawn_as_before(name):
    drawn, file = FORMATS[name](graph()) + "\n", GOLDEN / f"graph.{name}"
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        file.write_text(drawn)
    assert drawn == file.read_text()


def test_without_an_environment_there_are_no_versions():
    assert "2.9.0" not in FORMATS["tree"](graph(environment=False))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_parent_without_edges_can_be_drawn(name, project, aoa):
    (project / "parent.yaml").write_text(
        (project / "parent.yaml").read_text().replace("apps/api.yaml, apps/site.yaml", "")
    )
    (project / "apps/db.yaml").write_text((project / "apps/db.yaml").read_text().replace("versionFrom: api\n", ""))
    assert "db" in aoa("graph", "--format", name).out


def test_an_unknown_format_names_the_known_ones(aoa):
    result = aoa("graph", "--format", "png")
    assert result.code == 2
    assert "mermaid" in result.err
