from __future__ import annotations

import os

import yaml


def test_everything_is_printed_as_yaml_with_child_and_group(aoa):
    result = aoa("render", "staging")
    assert result.code == 0
    documents = [document for document in yaml.safe_load_all(result.out) if document]
    kinds = [document["kind"] for document in documents]
    assert kinds.count("Deployment") == 2
    assert {"Namespace", "Job", "Service", "VaultStaticSecret"} <= set(kinds)
    assert "# child api · service · team core · group workload" in result.out


def test_what_vault_gets_is_printed_as_comments(aoa):
    out = aoa("render", "staging", "--child", "db").out
    assert "# Vault policy staging_shop_db" in out
    assert '# path "kv-staging/data/core/db" {' in out


def test_only_the_chosen_child_is_printed(aoa):
    out = aoa("render", "staging", "--child", "site").out
    assert {document["metadata"].get("namespace", "shop-site") for document in yaml.safe_load_all(out) if document} == {
        "shop-site"
    }


def test_one_file_per_child_is_written(project, aoa):
    result = aoa("render", "staging", "-o", "out")
    assert sorted(file.name for file in (project / "out").iterdir()) == [
        "api.yaml",
        "db.yaml",
        "shop-parent.yaml",
        "site.yaml",
    ]
    assert result.out == ""
    assert "4 files written to out" in result.err


def test_a_misspelt_child_is_suggested(aoa):
    result = aoa("render", "staging", "--child", "sit")
    assert result.code == 2
    assert "Did you mean site?" in result.err


CHART = "name: metrics\ntype: chart\nteam: core\nchart: ../charts/metrics\nvalues: {replicas: 2}\n"


def with_chart(project):
    folder = project / "charts/metrics/templates"
    folder.mkdir(parents=True)
    (folder.parent / "Chart.yaml").write_text("apiVersion: v2\nname: metrics\nversion: 0.1.0\n")
    (folder / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: m}\nspec: {replicas: {{ .Values.replicas }}}\n"
    )
    (project / "apps/metrics.yaml").write_text(CHART)
    parent = (project / "parent.yaml").read_text()
    (project / "parent.yaml").write_text(parent.replace("apps/site.yaml]", "apps/site.yaml, apps/metrics.yaml]"))


def test_without_helm_a_chart_is_printed_as_declared_and_said_so(project, aoa, monkeypatch):
    with_chart(project)
    monkeypatch.setenv("PATH", str(project))
    result = aoa("render", "staging", "--child", "metrics")
    assert result.code == 0
    assert "# kind: Chart" in result.out
    assert "metrics: helm is not on PATH" in result.err


def test_with_helm_a_chart_is_rendered_by_it(project, aoa, monkeypatch):
    """The helm here is a script that prints its arguments: no helm is to be had where these tests run."""
    with_chart(project)
    (project / "helm").write_text('#!/bin/sh\necho "---\nkind: Rendered\nmetadata: {name: $2}\nargs: $*"\n')
    (project / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}{os.pathsep}{os.environ['PATH']}")
    out = aoa("render", "staging", "--child", "metrics").out
    rendered = [document for document in yaml.safe_load_all(out) if document][-1]
    assert rendered["kind"] == "Rendered"
    assert rendered["args"].startswith("template metrics charts/metrics --include-crds --namespace shop-metrics")


def test_a_failing_helm_is_unavailable_with_its_own_words(project, aoa, monkeypatch):
    with_chart(project)
    (project / "helm").write_text("#!/bin/sh\necho 'Error: parse error at line 4' >&2; exit 1\n")
    (project / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}{os.pathsep}{os.environ['PATH']}")
    result = aoa("render", "staging")
    assert result.code == 4
    assert "parse error at line 4" in result.err
