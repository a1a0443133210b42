"""Every example is a working project: valid, resolvable, renderable, and in nobody's way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app_of_apps.cli.main import run
from app_of_apps.environment.load import environments, load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(file.parent for file in CHECKOUT.glob("examples/*/parent.yaml"))
PROJECTS = [CHECKOUT, *EXAMPLES]

projects = pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name if path != CHECKOUT else "shop")


def test_there_is_a_smallest_example_and_one_that_wraps_what_exists() -> None:
    assert [example.name for example in EXAMPLES] == ["minimal", "wrap-existing"]


@projects
def test_an_example_is_valid_for_each_of_its_environments(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert environments(project)
    assert run(["validate"]) == 0


@projects
def test_every_child_of_an_example_declares_something_in_its_own_namespace(project: Path) -> None:
    manifest = load_manifest(project / "parent.yaml")
    for name in environments(project):
        release = resolve(manifest, load_environment(name, project))
        rendered = {each.child: each for each in release_objects(release)}
        assert set(rendered) == set(manifest.children)
        for child, objects in rendered.items():
            namespace = f"{manifest.parent.name}-{child}"
            bodies = [item.manifest for item in objects.kubernetes] + list(objects.documents)
            assert bodies or objects.chart
            for body in bodies:
                places = {body["metadata"].get("namespace"), body["metadata"]["name"]}
                assert namespace in places, f"{body['kind']} {body['metadata']['name']} of {child}"


def test_parents_and_pulumi_projects_have_names_of_their_own() -> None:
    parents = [load_manifest(project / "parent.yaml").parent.name for project in PROJECTS]
    names = [yaml.safe_load((project / "Pulumi.yaml").read_text())["name"] for project in PROJECTS]
    assert len(set(parents)) == len(set(names)) == len(PROJECTS)
    # `<parent>-` begins the namespaces of one parent and of no other.
    assert not [(a, b) for a in parents for b in parents if a != b and f"{a}-".startswith(f"{b}-")]


def test_the_wrapped_things_come_before_the_service_that_needs_them() -> None:
    project = CHECKOUT / "examples/wrap-existing"
    release = resolve(load_manifest(project / "parent.yaml"), load_environment("staging", project))
    assert plan(release).waves == (("broker",), ("reports",), ("gateway",))


def test_the_wrapped_chart_gets_its_version_from_the_environment() -> None:
    project = CHECKOUT / "examples/wrap-existing"
    release = resolve(load_manifest(project / "parent.yaml"), load_environment("staging", project))
    assert release.child("reports").values["image"] == {"tag": "4.2.0"}


@projects
def test_files_of_an_example_name_their_schema(project: Path) -> None:
    files = [project / "parent.yaml", *project.glob("apps/*.yaml"), *project.glob("Pulumi.*.yaml")]
    for file in files:
        found = re.match(r"# yaml-language-server: \$schema=(\S+)", file.read_text())
        assert found, f"{file} has no modeline"
        assert (file.parent / found[1]).resolve().is_file(), f"{file} names {found[1]}"


def test_running_an_unknown_example_says_which_there_are() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "examples", "maximal", "up"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "minimal | wrap-existing" in ended.stderr


def test_an_example_is_validated_in_its_folder() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "examples", "minimal", "validate"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
