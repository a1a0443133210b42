# ruff: noqa: ARG001 - a fixture that makes the project is used by being there
"""What charts make is looked at when they can be rendered, and it is said when they cannot."""

from __future__ import annotations

import json
import sys

import pytest

CHART = "apiVersion: v2\nname: tool\nversion: 1.0.0\n"
TOOL = "name: tool\ntype: chart\nteam: core\nchart: ../charts/tool\n"
HARMLESS = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: tool}\n"
ADMIN = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: tool}\n"
# Stands in for helm, which is on no machine of ours: it prints a rendering and notes what it was asked.
FAKE = """\
#!{python}
import os, pathlib, sys
pathlib.Path({asked!r}).write_text("\\n".join(sys.argv[1:]))
sys.stdout.write(pathlib.Path({rendered!r}).read_text())
sys.exit(int(os.environ.get("FAKE_HELM_CODE", "0")))
"""


@pytest.fixture
def chart(project, monkeypatch, tmp_path_factory):
    """The project with a chart child, a helm on PATH, and the file that holds what helm renders."""
    (project / "charts/tool/templates").mkdir(parents=True)
    (project / "charts/tool/Chart.yaml").write_text(CHART)
    (project / "apps/tool.yaml").write_text(TOOL)
    parent = (project / "parent.yaml").read_text()
    (project / "parent.yaml").write_text(parent.replace("apps/site.yaml]", "apps/site.yaml, apps/tool.yaml]"))
    folder = tmp_path_factory.mktemp("bin")
    rendered = folder / "rendered.yaml"
    rendered.write_text(HARMLESS)
    helm = folder / "helm"
    helm.write_text(FAKE.format(python=sys.executable, asked=str(folder / "asked"), rendered=str(rendered)))
    helm.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return rendered


def test_a_chart_that_makes_nothing_special_is_valid(aoa, chart):
    result = aoa("validate")
    assert result.code == 0
    assert "not rendered" not in result.err
    assert {"template", "tool", "--namespace", "shop-tool"} <= set((chart.parent / "asked").read_text().split("\n"))


def test_a_chart_that_escalates_is_invalid(aoa, chart):
    chart.write_text(HARMLESS + ADMIN)
    result = aoa("validate")
    assert result.code == 2
    assert "the chart of tool makes ClusterRoleBinding tool: a child may not declare a ClusterRoleBinding" in result.err
    shape = json.loads(aoa("validate", "--format", "json").out)
    assert [problem["path"] for problem in shape["problems"]] == ["kind"]


def test_what_a_chart_hides_in_a_list_is_found(aoa, chart):
    items = ADMIN.removeprefix("---\n").replace("\n", "\n    ").rstrip()
    chart.write_text(f"---\napiVersion: v1\nkind: List\nitems:\n  - {items}\n")
    assert aoa("validate").code == 2


def test_a_chart_that_cannot_be_rendered_is_invalid(aoa, chart, monkeypatch):
    monkeypatch.setenv("FAKE_HELM_CODE", "1")
    result = aoa("validate")
    assert result.code == 2
    assert "cannot be rendered" in result.err
    assert "[invalid-chart]" in result.err


def test_without_helm_validation_says_what_it_did_not_look_at(aoa, chart, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = aoa("validate")
    assert result.code == 0
    assert "Not looked at: staging: charts: they were not rendered, for helm is not on PATH" in result.err
