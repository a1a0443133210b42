"""The tools, the groups that build them, and the versions from PATH that may stand in for them.

Pure data: nothing here runs a command or touches a file. A group is one folder beside this module
with the Go module(s) that pin it; its binaries are built and cached together. Everything about a
group that changes what comes out of a build is a field of `Group`, because the cache key is
computed from those fields and the folder's files.
"""

from __future__ import annotations

from dataclasses import dataclass

from .versions import Range


@dataclass(frozen=True, slots=True)
class Probe:
    """How a binary tells its version."""

    arguments: tuple[str, ...]
    pattern: str
    """Regular expression; its first group is the version."""


@dataclass(frozen=True, slots=True)
class Binary:
    """One executable to compile."""

    name: str
    package: str
    """Go import path, or ``.`` for the main package in the group's own folder."""
    seconds: int
    """Measured on 2 cores with an empty build cache, in the order of the catalogue."""
    probe: Probe | None = None
    """Run once after the build: a binary that does not start or tells another version fails."""
    expect: str = ""
    """The version the probe must read."""
    folder: str = "."
    """Where the Go module is, relative to the group's folder."""


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A file or folder of a Go module that becomes part of the output as it is."""

    module: str
    source: str
    destination: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedJson:
    """A JSON file of a Go module, compacted beside the group's main package for ``go:embed``."""

    module: str
    source: str
    name: str
    version: str | None = None
    """Overrides the document's top-level ``version``."""


@dataclass(frozen=True, slots=True)
class Group:
    """Binaries that share one pinned dependency graph and one cache entry."""

    name: str
    binaries: tuple[Binary, ...]
    ldflags: str = ""
    tags: str = ""
    files: tuple[ModuleFile, ...] = ()
    embedded: tuple[EmbeddedJson, ...] = ()
    plugin: str | None = None
    """Name of the folder under ``$PULUMI_HOME/plugins`` when the group is a Pulumi plugin."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a caller can ask for by name."""

    name: str
    group: str
    probe: Probe | None = None
    """How to read the version of a copy on PATH; None: a copy on PATH is never used."""
    fits: Range | None = None
    beside: str | None = None
    """Taken from PATH exactly when this other tool is, and only from the same folder."""


_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_OPERATOR = "github.com/hashicorp/vault-secrets-operator"
_KUBE_VERSION = "k8s.io/component-base/version"

_PULUMI = Probe(("version",), r"^v?(\d\S*)")
_PROVIDER = Probe(("-version",), r"^v?(\d\S*)")
_KUBE = Probe(("--version",), r"Kubernetes v(\d\S*)")
_KUBECTL = Probe(("version", "--client", "-o", "json"), r'"gitVersion":\s*"v(\d[^"]*)"')
_HELM = Probe(("version", "--short"), r"v(\d[^+\s]*)")
_ACTIONLINT = Probe(("-version",), r"^v?(\d\S*)")
_ETCD = Probe(("--version",), r"etcd Version: (\d\S*)")
_KWOK = Probe(("--version",), r"version v?(\d\S*)")
_VAULT = Probe(("version",), r"Vault v(\d\S*)")

ACTIONLINT_VERSION = "1.7.12"
HELM_VERSION = "3.18.6"
KUBERNETES_VERSION = "1.36.3"
PULUMI_VERSION = "3.259.0"
KUBERNETES_PLUGIN_VERSION = "4.25.0"
VAULT_PLUGIN_VERSION = "7.9.0"
GO_HOST_VERSION = "3.66.0"
YAML_HOST_VERSION = "1.25.0"

GROUPS: tuple[Group, ...] = (
    Group(
        name="pulumi",
        binaries=(
            Binary(
                "pulumi",
                "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                seconds=220,
                probe=_PULUMI,
                expect=PULUMI_VERSION,
            ),
            Binary(
                "pulumi-language-python",
                "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
                seconds=15,
                folder="language-host",
            ),
        ),
        ldflags=f"-X {_PULUMI_VERSION}=v{PULUMI_VERSION}",
        files=(
            # The host starts programs through this script and looks for it beside itself. It comes
            # from the CLI's release, not from the older host's, to match the Python SDK.
            ModuleFile(
                "github.com/pulumi/pulumi/sdk/v3",
                "python/cmd/pulumi-language-python-exec",
                "bin/pulumi-language-python-exec",
                executable=True,
            ),
        ),
    ),
    Group(
        name="pulumi-kubernetes",
        binaries=(
            Binary(
                "pulumi-resource-kubernetes",
                ".",
                seconds=450,
            ),
        ),
        ldflags=f"-X {_KUBERNETES_PROVIDER}/pkg/version.Version={KUBERNETES_PLUGIN_VERSION}",
        embedded=(
            EmbeddedJson(
                _KUBERNETES_PROVIDER,
                "cmd/pulumi-resource-kubernetes/schema.json",
                "schema.json",
                version=KUBERNETES_PLUGIN_VERSION,
            ),
            EmbeddedJson(
                _KUBERNETES_PROVIDER,
                "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
                "terraform-mapping.json",
            ),
        ),
        plugin=f"resource-kubernetes-v{KUBERNETES_PLUGIN_VERSION}",
    ),
    Group(
        name="kwok",
        binaries=(
            Binary("kwok", "sigs.k8s.io/kwok/cmd/kwok", 60, probe=_KWOK, expect="0.8.0"),
            Binary("kwokctl", "sigs.k8s.io/kwok/cmd/kwokctl", 10, probe=_KWOK, expect="0.8.0"),
        ),
        ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
    ),
    Group(
        name="etcd",
        binaries=(Binary("etcd", "go.etcd.io/etcd/server/v3", 20, probe=_ETCD, expect="3.6.13"),),
    ),
    Group(
        name="kubernetes",
        binaries=tuple(
            Binary(
                name,
                f"k8s.io/kubernetes/cmd/{name}",
                seconds=seconds,
                probe=probe,
                expect=KUBERNETES_VERSION,
            )
            for name, seconds, probe in (
                ("kube-apiserver", 165, _KUBE),
                ("kube-controller-manager", 45, _KUBE),
                ("kube-scheduler", 5, _KUBE),
                ("kubectl", 20, _KUBECTL),
            )
        ),
        ldflags=(
            f"-X {_KUBE_VERSION}.gitVersion=v{KUBERNETES_VERSION}"
            f" -X {_KUBE_VERSION}.gitMajor=1 -X {_KUBE_VERSION}.gitMinor=36"
        ),
    ),
    Group(
        name="pulumi-vault",
        binaries=(
            Binary(
                "pulumi-resource-vault",
                ".",
                seconds=80,
                probe=_PROVIDER,
                expect=VAULT_PLUGIN_VERSION,
            ),
        ),
        plugin=f"resource-vault-v{VAULT_PLUGIN_VERSION}",
    ),
    Group(
        name="vault",
        binaries=(Binary("vault", "github.com/hashicorp/vault", 180, probe=_VAULT, expect="1.19.5"),),
        tags="minimal",
        ldflags="-X github.com/hashicorp/vault/version.Version=1.19.5",
    ),
    Group(
        name="vault-secrets-operator",
        binaries=(
            Binary(
                "vault-secrets-operator",
                _OPERATOR,
                seconds=80,
                probe=Probe(("--version",), r'GitVersion:"v?(\d[^"]*)"'),
                expect="0.10.0",
            ),
        ),
        ldflags=f"-X {_OPERATOR}/internal/version.GitVersion=0.10.0",
        files=(ModuleFile(_OPERATOR, "chart/crds", "crds"),),
    ),
    Group(
        name="helm",
        binaries=(Binary("helm", "helm.sh/helm/v3/cmd/helm", 60, probe=_HELM, expect=HELM_VERSION),),
        ldflags=f"-X helm.sh/helm/v3/internal/version.version=v{HELM_VERSION}",
    ),
    Group(
        name="actionlint",
        binaries=(
            Binary(
                "actionlint",
                "github.com/rhysd/actionlint/cmd/actionlint",
                seconds=15,
                probe=_ACTIONLINT,
                expect=ACTIONLINT_VERSION,
            ),
        ),
        ldflags=f"-X github.com/rhysd/actionlint.version={ACTIONLINT_VERSION}",
    ),
    Group(
        # Like the host for YAML it has no flag that tells its version: the programs of the tests are its probe.
        name="pulumi-go",
        binaries=(
            Binary(
                "pulumi-language-go",
                "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go",
                seconds=25,
            ),
        ),
        ldflags=f"-X {_PULUMI_VERSION}=v{GO_HOST_VERSION}",
    ),
    Group(
        name="pulumi-yaml",
        binaries=(
            Binary(
                "pulumi-language-yaml",
                "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
                seconds=50,
            ),
        ),
        ldflags=f"-X github.com/pulumi/pulumi-yaml/pkg/version.Version={YAML_HOST_VERSION}",
    ),
)

TOOLS: tuple[Tool, ...] = (
    # The SDK in the program's virtualenv is the same release; the engine stays compatible with
    # SDKs of its major version that are not newer than itself.
    Tool("pulumi", "pulumi", _PULUMI, Range.between(PULUMI_VERSION, "4.0")),
    Tool("pulumi-language-python", "pulumi", beside="pulumi"),
    Tool("pulumi-language-python-exec", "pulumi", beside="pulumi"),
    # Never from PATH, because they do not tell their version; a CLI without them is as good as one with them.
    Tool("pulumi-language-go", "pulumi-go"),
    Tool("pulumi-language-yaml", "pulumi-yaml"),
    # Never from PATH: the SDKs ask for exactly one plugin version, from $PULUMI_HOME.
    Tool("pulumi-resource-kubernetes", "pulumi-kubernetes"),
    Tool("pulumi-resource-vault", "pulumi-vault"),
    # Cluster components must share their minor version with the API server of the sandbox.
    Tool("kwok", "kwok", _KWOK, Range.between("0.8", "0.9")),
    Tool("kwokctl", "kwok", _KWOK, Range.between("0.8", "0.9")),
    Tool("etcd", "etcd", _ETCD, Range.between("3.6", "3.7")),
    Tool("kube-apiserver", "kubernetes", _KUBE, Range.between("1.36", "1.37")),
    Tool("kube-controller-manager", "kubernetes", _KUBE, Range.between("1.36", "1.37")),
    Tool("kube-scheduler", "kubernetes", _KUBE, Range.between("1.36", "1.37")),
    # Wider than the one minor version of skew that Kubernetes supports: scripts use plain verbs
    # only, and a kubectl that someone already trusts is worth more than the exact version.
    Tool("kubectl", "kubernetes", _KUBECTL, Range.between("1.33", "2.0")),
    # JWT auth, transit and KV version 2 kept their API over this range.
    Tool("vault", "vault", _VAULT, Range.between("1.15", "2.0")),
    # Renders charts without a cluster; what version 3 renders, the provider's library of version 3 renders too.
    Tool("helm", "helm", _HELM, Range.between("3.14", "4.0")),
    # Checks the workflow files for GitHub Actions; a newer one knows newer runners.
    Tool("actionlint", "actionlint", _ACTIONLINT, Range.between("1.7.12", "2.0")),
    # Never from PATH: its CRDs come from the same module, and the two must match.
    Tool("vault-secrets-operator", "vault-secrets-operator"),
)

PLUGIN_PREFIX = "pulumi-resource-"
CRDS_GROUP = "vault-secrets-operator"
CRDS_FOLDER = "crds"
