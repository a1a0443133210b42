"""What is built is what is pinned: the catalogue, the Go modules and the Python SDKs name the same versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolchain.catalogue import (
    GO_HOST_VERSION,
    GROUPS,
    KUBERNETES_PLUGIN_VERSION,
    KUBERNETES_VERSION,
    PULUMI_VERSION,
    TOOLS,
    VAULT_PLUGIN_VERSION,
    YAML_HOST_VERSION,
    Binary,
    Group,
)

CHECKOUT = Path(__file__).parents[3]
MODULES = CHECKOUT / "toolchain"
BINARIES = [(group, binary) for group in GROUPS for binary in group.binaries]


def requirement(folder: Path, module: str) -> str:
    text = (folder / "go.mod").read_text()
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    assert found, f"{module} is not required in {folder}/go.mod"
    return found.group(1)


@pytest.mark.parametrize(("group", "binary"), BINARIES, ids=[binary.name for _, binary in BINARIES])
def test_every_binary_is_a_tool_of_a_pinned_module_or_our_own_main(group: Group, binary: Binary) -> None:
    folder = MODULES / group.name / binary.folder
    if binary.package == ".":
        assert (folder / "main.go").is_file()
    else:
        text = (folder / "go.mod").read_text()
        assert re.search(rf"^(?:tool )?\s*{re.escape(binary.package)}$", text, re.MULTILINE)
    assert (folder / "go.sum").stat().st_size > 0


@pytest.mark.parametrize(
    ("group", "module", "version"),
    [
        ("pulumi", "github.com/pulumi/pulumi/pkg/v3", f"v{PULUMI_VERSION}"),
        ("pulumi", "github.com/pulumi/pulumi/sdk/v3", f"v{PULUMI_VERSION}"),
        ("kubernetes", "k8s.io/kubernetes", f"v{KUBERNETES_VERSION}"),
        ("etcd", "go.etcd.io/etcd/server/v3", "v3.6.13"),
        ("actionlint", "github.com/rhysd/actionlint", "v1.7.12"),
        ("kwok", "sigs.k8s.io/kwok", "v0.8.0"),
        ("vault", "github.com/hashicorp/vault", "v1.19.5"),
        ("vault-secrets-operator", "github.com/hashicorp/vault-secrets-operator", "v0.10.0"),
    ],
)
def test_the_version_a_binary_must_tell_is_the_version_that_is_pinned(group: str, module: str, version: str) -> None:
    assert requirement(MODULES / group, module) == version
    told = {b.expect for g in GROUPS if g.name == group for b in g.binaries if b.expect}
    assert told == {version.removeprefix("v")}


@pytest.mark.parametrize(
    ("group", "module", "version"),
    [
        ("pulumi-go", "github.com/pulumi/pulumi/sdk/v3", GO_HOST_VERSION),
        ("pulumi-yaml", "github.com/pulumi/pulumi-yaml", YAML_HOST_VERSION),
    ],
)
def test_a_host_that_does_not_tell_its_version_is_given_the_one_that_is_pinned(
    group: str, module: str, version: str
) -> None:
    assert requirement(MODULES / group, module) == f"v{version}"
    (found,) = (one for one in GROUPS if one.name == group)
    assert found.ldflags.removesuffix(version)[-1] in "=v"


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("pulumi", PULUMI_VERSION),
        ("pulumi-kubernetes", KUBERNETES_PLUGIN_VERSION),
        ("pulumi-vault", VAULT_PLUGIN_VERSION),
    ],
)
def test_the_python_sdks_ask_for_exactly_the_plugins_that_are_built(package: str, version: str) -> None:
    text = (CHECKOUT / "requirements.txt").read_text()
    assert re.search(rf"^{package}=={re.escape(version)}\b", text, re.MULTILINE)


def test_every_staging_module_of_kubernetes_is_pinned_to_the_same_release() -> None:
    text = (MODULES / "kubernetes" / "go.mod").read_text()
    pinned = re.findall(r"^\s*(k8s\.io/\S+) => (k8s\.io/\S+) (v\S+)$", text, re.MULTILINE)
    release = "v0." + KUBERNETES_VERSION.partition(".")[2]
    assert len(pinned) > 20
    assert all(left == right and version == release for left, right, version in pinned)


def test_every_tool_comes_from_a_group_that_makes_it() -> None:
    made = {
        (group.name, name)
        for group in GROUPS
        for name in (
            *(binary.name for binary in group.binaries),
            *(Path(file.destination).name for file in group.files if file.destination.startswith("bin/")),
        )
    }
    assert {(tool.group, tool.name) for tool in TOOLS} == made


def test_only_sources_are_committed() -> None:
    for group in GROUPS:
        for file in (MODULES / group.name).rglob("*"):
            if file.is_file():
                assert file.name in {"go.mod", "go.sum"} or file.suffix == ".go", file
                file.read_text(encoding="utf-8")
