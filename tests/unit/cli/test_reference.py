from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app_of_apps.cli.reference import reference, verbs
from app_of_apps.cli.shapes import SHAPES
from app_of_apps.deploy.report import Cause, ChildOutcome, Report, State, to_json

PAGE = Path(__file__).parents[3] / "docs/cli-reference.md"


def test_the_page_is_what_the_program_says():
    assert PAGE.read_text() == reference(), "run: python -m app_of_apps.cli.reference --write"


def test_every_verb_and_option_is_on_the_page():
    page = reference()
    for name, command in verbs().items():
        assert f"## aoa {name}\n" in page
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert f"`{parameter.opts[0]}`" in page


def documented(name: str) -> Any:
    """Return a documented shape as data: the comments are taken out."""
    return json.loads(re.sub(r"//.*", "", SHAPES[name][1]).replace("…", ""))


def keys(value: Any, path: str = "") -> set[str]:
    """Return the paths of all keys; of a list, those of its first item."""
    if isinstance(value, list):
        return keys(value[0], f"{path}[]") if value and not isinstance(value[0], (str, list)) else set()
    if not isinstance(value, dict) or path.endswith("changes"):
        return set()
    return {f"{path}.{key}" for key in value} | {inner for key in value for inner in keys(value[key], f"{path}.{key}")}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("app-of-apps/graph/v1", ("graph", "staging", "--format", "json")),
        ("app-of-apps/status/v1", ("status", "--output", "json")),
    ],
)
def test_the_documented_shape_is_what_is_printed(aoa, name, arguments):
    shape = json.loads(aoa(*arguments).out)
    assert shape["format"] == name
    assert keys(shape) == keys(documented(name))


def test_the_documented_access_is_what_is_printed(project, aoa):
    access = """
access:
  roles: {viewer: {kubernetes: [{apiGroups: [""], resources: [pods], verbs: [get]}], vault: [list]}}
  environments: {staging: {grants: [{group: g, role: viewer, all: true}]}, empty: {}}
"""
    (project / "parent.yaml").write_text((project / "parent.yaml").read_text() + access)
    stack = (
        project / "Pulumi.staging.yaml"
    ).read_text() + '    identity: {groupsPrefix: "oidc:", oidcMount: oidc-staging}\n'
    (project / "Pulumi.staging.yaml").write_text(stack)
    (project / "Pulumi.empty.yaml").write_text(stack.replace("staging", "empty").replace("nowhere", "elsewhere"))
    shown = json.loads(aoa("access", "show", "staging", "--child", "db", "--output", "json").out)
    assert keys(shown) == keys(documented("app-of-apps/access/v1"))
    compared = json.loads(aoa("access", "diff", "staging", "empty", "--output", "json").out)
    assert keys(compared) == keys({**documented("app-of-apps/access-diff/v1")})
    assert set(compared["environments"][0]["changes"][0]) == set(
        documented("app-of-apps/access-diff/v1")["environments"][0]["changes"][0]
    )


def test_the_documented_validation_is_what_is_printed(project, aoa):
    stack = project / "Pulumi.staging.yaml"
    stack.write_text(stack.read_text() + "    promotion: {from: nowhere}\n")
    good = json.loads(aoa("validate", "--online", "--format", "json").out)
    (project / "apps/api.yaml").write_text("name: api\n")
    bad = json.loads(aoa("validate", "--format", "json").out)
    assert keys(good) | keys(bad) == keys(documented("app-of-apps/validation/v1"))


def test_the_documented_report_is_what_is_printed():
    child = ChildOutcome("a", "t", "service", State.UP, changes=(("created", 1),))
    report = Report("up", "p", "e", ok=False, causes=(Cause("m", "a", "t"),), children=(child,))
    assert keys(to_json(report)) == keys(documented("app-of-apps/report/v1"))


def test_every_state_is_documented():
    text = SHAPES["app-of-apps/report/v1"][1]
    assert all(str(state) in text for state in State)
