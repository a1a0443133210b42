from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.past import PastRelease
from app_of_apps.deploy.rollback import Rollback
from app_of_apps.release.provenance import Provenance, carried
from app_of_apps.release.resolve import resolve
from app_of_apps.release.restore import Order, Sources, compose
from components.restore import Restoration
from tests.unit.release.world import child, environment, manifest

if TYPE_CHECKING:
    from app_of_apps.release.model import Release

FIRST = Provenance("sha256:1", 1, "commit-1", "ada", ("dora",))
NOW = Provenance("sha256:3", 3, "commit-3", "eve")


def shop(version: str) -> Release:
    children = [child(), child(name="mail", type="worker"), child(name="queue", type="chart", versionValue="tag")]
    return resolve(manifest(*children), environment(versions={"api": version, "mail": "1", "queue": version}))


def record(release: Release, origin: Provenance) -> dict[str, Any]:
    children = {one.name: {"digest": one.digest, "provenance": origin.shape()} for one in release.children}
    return {"metadata": {"name": "x"}, "data": {"children": json.dumps(children)}}


def restoration(old: Release, last: Release, charts: dict[str, Path]) -> Restoration:
    target = PastRelease(1, "release-1", old.digest, None, record(old, FIRST))
    restored = compose(Sources(last, last, old, {}, 1), (), lambda _: last.access)
    return Restoration(Rollback(Order(1), target, restored, approved=True, commits=()), manifest(child()), charts)


def test_a_child_that_comes_back_has_the_origin_that_it_had() -> None:
    old, last = shop("1"), shop("2")
    back = restoration(old, last, {})
    kept = Provenance("sha256:2", 2, "commit-2", "ben")
    found = back.origins(carried(back.release, record(last, kept), NOW), NOW)
    assert found == {"api": FIRST, "queue": FIRST, "mail": kept}


def test_a_chart_is_taken_from_where_it_lies() -> None:
    old, last = shop("1"), shop("2")
    back = restoration(old, last, {"queue": Path("/tmp/elsewhere")})  # noqa: S108 - never opened
    (queue,) = [one for one in back.objects({}) if one.child == "queue"]
    assert queue.chart is not None
    assert queue.chart["chart"] == "/tmp/elsewhere"  # noqa: S108 - never opened
    (own,) = [one for one in restoration(old, last, {}).objects({}) if one.child == "queue"]
    assert own.chart is not None
    assert own.chart["chart"] == "./charts/x"
