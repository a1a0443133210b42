from __future__ import annotations

import json
import subprocess
from typing import Self

import pytest

from app_of_apps.deploy.past import PastRelease
from app_of_apps.objects.record import release_record
from app_of_apps.release.digest import digest
from app_of_apps.release.provenance import Provenance

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")


def change(project, old: str, new: str) -> None:
    file = project / "Pulumi.staging.yaml"
    file.write_text(file.read_text().replace(old, new))


@pytest.fixture
def committed(project):
    """The project with one commit, tagged v1."""
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "First"], ["tag", "v1"]):
        subprocess.run([*GIT, *command], cwd=project, check=True)
    return project


@pytest.fixture
def on_record(project, monkeypatch):
    """Put releases as the working tree makes them into what the cluster keeps."""
    from app_of_apps.release.project import load_world

    kept: list[PastRelease] = []
    monkeypatch.setattr("app_of_apps.deploy.past.past_releases", lambda *_: tuple(kept))
    monkeypatch.setattr("app_of_apps.environment.kube_reader.KubeReader", NoCluster)

    def keep() -> None:
        release = load_world(project, ["staging"]).releases["staging"]
        number = len(kept) + 1
        stored = release_record(release, Provenance(release.digest, number))[1].manifest
        kept.append(PastRelease(number, stored["metadata"]["name"], release.digest, None, stored))

    keep.kept = kept
    return keep


class NoCluster:
    """Stands in for the connection to a cluster: what would be read is given by `on_record`."""

    def __init__(self, context: str) -> None:
        assert context == "nowhere"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_release_of_the_working_tree_is_shown_with_its_children(aoa):
    result = aoa("release", "show", "staging", "--offline")
    assert result.code == 0, result.err
    assert "shop in staging (working tree): release sha256:" in result.out
    assert [line.split()[:4] for line in result.out.splitlines()[2:]] == [
        ["db", "migration", "core", "1.4.0"],
        ["api", "service", "core", "1.4.0"],
        ["site", "service", "web", "2.0.0"],
    ]


def test_the_digests_are_those_of_the_content_that_is_printed(aoa):
    shape = json.loads(aoa("release", "show", "staging", "--offline", "-o", "json").out)
    assert shape["format"] == "app-of-apps/release/v1"
    assert digest(shape["content"]) == shape["digest"]
    assert {one["name"]: digest(one["content"]) for one in shape["children"]} == shape["content"]["children"]
    assert (shape["source"], shape["number"], shape["snapshot"], shape["snapshotDigest"]) == (
        "working tree",
        None,
        None,
        None,
    )


def test_without_a_vault_to_ask_there_is_no_snapshot_and_a_note_says_so(aoa):
    result = aoa("release", "show", "staging", "-o", "json")
    assert result.code == 0
    assert json.loads(result.out)["snapshot"] is None
    assert "no snapshot" in result.err


def test_versions_of_secrets_are_in_the_snapshot_and_not_in_the_release(project, aoa, monkeypatch):
    change(project, "vault: {", "vault: {address: 'https://vault.example.com:8200', ")
    monkeypatch.setenv("VAULT_TOKEN", "none")
    found = []
    for version in (1, 2):
        monkeypatch.setattr(
            "app_of_apps.evidence.vault.EvidenceVault.versions",
            lambda _, kv, paths, version=version: {f"{kv}/{path}": version for path in paths},
        )
        found.append(json.loads(aoa("release", "show", "staging", "-o", "json").out))
    one, other = found
    assert one["snapshot"]["secrets"] == {"kv-staging/core/db": 1}
    assert one["digest"] == other["digest"] == one["snapshot"]["release"]
    assert one["snapshotDigest"] == digest(one["snapshot"]) != other["snapshotDigest"]


def test_the_environment_may_be_left_out_where_there_is_one(aoa):
    assert aoa("release", "show", "--offline").out == aoa("release", "show", "staging", "--offline").out


def test_a_revision_is_compared_with_the_working_tree_in_words(committed, aoa):
    change(committed, "api: 1.4.0", "api: 1.5.0")
    result = aoa("release", "diff", "v1:staging", "staging")
    assert result.code == 1
    assert result.out.splitlines() == [
        "from staging (revision v1) to staging (working tree):",
        "  api: changed · pods restart: yes",
        "    version 1.4.0 → 1.5.0",
        "  db: changed · the migration runs",
        "    version 1.4.0 → 1.5.0",
    ]
    shape = json.loads(aoa("release", "show", "staging", "--at", "v1", "-o", "json", "--offline").out)
    assert shape["source"] == "revision v1"
    diff = json.loads(aoa("release", "diff", "v1:staging", "staging", "-o", "json").out)
    assert diff["before"]["release"] == shape["digest"]
    assert [(one["name"], one["pods"]) for one in diff["children"]] == [("api", "restart"), ("db", "run again")]


@pytest.mark.usefixtures("committed")
def test_nothing_changed_is_exit_code_0(aoa):
    result = aoa("release", "diff", "HEAD:staging", "staging")
    assert result.code == 0
    assert "nothing changes" in result.out


def test_an_environment_alone_is_compared_with_its_last_record(project, aoa, on_record):
    on_record()
    change(project, "site: 2.0.0", "site: 2.1.0")
    on_record()
    change(project, "site: 2.1.0", "site: 2.2.0")
    assert "    version 2.1.0 → 2.2.0" in aoa("release", "diff", "staging").out
    assert "    version 2.0.0 → 2.1.0" in aoa("release", "diff", "staging@1", "staging@last").out
    shape = json.loads(aoa("release", "show", "staging", "--record", "1", "-o", "json").out)
    assert (shape["source"], shape["number"], digest(shape["content"])) == ("record 1", 1, shape["digest"])


def test_a_record_that_is_not_there_is_named_with_those_that_are(aoa, on_record):
    result = aoa("release", "diff", "staging")
    assert (result.code, "no release of staging is on record" in result.err) == (2, True)
    on_record()
    result = aoa("release", "show", "staging", "--record", "7")
    assert result.code == 2
    assert "there is no record 7 of staging" in result.err
    assert "known: 1" in result.err


def test_a_record_whose_content_is_not_what_its_digest_names_is_refused(aoa, on_record):
    on_record()
    stored = on_record.kept[0].stored
    stored["data"]["digest"] = "sha256:" + "0" * 64
    result = aoa("release", "diff", "staging")
    assert result.code == 3
    assert "is not what its digest names" in result.err


def test_what_does_not_go_together_or_is_not_there_is_invalid(aoa):
    assert aoa("release", "show", "staging", "--at", "HEAD", "--record", "1").code == 2
    assert aoa("release", "show", "nowhere").code == 2
    assert aoa("release", "diff", "no-such-revision:staging", "staging").code in {2, 4}
