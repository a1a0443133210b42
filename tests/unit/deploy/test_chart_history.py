from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from app_of_apps.deploy.chart_history import chart_folders
from app_of_apps.errors import Refused
from app_of_apps.manifest.chart import chart_digest
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import Chart, child, environment, manifest

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.release.model import Release


def commit(project: Path, content: str) -> str:
    """Write the chart, commit it, and return the commit."""
    (project / "charts/x/templates").mkdir(parents=True, exist_ok=True)
    (project / "charts/x/Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n")
    (project / "charts/x/templates/a.yaml").write_text(content)
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["add", "--all", "."], [*who, "commit", "-q", "--allow-empty", "-m", content]):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def release(project: Path) -> Release:
    """The release of the working tree as it is."""
    chart = Chart(path="charts/x", digest=chart_digest(project / "charts/x"))
    made = manifest(child(type="chart", name="queue"), charts={"queue": chart})
    return resolve(made, environment())


def test_the_working_trees_chart_is_taken_where_it_is_the_releases_own(project: Path, tmp_path: Path) -> None:
    here = commit(project, "one")
    assert chart_folders(release(project), project, [here], tmp_path / "out") == {}
    assert not (tmp_path / "out").exists()


def test_an_older_chart_comes_from_the_commit_that_has_it(project: Path, tmp_path: Path) -> None:
    first, old = commit(project, "one"), release(project)
    second = commit(project, "two")
    found = chart_folders(old, project, ["0" * 40, second, first], tmp_path / "out")
    assert (found["queue"] / "templates/a.yaml").read_text() == "one"
    assert (project / "charts/x/templates/a.yaml").read_text() == "two"


def test_a_chart_that_no_commit_has_is_refused(project: Path, tmp_path: Path) -> None:
    commit(project, "one")
    (project / "charts/x/templates/a.yaml").write_text("deployed, and never committed")
    old = release(project)
    last = commit(project, "two")
    with pytest.raises(Refused, match=f"the chart of queue cannot come back[\\s\\S]*looked at: {last[:12]}"):
        chart_folders(old, project, [last], tmp_path / "out")
