"""The CLI, the language host and both plugins find each other: one preview uses all four."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from toolchain import Toolchain

pytestmark = pytest.mark.integration

# Neither provider contacts anything: manifests go to a folder, and Vault is not asked during a preview.
PROGRAM = """\
import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

to_folder = kubernetes.Provider("folder", render_yaml_to_directory="manifests")
kubernetes.core.v1.ConfigMap("settings", data={"a": "b"}, opts=pulumi.ResourceOptions(provider=to_folder))
nowhere = vault.Provider(
    "nowhere", address="http://127.0.0.1:1", skip_child_token=True, skip_get_vault_version=True,
    vault_version_override="1.19.5",
)
vault.Policy("read", policy='path "x" { capabilities = ["read"] }', opts=pulumi.ResourceOptions(provider=nowhere))
"""


def test_a_preview_uses_the_cli_the_language_host_and_both_plugins(tools: Toolchain, tmp_path: Path) -> None:
    project, state, home = tmp_path / "project", tmp_path / "state", tmp_path / "home"
    for folder in (project, state, home):
        folder.mkdir()
    (project / "Pulumi.yaml").write_text("name: smoke\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    tools.install_plugins(home)
    tools.install_plugins(home)  # again is no error
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "VAULT_"))} | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(tools.bin_dir), os.environ["PATH"]]),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "nothing is encrypted with it",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "VAULT_TOKEN": "unused",
    }

    def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [tools.bin_dir / "pulumi", "--non-interactive", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    version = pulumi("version").stdout.strip()
    assert version.startswith("v3.")
    pulumi("stack", "init", "preview")
    installed = {plugin["name"]: plugin["version"] for plugin in json.loads(pulumi("plugin", "ls", "--json").stdout)}
    assert installed == {"kubernetes": "4.25.0", "vault": "7.9.0"}
    preview = pulumi("preview", "--json")
    steps = {step["urn"].rpartition("::")[2]: step["op"] for step in json.loads(preview.stdout)["steps"]}
    assert steps == {
        "smoke-preview": "create",
        "folder": "create",
        "settings": "create",
        "nowhere": "create",
        "read": "create",
    }
    assert "from $PATH" not in preview.stderr


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("kubectl", ("version", "--client"), "Client Version: v1."),
        ("kube-apiserver", ("--version",), "Kubernetes v1.36."),
        ("kube-controller-manager", ("--version",), "Kubernetes v1.36."),
        ("kube-scheduler", ("--version",), "Kubernetes v1.36."),
        ("etcd", ("--version",), "etcd Version: 3.6."),
        ("actionlint", ("-version",), "1.7."),
        ("kwok", ("--version",), "0.8."),
        ("kwokctl", ("--version",), "0.8."),
        ("vault", ("version",), "Vault v1."),
        ("vault-secrets-operator", ("--version",), "0.10.0"),
    ],
)
def test_every_other_tool_starts_and_tells_its_version(
    tools: Toolchain, tool: str, arguments: tuple[str, ...], says: str
) -> None:
    told = subprocess.run([tools.bin_dir / tool, *arguments], capture_output=True, text=True, check=True)
    assert says in told.stdout


def test_the_operators_crds_come_with_the_operator(tools: Toolchain) -> None:
    names = {file.name for file in tools.crds.iterdir()}
    assert {
        f"secrets.hashicorp.com_{kind}.yaml" for kind in ("vaultauths", "vaultconnections", "vaultstaticsecrets")
    } <= names


def test_provider_plugins_are_not_on_path(tools: Toolchain) -> None:
    assert not [file.name for file in tools.bin_dir.iterdir() if file.name.startswith("pulumi-resource-")]
