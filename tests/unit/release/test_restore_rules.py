from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.errors import Refused
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.resolve import resolve
from app_of_apps.release.restore import Restored, Sources, compose
from app_of_apps.release.restore_rules import rules_of_today
from tests.strategies import to_yaml

if TYPE_CHECKING:
    from pathlib import Path

API = "app-of-apps/v1"
READER = {"kubernetes": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}], "teams": ["core"]}


def project(
    folder: Path, *, api: dict[str, Any] | None = None, parent: dict[str, Any] | None = None, **env: Any
) -> Any:
    """Write a parent with one API, and return its manifest, its environment and its release."""
    child = {
        "apiVersion": API,
        "kind": "Child",
        "name": "api",
        "type": "service",
        "team": "core",
        "image": "registry.example.com/api",
        "ports": [{"port": 8080}],
        **(api or {}),
    }
    made = {
        "apiVersion": API,
        "kind": "Parent",
        "name": "shop",
        "teams": {"core": {"contact": "#core"}},
        "children": ["apps/api.yaml"],
        **(parent or {}),
    }
    settings = {
        "name": "staging",
        "cluster": {"context": "staging"},
        "vault": {"mounts": {"kv": "kv", "jwt": "jwt"}},
        "versions": {"api": "1.0.0"},
        **env,
    }
    (folder / "apps").mkdir(parents=True, exist_ok=True)
    (folder / "apps/api.yaml").write_text(to_yaml(child))
    (folder / "parent.yaml").write_text(to_yaml(made))
    (folder / "Pulumi.staging.yaml").write_text(to_yaml({"config": {"app-of-apps:environment": settings}}))
    manifest, environment = load_manifest(folder / "parent.yaml"), load_environment("staging", folder)
    return manifest, environment, resolve(manifest, environment)


def back(today: Any, then: Any) -> Restored:
    manifest, environment, now = today
    return compose(Sources(now, now, then[2], {}, 3), (), rules_of_today(manifest, environment, 3))


def test_a_role_that_is_still_offered_means_what_it_means_today(tmp_path: Path) -> None:
    picked = {"serviceAccount": {"roles": ["reader"]}}
    wide = {
        **READER,
        "kubernetes": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
    }
    then = project(tmp_path / "then", api=picked, parent={"access": {"workloads": {"reader": wide}}})
    today = project(tmp_path / "today", parent={"access": {"workloads": {"reader": READER}}})
    access = back(today, then).release.access
    assert [right.verbs for right in access.workloads["api"]["reader"]] == [("get",)]


def test_a_role_that_is_gone_does_not_come_back(tmp_path: Path) -> None:
    picked = {"serviceAccount": {"roles": ["reader"]}}
    then = project(tmp_path / "then", api=picked, parent={"access": {"workloads": {"reader": READER}}})
    with pytest.raises(Refused, match=r"breaks rules that hold today[\s\S]*release 3, api: serviceAccount\.roles"):
        back(project(tmp_path / "today"), then)


def test_an_image_that_may_not_run_any_more_does_not_come_back(tmp_path: Path) -> None:
    then = project(tmp_path / "then")
    today = project(
        tmp_path / "today", api={"image": "trusted.example.com/api"}, lane={"images": ["trusted.example.com/"]}
    )
    with pytest.raises(Refused, match="release 3, api: image: this image may not run here"):
        back(today, then)


def test_a_secret_that_belongs_to_another_team_now_does_not_come_back(tmp_path: Path) -> None:
    reads = {"secrets": {"KEY": {"path": "orders/db", "key": "key"}}}
    teams = {"core": {"contact": "#core"}, "orders": {"contact": "#orders"}}
    then = project(tmp_path / "then", api=reads, parent={"teams": teams})
    owned = {"teams": teams, "access": {"secrets": {"orders": {"teams": ["orders"]}}}}
    with pytest.raises(Refused, match=r"release 3, api: secrets\.KEY"):
        back(project(tmp_path / "today", parent=owned), then)
