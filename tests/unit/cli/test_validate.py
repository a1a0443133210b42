from __future__ import annotations

import json


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
    assert set(problem) == {"file", "line", "column", "path", "message", "hint"}


def test_the_json_form_of_a_valid_project_names_the_releases(aoa):
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert shape["ok"] is True
    assert shape["environments"][0]["name"] == "staging"
    assert shape["environments"][0]["release"].startswith("sha256:")


def test_a_misspelt_environment_is_suggested(aoa):
    result = aoa("validate", "--env", "stagin")
    assert result.code == 2
    assert "Did you mean staging?" in result.err
