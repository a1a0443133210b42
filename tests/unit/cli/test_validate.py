from __future__ import annotations

import json
import re

import pytest

from app_of_apps.cli.shapes import SHAPES


def test_a_valid_project_is_summed_up(aoa):
    result = aoa("validate")
    assert result.code == 0
    assert result.out.startswith("shop: 3 children of 2 teams, valid\n  staging: valid, release ")
    assert result.err == ""


def test_problems_of_all_files_come_together_and_nothing_is_on_stdout(project, aoa):
    (project / "apps/api.yaml").write_text((project / "apps/api.yaml").read_text().replace("[db]", "[dv]"))
    (project / "Pulumi.staging.yaml").write_text((project / "Pulumi.staging.yaml").read_text() + "    colour: red\n")
    result = aoa("validate")
    assert result.code == 2
    assert result.out == ""
    assert "apps/api.yaml:5:" in result.err
    assert "Pulumi.staging.yaml:7:" in result.err
    assert result.err.rstrip().endswith("2 problems; nothing was touched.")
    assert "Traceback" not in result.err


def test_the_json_form_carries_every_problem_with_its_place(project, aoa):
    (project / "apps/api.yaml").write_text((project / "apps/api.yaml").read_text().replace("[db]", "[dv]"))
    result = aoa("validate", "--format", "json")
    assert result.code == 2
    shape = json.loads(result.out)
    assert shape["format"] == "app-of-apps/validation/v1"
    assert shape["ok"] is False
    problem = shape["problems"][0]
    assert (problem["file"].endswith("apps/api.yaml"), problem["line"]) == (True, 5)
    assert problem["rule"] == "unknown-reference"
    assert set(problem) == set(documented("app-of-apps/validation/v1")["problems"][0])
    assert set(shape) == set(documented("app-of-apps/validation/v1"))


def documented(name):
    return json.loads(re.sub(r"//.*", "", SHAPES[name][1]))


def test_the_json_form_of_a_valid_project_names_the_releases(aoa):
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert shape["ok"] is True
    assert shape["environments"][0]["name"] == "staging"
    assert shape["environments"][0]["release"].startswith("sha256:")


def test_a_misspelt_environment_is_suggested(aoa):
    result = aoa("validate", "--env", "stagin")
    assert result.code == 2
    assert "Did you mean staging?" in result.err


def test_an_environment_that_is_wrong_does_not_hide_what_is_wrong_with_another(project, aoa):
    stack = (project / "Pulumi.staging.yaml").read_text()
    other = stack.replace("staging", "prod").replace("nowhere", "somewhere")
    (project / "Pulumi.prod.yaml").write_text(other + "    promotion: {from: nobody}\n")
    (project / "Pulumi.staging.yaml").write_text(stack + "    colour: red\n")
    result = aoa("validate")
    assert result.code == 2
    assert "unknown field `colour`" in result.err
    assert "Pulumi.prod.yaml:7:23: promotion.from: warning:" in result.err
    assert "Not looked at: what follows from the environments whose files are wrong" in result.err
    assert result.err.rstrip().endswith("1 problem and 1 warning; nothing was touched.")


OLD = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
TOOL = "name: tool\ntype: manifests\nteam: core\nfiles: [../tool/old.yaml]\n"


@pytest.fixture
def deprecated(project):
    """The project with an object whose API version is on its way out."""
    (project / "tool").mkdir()
    (project / "tool/old.yaml").write_text(OLD)
    (project / "apps/tool.yaml").write_text(TOOL)
    parent = (project / "parent.yaml").read_text()
    (project / "parent.yaml").write_text(parent.replace("apps/site.yaml]", "apps/site.yaml, apps/tool.yaml]"))


@pytest.mark.usefixtures("deprecated")
def test_warnings_stand_beside_the_answer_and_are_no_failure(aoa):
    result = aoa("validate")
    assert result.code == 0
    assert result.out.startswith("shop: 4 children of 2 teams, valid, 1 warning\n")
    assert (
        "tool/old.yaml:1:13: apiVersion: warning: PodDisruptionBudget x of tool: policy/v1beta1 is deprecated"
        in result.err
    )
    assert "[api-deprecated]" in result.err


@pytest.mark.usefixtures("deprecated")
def test_strict_takes_warnings_for_errors(aoa):
    result = aoa("validate", "--strict")
    assert result.code == 2
    assert result.out == ""
    assert result.err.rstrip().endswith("1 problem; nothing was touched.")
    shape = json.loads(aoa("validate", "--strict", "--format", "json").out)
    assert (shape["ok"], [one["severity"] for one in shape["problems"]], shape["warnings"]) == (False, ["error"], [])


@pytest.mark.usefixtures("deprecated")
def test_the_json_form_keeps_warnings_apart(aoa):
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert (shape["ok"], shape["problems"]) == (True, [])
    assert [(one["rule"], one["environment"]) for one in shape["warnings"]] == [("api-deprecated", "staging")]
    assert shape["environments"][0]["name"] == "staging"


def test_online_what_does_not_answer_has_its_own_exit_code(aoa):
    result = aoa("validate", "--online")
    assert result.code == 4
    assert "Not looked at: staging: kinds and quotas of the cluster: no kubeconfig" in result.err
    assert "Not looked at: staging: secrets in Vault: the file of staging does not say where Vault is" in result.err


MISTAKES = [
    ("apps/api.yaml", "type: service", "typ: service", "invalid-manifest"),
    ("apps/api.yaml", "team: core", "team: nobody", "unknown-reference"),
    ("apps/db.yaml", "team: core", "team: core\ndependsOn: [api]", "dependency-cycle"),
    ("apps/api.yaml", "team: core", "team: core\nconfig: {own: {DB_PASSWORD: hunter22}}", "inline-secret"),
    ("apps/site.yaml", "type: service", "type: service\nreplicas: 0\n#", None),
    ("apps/api.yaml", "type: service", "type: service\nreplicas: 0\n#", "dependency-absent"),
    ("Pulumi.staging.yaml", "site: 2.0.0", "site: 2.0.0, nobody: 1", "invalid-environment"),
    ("Pulumi.staging.yaml", "name: staging", "name: staging\n    images: {pinned: true}", "image-unpinned"),
    ("Pulumi.staging.yaml", "name: staging", "name: staging\n    lane: {images: [other.example.com/]}", "foreign-lane"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[str(one[3]) for one in MISTAKES])
def test_a_mistake_in_a_file_has_its_rule(project, aoa, mistake):
    file, old, new, rule = mistake
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert {one["rule"] for one in shape["problems"]} == ({rule} if rule else set())


@pytest.mark.parametrize(
    ("tool", "rule"),
    [
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n", "inline-secret"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", "privilege-escalation"),
    ],
)
@pytest.mark.usefixtures("deprecated")
def test_what_plain_manifests_may_not_be_has_its_rule(project, aoa, tool, rule):
    (project / "tool/old.yaml").write_text(tool)
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert {one["rule"] for one in shape["problems"]} == {rule}


def test_the_log_for_code_scanning_names_files_from_the_root_of_the_repository(project, aoa):
    (project / "apps/api.yaml").write_text((project / "apps/api.yaml").read_text().replace("[db]", "[dv]"))
    result = aoa("validate", "--format", "sarif")
    assert result.code == 2
    (run,) = json.loads(result.out)["runs"]
    (only,) = run["results"]
    location = only["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "apps/api.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5, "startColumn": 13},
    }
    assert run["tool"]["driver"]["rules"][only["ruleIndex"]]["id"] == only["ruleId"] == "unknown-reference"
