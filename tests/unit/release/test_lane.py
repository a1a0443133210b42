"""What belongs to one environment appears in no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.release.model import Release

HOST = "db.prod.example.com"


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    (tmp_path / "apps").mkdir()
    write(tmp_path, "prod", lane={"texts": [HOST]})
    return tmp_path


def write(project: Path, name: str, **more: Any) -> None:
    environment = {
        "name": name,
        "cluster": {"context": name},
        "vault": {"mounts": {"kv": f"kv-{name}", "jwt": f"jwt-{name}"}},
        "versions": {"api": "1.0.0"},
        **more,
    }
    content = json.dumps({"config": {"app-of-apps:environment": environment}}, indent=1)
    (project / f"Pulumi.{name}.yaml").write_text(content)


def release(project: Path, *, child: Any = None, shared: Any = None, name: str = "staging", **more: Any) -> Release:
    head = {"apiVersion": "app-of-apps/v1"}
    spec = {"type": "worker", "team": "one", "image": "registry.example.com/shop/api", **(child or {})}
    (project / "apps/api.yaml").write_text(json.dumps({**head, "kind": "Child", "name": "api", **spec}, indent=1))
    parent = {"kind": "Parent", "name": "shop", "teams": {"one": {"contact": "#one"}}, "children": ["apps/api.yaml"]}
    (project / "parent.yaml").write_text(json.dumps({**head, **parent, **({"config": shared} if shared else {})}))
    if name == "staging":
        write(project, name, **more)
    return resolve(load_manifest(project / "parent.yaml"), load_environment(name, project))


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ({"child": {"config": {"own": {"DB": f"postgresql://{HOST}/x"}}}}, "apps/api.yaml"),
        ({"child": {"args": [f"--db={HOST}"]}}, "apps/api.yaml"),
        ({"child": {"image": f"{HOST}/shop/api"}}, "apps/api.yaml"),
        ({"child": {"config": {"shared": ["all"]}}, "shared": {"all": {"DB": HOST}}}, "parent.yaml"),
        ({"children": {"api": {"config": {"DB": HOST}}}}, "Pulumi.staging.yaml"),
    ],
)
def test_a_text_of_another_environment_is_refused(project: Path, given: dict[str, Any], file: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        release(project, **given)
    assert f"holds what belongs to prod alone: {HOST}" in str(caught.value)
    assert {one.position.file for one in caught.value.problems} == {str(project / file)}
    assert f"{project / 'Pulumi.prod.yaml'}:" in caught.value.problems[0].hint
    if "children" not in given:
        release(project, name="prod", **given)  # at home it may stand


@pytest.mark.parametrize(
    ("images", "fits"),
    [
        (["registry.example.com/shop/"], True),
        (["registry.example.com/shop/api"], True),
        (["other.example.com/", "registry.example.com/"], True),
        (["registry.example.com/shop/ap"], False),
        (["registry.example.com/prod/"], False),
    ],
)
def test_only_images_of_the_lane_run(project: Path, images: list[str], *, fits: bool) -> None:
    if fits:
        assert release(project, lane={"images": images}).child("api").image == "registry.example.com/shop/api:1.0.0"
        return
    with pytest.raises(InvalidInput, match="this image may not run here"):
        release(project, lane={"images": images})
