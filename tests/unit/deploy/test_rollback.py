from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.past import Past, PastRelease
from app_of_apps.deploy.rollback import back_in_git, rollback
from app_of_apps.environment.load import load_environment
from app_of_apps.environment.settings import Images
from app_of_apps.errors import Refused
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.resolve import resolve
from app_of_apps.release.restore import Order
from app_of_apps.release.stored import packed_release
from tests.strategies import World, write_world

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Project = tuple["Manifest", "LoadedEnvironment", "Release"]


class Cluster:
    """A cluster with nothing but the Jobs of one migration."""

    def __init__(self, *jobs: str) -> None:
        self.jobs = jobs

    def get(self, path: str, **_: str) -> None:
        raise AssertionError(path)

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        if path != "/apis/batch/v1/namespaces/shop-db/jobs":
            return []
        return [
            {
                "metadata": {"annotations": {"app-of-apps/child-digest": digest}},
                "status": {"completionTime": str(index), "conditions": [{"type": "Complete", "status": "True"}]},
            }
            for index, digest in enumerate(self.jobs)
        ]


def project(folder: Path, version: str, **db: Any) -> Project:
    """Write a migration and an API of one version, and load them."""
    common = {"apiVersion": "app-of-apps/v1", "kind": "Child", "team": "core", "image": "registry.example.com/api"}
    children = {
        "db": {**common, "name": "db", "type": "migration", "versionFrom": "api", **db},
        "api": {**common, "name": "api", "type": "service", "ports": [{"port": 8080}], "dependsOn": ["db"]},
    }
    parent = {"apiVersion": "app-of-apps/v1", "kind": "Parent", "name": "shop", "teams": {"core": {"contact": "#c"}}}
    settings = {
        "name": "staging",
        "cluster": {"context": "staging"},
        "vault": {"mounts": {"kv": "kv", "jwt": "jwt"}},
        "versions": {"api": version},
    }
    file = write_world(folder, World(parent, children, settings))
    manifest, environment = load_manifest(file), load_environment("staging", folder)
    return manifest, environment, resolve(manifest, environment)


def past(*releases: Release, failed: Release | None = None, vouched: bool = True) -> Past:
    """Return the past in which these releases succeeded, in order, and perhaps one failed afterwards."""
    kept, records = [], []
    for number, release in enumerate(releases, 1):
        data = {"metadata": {"name": f"release-{number}"}, "data": {"digest": release.digest}}
        stored = {**data, "binaryData": packed_release(release)}
        kept.append(PastRelease(number, f"release-{number}", release.digest, COMMIT, stored))
    for release in (*releases, *([failed] if failed else [])):
        children = {one.name: {"digest": one.digest} for one in release.children}
        sequence = len(records) + 1
        shared = {"operation": "up", "release": {"digest": release.digest}, "git": {"commit": COMMIT}}
        records.append({**shared, "kind": "began", "sequence": sequence, "children": children, "result": None})
        result = "failed" if release is failed else "succeeded"
        end = {"kind": "ended", "sequence": sequence + 1, "attempt": sequence, "children": {}, "result": result}
        records.append({**shared, **end})
    return Past("staging", tuple(kept), tuple(records), vouched=vouched)


def test_what_is_stored_comes_back_as_it_was(tmp_path: Path) -> None:
    old = project(tmp_path / "old", "1.0.0")
    manifest, environment, now = project(tmp_path / "new", "2.0.0", compatibleFrom="1.0.0")
    known = past(old[2], now)
    done = rollback(Order(1), manifest=manifest, environment=environment, now=now, past=known, kube=Cluster())
    assert {name: one.version for name, one in done.release.by_name.items()} == {"api": "1.0.0", "db": "2.0.0"}
    assert done.approved
    assert done.words.splitlines()[1:] == [
        "  api 2.0.0 → 1.0.0 comes back",
        "  db stays at 2.0.0: a schema goes forward only",
    ]


def test_a_chain_that_nobody_vouches_for_approves_nothing(tmp_path: Path) -> None:
    old = project(tmp_path / "old", "1.0.0")
    manifest, environment, now = project(tmp_path / "new", "2.0.0", compatibleFrom="1.0.0")
    known = past(old[2], now, vouched=False)
    done = rollback(Order(1), manifest=manifest, environment=environment, now=now, past=known, kube=Cluster())
    assert not done.approved


def test_what_the_working_tree_changed_since_the_last_success_is_not_deployed(tmp_path: Path) -> None:
    old, new = project(tmp_path / "old", "1.0.0"), project(tmp_path / "new", "1.0.0", labels={"tier": "x"})
    manifest, environment, edited = project(tmp_path / "edited", "9.9.9")
    known = past(old[2], new[2])
    order = Order(1, ("db",))
    done = rollback(order, manifest=manifest, environment=environment, now=edited, past=known, kube=Cluster())
    assert done.release.child("api") == new[2].child("api")


def test_a_migration_of_a_failed_update_that_ran_is_asked_what_can_live_with_it(tmp_path: Path) -> None:
    old = project(tmp_path / "old", "1.0.0")
    manifest, environment, now = project(tmp_path / "new", "2.0.0", compatibleFrom="2.0.0")
    ran = Cluster(old[2].child("db").digest, now.child("db").digest)
    known = past(old[2], failed=now)
    assert known.before().number == 1
    with pytest.raises(Refused, match=r"db 2\.0\.0 needs api 2\.0\.0 or newer"):
        rollback(Order(1), manifest=manifest, environment=environment, now=now, past=known, kube=ran)
    did_not_run = Cluster(old[2].child("db").digest)
    done = rollback(Order(1), manifest=manifest, environment=environment, now=now, past=known, kube=did_not_run)
    assert done.release.digest == old[2].digest


def test_what_stays_of_a_failed_update_is_what_it_wanted_and_nothing_else(tmp_path: Path) -> None:
    old = project(tmp_path / "old", "1.0.0")
    manifest, environment, now = project(tmp_path / "new", "2.0.0", compatibleFrom="1.0.0")
    known = past(old[2], failed=now)
    sequence = known.records[2]["sequence"]
    ran = Cluster(now.child("db").digest)
    order = Order(1, ("api",), sequence)
    done = rollback(order, manifest=manifest, environment=environment, now=now, past=known, kube=ran)
    assert (done.release.child("db"), done.release.child("api")) == (now.child("db"), old[2].child("api"))
    assert done.approved
    edited = project(tmp_path / "edited", "2.0.1")[2]
    with pytest.raises(Refused, match=f"the working tree is not what attempt {sequence} of staging wanted"):
        rollback(order, manifest=manifest, environment=environment, now=edited, past=known, kube=ran)


def test_git_is_named_where_the_working_tree_says_something_else(tmp_path: Path) -> None:
    old = project(tmp_path / "old", "1.0.0")
    manifest, environment, now = project(tmp_path / "new", "2.0.0", compatibleFrom="1.0.0")
    known = past(old[2], now)

    def lines(order: Order, commit: str | None = COMMIT) -> str:
        done = rollback(order, manifest=manifest, environment=environment, now=now, past=known, kube=Cluster())
        done = replace(done, target=replace(done.target, commit=commit))
        return "\n".join(back_in_git(done, now, manifest))

    assert f"git revert --no-edit {COMMIT[:12]}..HEAD" in lines(Order(1))
    one = lines(Order(1, ("api",)))
    assert f"git restore --source {COMMIT[:12]} -- {tmp_path / 'new/apps/api.yaml'}" in one
    assert "in Pulumi.staging.yaml, under versions: api: 1.0.0" in one
    assert "put back what parent.yaml, apps/ and Pulumi.staging.yaml said at release 1" in lines(Order(1), None)
    assert lines(Order(2)) == ""


@pytest.mark.parametrize("version", ["1.0.0", f"1.0.0@sha256:{'a' * 64}"])
def test_images_without_a_digest_do_not_come_back_where_digests_are_asked_for(tmp_path: Path, version: str) -> None:
    old = project(tmp_path / "old", version)
    digest = "b" * 64
    manifest, environment, now = project(tmp_path / "new", f"2.0.0@sha256:{digest}", compatibleFrom="1.0.0")
    pinned = environment.settings.model_copy(update={"images": Images(pinned=True)})
    known = past(old[2], now)
    given = {"manifest": manifest, "environment": replace(environment, settings=pinned), "now": now, "past": known}
    if "@" in version:
        assert rollback(Order(1), **given, kube=Cluster()).release.by_name["api"].version == version
        return
    with pytest.raises(Refused, match=r"release 1 has images without a digest[\s\S]*api: registry\.example\.com/api:1"):
        rollback(Order(1), **given, kube=Cluster())


def test_what_stands_without_a_digest_may_stay(tmp_path: Path) -> None:
    manifest, environment, now = project(tmp_path / "old", "1.0.0")
    failed = project(tmp_path / "new", f"2.0.0@sha256:{'b' * 64}", compatibleFrom="1.0.0")[2]
    pinned = environment.settings.model_copy(update={"images": Images(pinned=True)})
    given = {"manifest": manifest, "environment": replace(environment, settings=pinned), "now": failed}
    done = rollback(Order(1), **given, past=past(now, failed=failed), kube=Cluster(now.child("db").digest))
    assert done.release.digest == now.digest
