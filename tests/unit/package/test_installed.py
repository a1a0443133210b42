"""The wheel in an environment of its own: what a team that installs the package gets, outside of any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from app_of_apps import __version__

CHECKOUT = Path(__file__).resolve().parents[3]
SOURCES = ("app_of_apps", "components", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
PROGRAM = """\
import asyncio
import json
import sys
from pathlib import Path

import pulumi

asyncio.set_event_loop(asyncio.new_event_loop())


class Mocks(pulumi.runtime.Mocks):
    declared = []

    def new_resource(self, args):
        self.declared.append(args.typ)
        return f"{args.name}-id", args.inputs

    def call(self, args):
        raise AssertionError(args.token)


pulumi.runtime.set_mocks(Mocks(), project="hello", stack="staging")

import app_of_apps
import components
from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve
from components.parent_app import ParentApp, ParentAppArgs
from components.providers import declare_providers


@pulumi.runtime.test
def declare():
    release = resolve(load_manifest(Path("parent.yaml")), load_environment("staging", Path()))
    providers = declare_providers(release.cluster, None)
    parent = ParentApp("hello", ParentAppArgs(release, release_objects(release), plan(release), providers))
    return pulumi.Output.all(*(child.urn for child in parent.children.values()))


declare()
print(json.dumps({
    "places": [app_of_apps.__file__, components.__file__],
    "declared": sorted(one.rpartition(":")[2] for one in Mocks.declared),
}))
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and a project far from the checkout."""

    wheel: Path
    folder: Path
    project: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the project, with nothing of this process's Python."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=self.project,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    area = tmp_path_factory.mktemp("installed")
    # A copy, because setuptools leaves its files beside what it builds and takes along what an earlier build has left.
    copy = area / "sources"
    copy.mkdir()
    for name in SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(area), str(copy)]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    (wheel,) = area.glob("*.whl")
    folder = area / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    into = ["--python", str(folder / "bin/python"), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *into], check=True, capture_output=True)
    # What the package needs is that of the environment of the tests: a path in a .pth brings the packages that lie
    # there, and not the .pth files, by which the checkout itself is installed.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "needs.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    project = area / "project"
    shutil.copytree(CHECKOUT / "examples/minimal", project)
    (project / "program.py").write_text(PROGRAM)
    return Installed(wheel, folder, project)


def test_the_wheel_has_both_packages_with_their_types_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    assert {name.partition("/")[0] for name in names} == {
        "app_of_apps",
        "components",
        f"app_of_apps-{__version__}.dist-info",
    }
    assert {"app_of_apps/py.typed", "components/py.typed"} <= names


def test_every_file_of_the_packages_is_in_the_wheel(installed: Installed) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "app_of_apps", "components"]
    said = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split()
    with zipfile.ZipFile(installed.wheel) as wheel:
        missing = {name for name in said if (CHECKOUT / name).exists()} - set(wheel.namelist())
    assert missing == set()


def test_the_wheel_asks_for_the_versions_that_are_tested(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        metadata = wheel.read(f"app_of_apps-{__version__}.dist-info/METADATA").decode()
    asked = {line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")}
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    assert asked == {line for line in lines if line and not line.startswith("#")}


def test_the_command_of_the_package_tells_its_version_and_validates(installed: Installed) -> None:
    told = installed.run("aoa", "--version")
    assert (told.returncode, told.stdout.splitlines()[0]) == (0, f"aoa {__version__}")
    told = installed.run("aoa", "validate")
    assert (told.returncode, told.stderr) == (0, "")
    assert "1 child of 1 team, valid" in told.stdout


def test_a_program_outside_of_the_checkout_declares_a_parent(installed: Installed) -> None:
    told = installed.run("python", "program.py")
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert all(Path(place).is_relative_to(installed.folder) for place in said["places"])
    assert {"ParentApp", "ServiceApp", "Deployment", "Namespace"} <= set(said["declared"])


def test_the_engine_finds_the_component_provider_beside_the_command(installed: Installed) -> None:
    assert os.access(installed.folder / "bin/pulumi-resource-aoa", os.X_OK)
