from __future__ import annotations

import json

from app_of_apps.objects.record import record_name, release_record
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest


def record(version: str = "1.0.0", git_commit: str | None = "c0ffee", author: str | None = "ada@example.com"):
    """Return the release and its record's objects."""
    release = resolve(manifest(child()), environment(versions={"api": version}))
    return release, release_record(release, git_commit=git_commit, author=author)


def test_the_record_is_an_immutable_config_map_in_the_parents_namespace() -> None:
    release, (namespace, one) = record()
    assert namespace.manifest["metadata"]["name"] == "shop-parent"
    assert one.manifest["immutable"] is True
    assert one.manifest["metadata"]["namespace"] == "shop-parent"
    assert one.manifest["metadata"]["name"] == record_name(release.digest) == one.name
    assert one.name == "release-" + release.digest[len("sha256:") :][:12]


def test_the_record_says_what_was_released() -> None:
    release, (_, one) = record()
    data = one.manifest["data"]
    assert data["digest"] == release.digest
    assert (data["parent"], data["environment"]) == ("shop", "staging")
    assert json.loads(data["children"]) == {
        "api": {"digest": release.child("api").digest, "team": "core", "type": "service", "version": "1.0.0"}
    }


def test_the_data_follows_from_the_release_alone() -> None:
    _, (_, one) = record(git_commit="c0ffee", author="ada@example.com")
    _, (_, other) = record(git_commit=None, author=None)
    assert one.manifest["data"] == other.manifest["data"]
    assert one.name == other.name
    annotations = one.manifest["metadata"]["annotations"]
    assert annotations["app-of-apps/git-commit"] == "c0ffee"
    assert annotations["app-of-apps/author"] == "ada@example.com"
    assert "app-of-apps/author" not in other.manifest["metadata"]["annotations"]


def test_another_release_is_another_object() -> None:
    _, (_, one) = record("1.0.0")
    _, (_, other) = record("1.0.1")
    assert one.name != other.name
    assert one.manifest["metadata"]["name"] != other.manifest["metadata"]["name"]
