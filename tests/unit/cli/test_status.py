from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO

import yaml

from app_of_apps.cli.status import table, text
from app_of_apps.deploy.status import read_status
from tests.unit.deploy.lab import Cluster, placed, shop, workload

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def statuses(cluster: Cluster):
    return read_status([shop()], connect=lambda _: cluster)


def test_the_columns_are_aligned_and_a_line_is_a_child():
    release = shop()
    item = placed(workload("Deployment", "well"), release, "catalog", name="catalog")
    item["metadata"]["creationTimestamp"] = "2030-01-01T09:00:00Z"
    lines = text(statuses(Cluster([item])), NOW).splitlines()
    assert lines[0].split() == ["ENV", "CHILD", "TYPE", "TEAM", "VERSION", "READY", "AGE", "STATE", "RELEASE"]
    assert "staging  catalog" in lines[1]
    assert "1.0.0 (wants 2.9.0)" in lines[1]
    assert lines[1].split()[-3:-1] == ["healthy", "–"] or "healthy" in lines[1]
    assert "3h" in lines[1]
    assert len(lines) == 1 + len(release.children)


def test_markup_in_a_message_is_text_and_no_markup():
    from rich.console import Console

    found = statuses(Cluster(unreachable="[bold]not bold[/bold]"))
    console = Console(width=200, file=StringIO(), record=True)
    console.print(table(found, NOW))
    assert "[bold]not bold[/bold]" in console.export_text()


def test_an_unreachable_cluster_is_exit_code_4_and_said(project, aoa):
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "nowhere", "context": {"cluster": "c"}}],
    }
    (project / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    result = aoa("status")
    assert result.code == 4
    assert "staging: not known: cluster 'nowhere' at http://127.0.0.1:9 does not answer" in result.out
    assert "unknown" in result.out


def test_a_missing_kubeconfig_is_said_in_every_format(aoa):
    for output, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        result = aoa("status", "--output", output)
        assert result.code == 4
        shape = load(result.out)
        assert shape["format"] == "app-of-apps/status/v1"
        assert "no kubeconfig" in shape["environments"][0]["error"]


def test_something_unhealthy_is_exit_code_1(aoa, monkeypatch):
    monkeypatch.setattr("app_of_apps.deploy.status.KubeReader", lambda _: Cluster())
    monkeypatch.setattr("app_of_apps.deploy.status.read_status.__kwdefaults__", {"connect": lambda _: Cluster()})
    result = aoa("status", "staging")
    assert result.code == 1
    assert "absent" in result.out


def test_an_unknown_environment_is_exit_code_2(aoa):
    assert aoa("status", "prod").code == 2
