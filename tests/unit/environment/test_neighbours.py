"""What belongs to one environment belongs to no other: found in the files alone, with both places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.errors import InvalidInput, Position

if TYPE_CHECKING:
    from pathlib import Path

UID = "11111111-2222-3333-4444-555555555555"
PROD = """\
config:
  app-of-apps:environment:
    name: prod
    cluster:
      context: prod
      server: https://prod:6443
      uid: 11111111-2222-3333-4444-555555555555
    vault:
      mounts:
        kv: kv-prod
        jwt: jwt-prod
    identity:
      groupsPrefix: "oidc:"
      oidcMount: oidc-prod
"""


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.prod.yaml").write_text(PROD)
    return folder


def write(project: Path, **changes: Any) -> None:
    environment = {
        "name": "staging",
        "cluster": {"context": "staging", **changes.pop("cluster", {})},
        "vault": {
            "mounts": {"kv": "kv-staging", "jwt": "jwt-staging", **changes.pop("mounts", {})},
            **changes.pop("vault", {}),
        },
        **changes,
    }
    content = json.dumps({"config": {"app-of-apps:environment": environment}}, indent=1)
    (project / "Pulumi.staging.yaml").write_text(content)


@pytest.mark.parametrize(
    ("changes", "path", "line"),
    [
        ({"cluster": {"context": "prod"}}, "cluster.context", 5),
        ({"cluster": {"server": "https://prod:6443/"}}, "cluster.server", 6),
        ({"cluster": {"uid": UID}}, "cluster.uid", 7),
        ({"mounts": {"kv": "kv-prod"}}, "vault.mounts.kv", 10),
        ({"mounts": {"jwt": "jwt-prod"}}, "vault.mounts.jwt", 11),
        ({"mounts": {"jwt": "oidc-prod"}}, "vault.mounts.jwt", 14),
        ({"identity": {"groupsPrefix": "", "oidcMount": "oidc-prod"}}, "identity.oidcMount", 14),
        ({"identity": {"groupsPrefix": "", "oidcMount": "jwt-prod"}}, "identity.oidcMount", 11),
    ],
)
def test_what_another_environment_claims_is_refused_with_both_places(
    project: Path, changes: dict[str, Any], path: str, line: int
) -> None:
    write(project, **changes)
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", project)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.position.file == str(project / "Pulumi.staging.yaml")
    assert problem.position.line > 1
    assert f"is that of prod too ({project / 'Pulumi.prod.yaml'}:{line}:" in problem.message
    # And the other way round: whichever of the two is used, the copy is found.
    with pytest.raises(InvalidInput, match="is that of staging too"):
        load_environment("prod", project)


def test_a_copy_under_another_name_is_refused_at_every_claim(project: Path) -> None:
    (project / "Pulumi.staging.yaml").write_text(PROD.replace("name: prod", "name: staging"))
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", project)
    assert len(caught.value.problems) == 6


def test_a_whole_copy_is_refused_by_its_name(project: Path) -> None:
    (project / "Pulumi.staging.yaml").write_text(PROD)
    with pytest.raises(InvalidInput, match="the file is named for the environment `staging`"):
        load_environment("staging", project)


def test_environments_of_their_own_pass_and_know_each_other(project: Path) -> None:
    write(project)
    assert [other.name for other in load_environment("staging", project).neighbours] == ["prod"]


def test_mounts_of_different_vaults_may_be_called_the_same(project: Path) -> None:
    text = PROD.replace("    vault:\n", "    vault:\n      address: https://vault-prod:8200\n")
    (project / "Pulumi.prod.yaml").write_text(text)
    write(project, mounts={"kv": "kv-prod"}, vault={"address": "https://vault-staging:8200"})
    load_environment("staging", project)
    write(project, mounts={"kv": "kv-prod"}, vault={"address": "https://vault-prod:8200/"})
    with pytest.raises(InvalidInput, match="kv-prod is that of prod too"):
        load_environment("staging", project)


def test_facts_of_an_overlay_are_compared_too(project: Path) -> None:
    overlay = project.parent / "overlay"
    overlay.mkdir()
    for name in ("staging", "prod"):
        (overlay / f"{name}.yaml").write_text(json.dumps({"cluster": {"caSha256": "ab" * 32}}))
    write(project)
    load_environment("staging", project, overlay)  # one authority may sign for both
    (overlay / "staging.yaml").write_text(json.dumps({"cluster": {"uid": UID}}))
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", project, overlay)
    (problem,) = caught.value.problems
    assert problem.position == Position(str(overlay / "staging.yaml"), 1, 21)


@pytest.mark.parametrize("text", ["a: [", "", "config: 3\n", "config: {app-of-apps:environment: [1]}\n", "- 1\n"])
def test_a_neighbour_that_cannot_be_read_is_its_own_business(project: Path, text: str) -> None:
    (project / "Pulumi.prod.yaml").write_text(text)
    write(project)
    assert load_environment("staging", project).neighbours == ()
