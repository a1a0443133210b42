"""Reading the environment out of a stack file, and laying over it what only one sandbox knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app_of_apps.environment.load import environments, load_environment
from app_of_apps.errors import InvalidInput, Position

ROOT = Path(__file__).parents[3]
STACK = """\
secretsprovider: hashivault://state
encryptedkey: "dmF1bHQ6djE6"
config:
  kubernetes:context: no  # Pulumi's own business
  other:secret: {secure: "v1:x"}
  app-of-apps:environment:
    name: staging
    cluster: {context: staging}
    vault:
      mounts: {kv: kv-staging, jwt: jwt-staging}
    versions:
      api: 1.4.2
"""


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/Pulumi.staging.yaml").write_text(STACK, encoding="utf-8")
    return tmp_path / "project"


def _overlay(project: Path, data: Any) -> Path:
    folder = project.parent / "overlay"
    folder.mkdir(exist_ok=True)
    (folder / "staging.yaml").write_text(json.dumps(data, indent=2), encoding="utf-8")
    return folder


def test_the_environment_is_read_and_the_rest_left_alone(project: Path):
    loaded = load_environment("staging", project)
    assert loaded.settings.versions == {"api": "1.4.2"}
    assert loaded.positions.at(("versions", "api")) == Position(str(project / "Pulumi.staging.yaml"), 12, 12)
    assert loaded.positions.at(("versions", "web")) == Position(str(project / "Pulumi.staging.yaml"), 12, 7)


def test_the_environments_are_the_stack_files(project: Path):
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.Bad_Name.yaml", "Pulumi.eu-1.yaml", "Pulumi.x.yml"):
        (project / name).write_text("", encoding="utf-8")
    assert environments(project) == ("eu-1", "prod", "staging")
    assert {"prod", "staging"} <= set(environments(ROOT))


def test_an_overlay_adds_what_is_absent(project: Path):
    facts = {
        "cluster": {"context": "staging", "server": "https://127.0.0.1:6443"},
        "vault": {"address": "http://127.0.0.1:8200"},
    }
    loaded = load_environment("staging", project, _overlay(project, facts))
    assert loaded.settings.cluster.server == "https://127.0.0.1:6443"
    assert loaded.settings.vault.mounts.kv == "kv-staging"
    assert loaded.positions.at(("cluster", "server")).file.endswith("overlay/staging.yaml")
    assert loaded.positions.at(("cluster", "context")).file.endswith("Pulumi.staging.yaml")


def test_the_overlays_folder_comes_from_the_environment_of_the_process(project: Path, monkeypatch: pytest.MonkeyPatch):
    folder = _overlay(project, {"vault": {"address": "http://127.0.0.1:8200"}})
    monkeypatch.setenv("AOA_ENVIRONMENT_OVERLAY_DIR", str(folder))
    assert load_environment("staging", project).settings.vault.address == "http://127.0.0.1:8200"
    monkeypatch.setenv("AOA_ENVIRONMENT_OVERLAY_DIR", str(folder / "none"))
    assert load_environment("staging", project).settings.vault.address is None


@pytest.mark.parametrize(
    ("facts", "path"),
    [
        ({"cluster": {"context": "prod"}}, "cluster.context"),
        ({"versions": {"api": "9.9.9"}}, "versions.api"),
        ({"vault": {"mounts": {"kv": "kv-prod"}}}, "vault.mounts.kv"),
        ({"vault": "x"}, "vault"),
        ({"name": "prod"}, "name"),
    ],
)
def test_an_overlay_changes_nothing(facts: dict[str, Any], path: str, project: Path):
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", project, _overlay(project, facts))
    [problem] = caught.value.problems
    assert problem.path == path
    assert problem.position.file.endswith("overlay/staging.yaml")
    assert "Pulumi.staging.yaml:" in problem.message


def test_a_mistake_in_the_overlay_is_placed_there(project: Path):
    facts = {"cluster": {"uid": "x"}, "vault": {"adress": "http://127.0.0.1"}}
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", project, _overlay(project, facts))
    assert [(p.path, Path(p.position.file).parent.name) for p in caught.value.problems] == [
        ("cluster.uid", "overlay"),
        ("vault.adress", "overlay"),
    ]


def test_a_broken_overlay_is_an_error(project: Path):
    folder = _overlay(project, {})
    (folder / "staging.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"overlay/staging\.yaml:1:5"):
        load_environment("staging", project, folder)


@pytest.mark.parametrize("name", ["prod", "stagin", "../staging", "", "a b", "x\0y"])
def test_an_unknown_environment_names_those_there_are(name: str, project: Path):
    with pytest.raises(InvalidInput, match="staging"):
        load_environment(name, project)


def test_an_encrypted_value_is_refused_wherever_it_stands(project: Path):
    file = project / "Pulumi.staging.yaml"
    file.write_text(STACK + "    config:\n      set:\n        KEY: {secure: v1:abc}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="encrypted value") as caught:
        load_environment("staging", project)
    assert "v1:abc" not in str(caught.value)
    assert [problem.path for problem in caught.value.problems] == ["config.set.KEY.secure"]
