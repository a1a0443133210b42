"""`aoa compare`: one table of what is declared, one list of the rest, and an exit code that tells them apart."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app_of_apps.deploy.comparison import deployed
from app_of_apps.errors import Unavailable
from app_of_apps.objects.record import release_record
from app_of_apps.release.environments import Deployed, DeployedChild, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release
    from tests.unit.cli.conftest import Result

    Aoa = Callable[..., Result]

PROD = """\
config:
  app-of-apps:environment:
    name: prod
    cluster: {context: nowhere-else}
    vault: {mounts: {kv: kv-prod, jwt: jwt-prod}}
    versions: {api: 1.3.0, site: 2.0.0}
    children: {site: {replicas: 3}}
"""


def record(release: Release) -> dict:
    return dict(release_record(release)[-1].manifest)


@pytest.fixture(name="old")
def what_is_deployed(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, DeployedChild]:
    """Everything is deployed as the files say, except for what is put in here for prod."""
    (project / "Pulumi.prod.yaml").write_text(PROD)
    old: dict[str, DeployedChild] = {}

    def side(settings: Environment, release: Release) -> Side:
        found = deployed(record(release))
        if settings.name == "prod" and old:
            found = replace(found, digest="sha256:x", children={**found.children, **old})
        return Side(settings, release, found)

    monkeypatch.setattr("app_of_apps.deploy.comparison.read_side", side)
    return old


@pytest.mark.usefixtures("old")
def test_what_the_files_declare_is_a_table_and_no_failure(aoa: Aoa) -> None:
    result = aoa("compare", "staging", "prod")
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        "Declared by the files:",
        "  TOPIC     CHILD  FIELD     STAGING  PROD",
        "  versions  api    version   1.4.0    1.3.0",
        "  replicas  site   replicas  1        3",
        "",
        "Nothing else differs between staging and prod.",
    ]


def test_the_rest_is_exit_code_1(aoa: Aoa, old: dict[str, DeployedChild]) -> None:
    old["db"] = DeployedChild("sha256:y", "1.2.0")
    result = aoa("compare", "staging", "prod")
    assert (result.code, result.out.splitlines()[-2:]) == (
        1,
        ["The rest:", "  behind its working tree: release 1 of prod has db 1.2.0, the working tree 1.3.0"],
    )
    shape = json.loads(aoa("compare", "staging", "prod", "-o", "json").out)
    assert shape["format"] == "app-of-apps/environments/v1"
    assert shape["same"] is False
    assert [(one["name"], one["number"], one["release"] == one["wanted"]) for one in shape["environments"]] == [
        ("staging", 1, True),
        ("prod", 1, False),
    ]
    assert shape["declared"][1] == {"topic": "replicas", "child": "site", "path": "spec.replicas", "values": [1, 3]}
    assert [(one["kind"], one["environment"], one["child"]) for one in shape["other"]] == [
        ("behind its working tree", "prod", "db")
    ]


def test_an_environment_is_not_compared_with_itself(aoa: Aoa) -> None:
    result = aoa("compare", "staging", "staging")
    assert (result.code, "name two environments" in result.err) == (2, True)


def test_a_cluster_that_does_not_answer_is_exit_code_4(aoa: Aoa, project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text(PROD)
    result = aoa("compare", "staging", "prod")
    assert (result.code, "no kubeconfig" in result.err) == (4, True)


def test_what_is_deployed_is_what_the_record_says() -> None:
    children = json.dumps({"api": {"digest": "sha256:x", "version": None}})
    data = {"number": "3", "digest": "sha256:d", "programVersion": "0.1.0", "children": children}
    assert deployed({"data": data}) == Deployed(3, "sha256:d", "0.1.0", {"api": DeployedChild("sha256:x", None)})


@pytest.mark.parametrize("data", [{}, {"number": "x"}, {"children": "[]"}, {"children": '{"api": 1}'}])
def test_a_record_that_cannot_be_read_is_no_answer(data: dict[str, str]) -> None:
    whole = {"number": "3", "digest": "sha256:d", "programVersion": "0.1.0", "children": "{}"}
    with pytest.raises(Unavailable, match=r"shop-parent/release-3 cannot be read"):
        deployed(
            {"metadata": {"namespace": "shop-parent", "name": "release-3"}, "data": {**whole, **data} if data else {}}
        )
