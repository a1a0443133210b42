"""``aoa access``: who may do what and why, and who gains or loses it."""

# ruff: noqa: ARG001 - a fixture that makes the project is used by being there
from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

ACCESS = """\
access:
  roles:
    viewer:
      kubernetes:
        - {apiGroups: [""], resources: [pods, pods/log], verbs: [get, list]}
      vault: [list]
    debugger:
      includes: [viewer]
      kubernetes:
        - {apiGroups: [""], resources: [pods/exec], verbs: [create]}
        - {apiGroups: [apps], resources: [deployments], resourceNames: [api], verbs: [get]}
  environments:
    staging:
      grants:
        - {group: core-team, role: debugger, teams: [core], reachesSecrets: true}
        - {group: everybody, role: viewer, all: true}
    prod:
      grants:
        - {group: core-team, role: viewer, teams: [core]}
        - {group: auditors, role: viewer, all: true}
"""
IDENTITY = """\
    identity: {groupsPrefix: "oidc:", oidcMount: oidc-ENV}
"""


@pytest.fixture
def shop(project: Path) -> Path:
    """The project with access, in two environments, under version control."""
    parent = project / "parent.yaml"
    parent.write_text(parent.read_text() + ACCESS)
    stack = (project / "Pulumi.staging.yaml").read_text() + IDENTITY
    for env in ("staging", "prod"):
        (project / f"Pulumi.{env}.yaml").write_text(
            stack.replace("staging", env).replace("ENV", env).replace("nowhere", f"nowhere-{env}")
        )
    git(project, "init", "-q", "-b", "main")
    commit(project)
    return project


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all", ".")
    git(folder, "commit", "-q", "-m", "Change")


def change(folder: Path, before: str, after: str) -> None:
    text = (folder / "parent.yaml").read_text()
    assert before in text
    (folder / "parent.yaml").write_text(text.replace(before, after))


def test_every_group_is_shown_with_its_role_children_rights_and_the_line_that_grants_them(aoa, shop):
    out = aoa("access", "show", "staging").out
    line = next(n for n, text in enumerate((shop / "parent.yaml").read_text().splitlines(), 1) if "core-team" in text)
    for word in ("oidc:core-team", "debugger", "api", "db", "create: pods/exec", f"parent.yaml:{line}:"):
        assert word in out
    assert "get: deployments.apps (only api)" in out
    assert "vault read: kv-staging/metadata/core/db, kv-staging/subkeys/core/db" in out
    assert "! reaches the pods' secrets by pods/exec" in out


def test_the_table_is_for_programs_too(aoa, shop):
    shape = json.loads(aoa("access", "show", "prod", "--output", "json").out)
    assert shape == yaml.safe_load(aoa("access", "show", "prod", "-o", "yaml").out)
    assert shape["format"] == "app-of-apps/access/v1"
    assert (shape["environment"], shape["groupsPrefix"], shape["oidcMount"]) == ("prod", "oidc:", "oidc-prod")
    found = {(one["subject"], one["role"], one["child"]) for one in shape["access"]}
    assert found == {
        ("oidc:core-team", "viewer", "api"),
        ("oidc:core-team", "viewer", "db"),
        *(("oidc:auditors", "viewer", child) for child in ("api", "db", "site")),
    }
    (held,) = [one for one in shape["access"] if one["group"] == "core-team" and one["child"] == "db"]
    assert held["namespace"] == "shop-db"
    assert {"apiGroup": "", "resource": "pods/log", "names": [], "verbs": ["get", "list"]} in held["kubernetes"]
    assert [one["path"] for one in held["vault"]] == ["kv-prod/metadata/core/db", "kv-prod/subkeys/core/db"]
    assert held["why"]["file"].endswith("parent.yaml")


def test_the_table_can_be_narrowed(aoa, shop):
    shape = json.loads(aoa("access", "show", "prod", "--group", "auditors", "--child", "site", "-o", "json").out)
    assert [(one["group"], one["child"]) for one in shape["access"]] == [("auditors", "site")]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(("--group", "auditor"), "did you mean `auditors`?"), (("--child", "ap"), "did you mean `api`?")],
)
def test_a_group_or_child_that_is_not_there_is_an_error(aoa, shop, arguments, hint):
    result = aoa("access", "show", "prod", *arguments)
    assert result.code == 2
    assert hint in result.err


def test_a_parent_without_access_says_so(aoa, project):
    result = aoa("access", "show", "staging")
    assert (result.code, result.out) == (0, "Nobody has access through this parent.\n")


def test_two_environments_are_compared_by_who_gains_and_loses_what(aoa, shop):
    result = aoa("access", "diff", "staging", "prod", "-o", "json")
    assert result.code == 1
    (pair,) = json.loads(result.out)["environments"]
    assert (pair["before"], pair["after"]) == ("staging", "prod")
    found = {(c["subject"], c["change"], c["target"], *c["verbs"], *c["children"]) for c in pair["changes"]}
    assert ("group core-team", "loses", "pods/exec", "create", "api", "db") in found
    assert ("group core-team", "loses", "deployments.apps (only api)", "get", "api", "db") in found
    assert ("group auditors", "gains", "pods", "get", "list", "api", "db", "site") in found
    assert ("group everybody", "loses", "metadata/core/db", "read", "db") in found
    # The mounts of the two environments are different ones, and no difference.
    assert not any("kv-" in c["target"] for c in pair["changes"])
    assert not any(c["subject"] == "group core-team" and c["where"] == "vault" for c in pair["changes"])


def test_the_difference_is_a_table_for_people(aoa, shop):
    result = aoa("access", "diff", "staging", "prod")
    assert result.code == 1
    assert "staging → prod" in result.out
    assert "group auditors" in result.out


def test_an_environment_compared_with_itself_is_no_difference(aoa, shop):
    result = aoa("access", "diff", "prod", "prod")
    assert (result.code, "nobody gains or loses anything" in result.out) == (0, True)


def test_an_environment_is_compared_with_the_same_one_of_a_revision(aoa, shop):
    change(shop, "{group: auditors, role: viewer, all: true}", "{group: auditors, role: viewer, children: [site]}")
    for before, after in (("HEAD", "prod"), ("HEAD:prod", "prod"), ("main", "prod")):
        result = aoa("access", "diff", before, after, "-o", "json")
        assert result.code == 1
        (pair,) = json.loads(result.out)["environments"]
        assert {(c["subject"], c["change"], *c["children"]) for c in pair["changes"]} == {
            ("group auditors", "loses", "api", "db"),
            ("group auditors", "loses", "db"),
        }
    assert aoa("access", "diff", "HEAD", "staging").code == 0


def test_two_revisions_are_compared_in_every_environment(aoa, shop):
    change(shop, "resources: [pods, pods/log]", "resources: [pods]")
    commit(shop)
    result = aoa("access", "diff", "HEAD~1", "HEAD", "-o", "json")
    assert result.code == 1
    environments = json.loads(result.out)["environments"]
    assert [one["before"] for one in environments] == ["prod", "staging"]
    for one in environments:
        assert {c["target"] for c in one["changes"]} == {"pods/log"}
        assert {c["change"] for c in one["changes"]} == {"loses"}


def test_a_project_below_the_repositorys_root_is_found_at_its_revision(aoa, project, monkeypatch):
    below = project / "deep" / "shop"
    below.mkdir(parents=True)
    for name in ("parent.yaml", "apps", "Pulumi.yaml", "Pulumi.staging.yaml"):
        if (project / name).exists():
            (project / name).rename(below / name)
    git(project, "init", "-q", "-b", "main")
    commit(project)
    monkeypatch.chdir(below)
    assert aoa("access", "diff", "HEAD", "staging", "--project", str(below)).code == 0


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD~99", "-p"])
def test_a_revision_that_is_not_there_is_an_error(aoa, shop, revision):
    result = aoa("access", "diff", "--", revision, "prod")
    assert result.code == 2
    assert "git knows no such revision" in result.err


def test_a_revision_that_is_broken_says_what_is_wrong_with_it(aoa, shop):
    change(shop, "role: debugger", "role: debuger")
    commit(shop)
    change(shop, "role: debuger", "role: debugger")
    result = aoa("access", "diff", "HEAD", "staging")
    assert result.code == 2
    assert "did you mean `debugger`?" in result.err
    assert "HEAD:parent.yaml:" in result.err


def test_outside_of_a_repository_revisions_are_unavailable(aoa, project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert aoa("access", "diff", "main", "staging").code in {2, 4}
