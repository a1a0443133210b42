from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sandbox import environment, files, kube, policies, pulumi, report, stages
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.sandbox import PartStatus
from sandbox.tools import Tools

TOOLS = Tools({"pulumi": Path("/t/pulumi")}, (Path("/t"),), Path("/crds"), {})


def test_a_file_is_replaced_whole_with_its_mode_and_left_alone_when_equal(tmp_path: Path) -> None:
    file = tmp_path / "deep/secret"
    assert files.write(file, "one", mode=files.PRIVATE)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_ino
    assert not files.write(file, "one", mode=files.PRIVATE)
    assert file.stat().st_ino == before
    assert files.write(file, "two", mode=files.PRIVATE)
    assert file.read_text() == "two"
    assert [entry.name for entry in file.parent.iterdir()] == ["secret"]


def test_a_file_with_the_wrong_mode_is_written_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    assert files.write(file, "one", mode=files.PRIVATE)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(file, "new")
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3900, "1h05m"),
        (86400, "1d0h"),
        (187200, "2d4h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert report.duration(seconds) == text


def test_the_table_counts_and_explains() -> None:
    lines = [
        PartStatus("vault", "healthy", 7, 20001, 61.0, 2**20, "/l/vault.log", ""),
        PartStatus("staging/etcd", "unhealthy", 8, 20002, 3.0, 2**20, "/l/etcd.log", "no answer"),
        PartStatus("prod/etcd", "stopped", None, 20003, None, 0, "/l/p.log", ""),
    ]
    text = report.table(lines, color=False)
    assert "\033" not in text
    assert "staging/etcd: no answer" in text
    assert text.endswith("1 of 3 parts healthy, 0.0 GiB")
    assert "\033[31mstopped" in report.table(lines, color=True)


def test_object_paths() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "ns"}}
    assert kube.object_path(node) == "/api/v1/nodes/n"
    assert kube.object_path(role) == "/apis/rbac.authorization.k8s.io/v1/clusterroles/r"
    assert kube.object_path(config) == "/api/v1/namespaces/ns/configmaps/c"
    with pytest.raises(SandboxError, match="cannot apply a Gadget"):
        kube.object_path({**node, "kind": "Gadget"})


def test_project_name_comes_from_its_file(tmp_path: Path) -> None:
    assert pulumi.project_name(tmp_path) == "app-of-apps"
    (tmp_path / "Pulumi.yaml").write_text("# x\nname: 'shop' # ours\nruntime: python\n")
    assert pulumi.project_name(tmp_path) == "shop"
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(SandboxError, match="has no line `name:"):
        pulumi.project_name(tmp_path)


PEOPLE = {"staging": "accessor-1", "prod": "accessor-2"}


def test_the_programs_policy_reads_no_values_but_approvals_and_stays_in_its_lane() -> None:
    text = policies.program(("staging",), {"staging": "accessor-s", "prod": "accessor-p"})
    values = [line for line in text.splitlines() if "/data/" in line]
    assert values == ['path "kv-staging/data/app-of-apps/approvals/*" { capabilities = ["read"] }']
    assert "transit/sign/aoa-person" not in text
    assert "prod" not in text
    assert "accessor-p" not in text
    for path in ("sys/policies/acl/staging_*", "auth/jwt-staging/role/staging_*", "identity/group/name/staging_*"):
        assert f'path "{path}"' in text
    assert '/acl/*"' not in text


def test_the_shells_policy_covers_both_environments() -> None:
    text = policies.shell({"staging": "accessor-s", "prod": "accessor-p"})
    assert "kv-staging/metadata" in text
    assert "kv-prod/metadata" in text
    readable = [line for line in text.splitlines() if "/data/" in line and "read" in line]
    assert all("/data/app-of-apps/approvals/" in line for line in readable)


def test_a_persons_policy_holds_them_to_their_own_key_and_their_own_statements() -> None:
    text = policies.people("prod")
    assert "staging" not in text
    own = [line for line in text.splitlines() if line.startswith("path") and "{{identity.entity.id}}" in line]
    assert len(own) == 3
    others = [line for line in text.splitlines() if line.startswith("path") and line not in own]
    for line in others:
        assert not {"create", "update", "delete", "patch"} & set(line.replace('"', " ").split()), line


def test_a_caller_s_variables_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {"KUBECONFIG": "x", "VAULT_TOKEN": "x", "VAULT_NAMESPACE": "x", "PULUMI_STACK": "x", "KUBECACHEDIR": "x"}
    assert environment.scrubbed({**foreign, "LANG": "C"}) == {"LANG": "C"}
    for name in foreign:
        monkeypatch.setenv(name, "x")
    text = environment.exports(Layout(Path("/b")), environment.variables(Layout(Path("/b")), TOOLS, "http://v", None))
    unset = next(line for line in text.splitlines() if line.startswith("unset ")).split()[1:]
    assert set(unset) >= {"VAULT_NAMESPACE", "PULUMI_STACK"}
    assert not set(unset) & {"KUBECONFIG", "VAULT_TOKEN", "KUBECACHEDIR"}


def test_exports_are_shell_lines_whatever_is_in_the_paths(tmp_path: Path) -> None:
    root = tmp_path / 'a "b" $c'
    layout = Layout(root)
    files.write(layout.token(), "tok\n", mode=files.PRIVATE)
    text = environment.exports(layout, environment.variables(layout, TOOLS, "http://127.0.0.1:1", None))
    script = f'{text}\nprintf "%s\\n" "$KUBECONFIG" "$VAULT_TOKEN"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(layout.kubeconfig), "tok"]


def test_one_environments_variables_name_its_own_kubeconfig() -> None:
    layout = Layout(Path("/b"))
    assert environment.variables(layout, TOOLS, "http://v", "prod")["KUBECONFIG"] == "/b/prod/kubeconfig"
    assert environment.variables(layout, TOOLS, "http://v", None)["KUBECONFIG"] == "/b/kubeconfig"


def test_stages_have_unique_names_and_are_what_kwok_reads() -> None:
    documents = [json.loads(text) for text in stages.config().split("\n---\n")]
    names = [document["metadata"]["name"] for document in documents]
    assert len(set(names)) == len(names) == len(stages.stages())
    assert {document["kind"] for document in documents} == {"Stage"}
