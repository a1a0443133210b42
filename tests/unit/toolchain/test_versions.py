from __future__ import annotations

import re

import pytest

from toolchain.catalogue import TOOLS
from toolchain.versions import Range, Version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", Version(3, 259, 0)),
        ("1.36", Version(1, 36, 0)),
        ("1.19.5+ent", Version(1, 19, 5)),
        ("v1.33.2-gke.1", Version(1, 33, 2)),
    ],
)
def test_reads_versions_as_binaries_print_them(text: str, version: Version) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "unknown", "v", "go1.26"])
def test_refuses_text_that_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


def test_a_range_includes_its_start_and_excludes_its_end() -> None:
    accepted = Range.between("1.33", "2.0")
    assert Version(1, 33, 0) in accepted
    assert Version(1, 99, 9) in accepted
    assert Version(1, 32, 99) not in accepted
    assert Version(2, 0, 0) not in accepted


@pytest.mark.parametrize(
    ("tool", "says", "fits"),
    [
        ("pulumi", "v3.259.0\n", True),
        ("pulumi", "v3.300.1\n", True),
        ("pulumi", "v3.258.9\n", False),
        ("pulumi", "v4.0.0\n", False),
        ("kubectl", '{"clientVersion": {\n  "gitVersion": "v1.32.4-dispatcher"}}', False),
        ("kubectl", '{"clientVersion": {\n  "gitVersion": "v1.34.1"}}', True),
        ("vault", "Vault v1.19.5 ('abc'), built 2025-05-29\n", True),
        ("vault", "Vault v1.14.9 ('abc'), built 2024-05-29\n", False),
        ("etcd", "etcd Version: 3.6.13\nGit SHA: abc\n", True),
        ("etcd", "etcd Version: 3.5.21\n", False),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)\n", True),
        ("kwokctl", "kwokctl version 0.7.0 go1.24 (linux/amd64)\n", False),
        ("kube-apiserver", "Kubernetes v1.36.3\n", True),
        ("kube-apiserver", "Kubernetes v1.35.9\n", False),
    ],
)
def test_what_counts_as_fitting_on_path(tool: str, says: str, *, fits: bool) -> None:
    entry = next(entry for entry in TOOLS if entry.name == tool)
    assert entry.probe is not None
    assert entry.fits is not None
    found = re.search(entry.probe.pattern, says, re.MULTILINE)
    assert found is not None
    assert (Version.parse(found.group(1)) in entry.fits) is fits
