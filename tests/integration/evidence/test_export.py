"""From the cluster to an auditor's machine: exported here, verified where there is neither cluster nor Vault."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from .kept import names, without

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.approval.gated import Gated

pytestmark = pytest.mark.integration


def verified(world: Gated, bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Verify with the program alone: no variables, no project, no cluster, no Vault."""
    command = [sys.executable, "-m", "app_of_apps", "evidence", "verify", str(bundle), *arguments]
    environ = {"PYTHONPATH": str(world.box.project)}
    return subprocess.run(command, cwd=bundle.parent, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def bundle(lived: Gated, tmp_path: Path) -> Path:
    file = tmp_path / "bundle.zip"
    done = lived.program("evidence", "export", "staging", "-o", str(file))
    assert done.code == 0, done.text
    assert "not signed" not in done.stderr
    return file


def test_a_bundle_is_verified_offline(lived: Gated, bundle: Path) -> None:
    done = verified(lived, bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything is as it was signed" in done.stdout
    assert "ATTENTION: checked with the keys that came with the bundle" in done.stdout
    assert f"records 1 to {len(names(lived))} of lived in staging" in done.stdout


def test_with_the_keys_of_vault_nothing_is_taken_on_trust(lived: Gated, bundle: Path) -> None:
    read = ["vault", "read", "-format=json", "transit/keys/aoa-evidence-staging"]
    answer = subprocess.run(read, env=lived.environ, capture_output=True, text=True, check=True).stdout
    keys = bundle.with_name("keys.json")
    keys.write_text(answer)
    done = verified(lived, bundle, "--keys", str(keys), "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    shape = json.loads(done.stdout)
    assert shape["intact"] is True
    assert shape["keysPinned"] is True
    assert shape["notes"] == []
    assert shape["about"]["anchor"] == shape["about"]["head"]


def test_an_edited_bundle_is_named(lived: Gated, bundle: Path) -> None:
    changed = bundle.with_name("changed.zip")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(
                name, content.replace(b"1.0.1-hotfix", b"1.0.1-harmless") if name == "records.jsonl" else content
            )
    done = verified(lived, changed)
    assert done.returncode == 1
    assert "NOT as it was signed" in done.stdout
    assert "record 4 edited" in done.stdout


def test_the_page_answers_the_question(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        page = archive.read("report.html").decode()
    assert "dora" in page
    assert "1.0.0 → 1.0.1-hotfix" in page
    assert "SOC 2 CC8.1" in page


def test_a_bundle_is_not_overwritten(lived: Gated, bundle: Path) -> None:
    before = bundle.read_bytes()
    done = lived.program("evidence", "export", "staging", "-o", str(bundle))
    assert done.code == 2
    assert "is there already" in done.stderr
    assert bundle.read_bytes() == before


def test_what_is_missing_in_the_cluster_is_missing_in_the_bundle_and_named(lived: Gated, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    with without(lived, names(lived)[-1]):
        done = lived.program("evidence", "export", "staging", "-o", str(file))
        assert done.code == 1, done.text
        listed = lived.program("evidence", "list", "staging")
        assert listed.code == 1
        assert "dropped" in listed.stderr
    checked = verified(lived, file)
    assert checked.returncode == 1
    assert "dropped" in checked.stdout


def test_a_time_without_records_makes_a_bundle_without_records(lived: Gated, tmp_path: Path) -> None:
    file = tmp_path / "empty.zip"
    done = lived.program("evidence", "export", "staging", "--from", "2020-01", "--to", "2020-02", "-o", str(file))
    assert done.code == 0, done.text
    assert verified(lived, file).returncode == 0


@pytest.mark.parametrize("content", [b"", b"no bundle", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_bundle_is_an_error(content: bytes, lived: Gated, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(content)
    done = verified(lived, file)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
