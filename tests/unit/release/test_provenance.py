"""Where each child's content came from: kept while the child is the same, new when it changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.objects.record import record_number, release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.provenance import Provenance, carried
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import RUNS, child, environment, manifest, worlds

OURS = ("release-digest", "git-commit", "author", "approvals")

commits = st.builds(
    lambda commit, author, names: {"commit": commit, "author": author, "approvals": tuple(sorted(names))},
    st.one_of(st.none(), st.just("c0ffee"), st.just("0ff1ce-dirty")),
    st.one_of(st.none(), st.just("Ada <ada@example.com>")),
    st.sets(st.sampled_from(["bea", "cem", "dan"])),
)


def deployed(release: Any, last: Any, by: dict[str, Any]) -> tuple[dict[str, Provenance], Any]:
    """Return the origins of a release's children and the record that it leaves."""
    origin = Provenance(release.digest, record_number(release, last), **by)
    origins = carried(release, last, origin)
    return origins, release_record(release, origin, origins)[1].manifest


@given(st.lists(st.tuples(worlds(at_most=3), commits), min_size=2, max_size=4))
@RUNS
def test_over_any_history_a_child_names_the_release_that_last_changed_it(history: list[Any]) -> None:
    last, before = None, {}
    for world, by in history:
        release = resolve(*world)
        origins, last = deployed(release, last, by)
        assert origins.keys() == release.by_name.keys()
        for name, found in origins.items():
            old = before.get(name)
            if old is not None and old[0] == release.child(name).digest:
                assert found == old[1]
            else:
                assert (found.release, found.commit, found.author) == (release.digest, by["commit"], by["author"])
        before = {name: (release.child(name).digest, found) for name, found in origins.items()}


@given(worlds(at_most=4), commits, commits)
@RUNS
def test_the_same_release_from_another_commit_gives_the_same_objects_and_record_name(
    world: Any, one: Any, other: Any
) -> None:
    release = resolve(*world)
    origins, record = deployed(release, None, one)
    again, second = deployed(release, record, other)
    assert release_objects(release, origins) == release_objects(release, again)
    assert second["metadata"]["name"] == record["metadata"]["name"]


def test_a_change_of_one_child_changes_no_object_of_another() -> None:
    def of(version: str):
        return resolve(manifest(child(), child(name="web")), environment(versions={"api": version, "web": "1"}))

    first, second = of("1"), of("2")
    origins, record = deployed(first, None, {"commit": "a"})
    later, _ = deployed(second, record, {"commit": "b"})
    before, after = (
        {one.child: one for one in release_objects(release, given_)}
        for release, given_ in ((first, origins), (second, later))
    )
    assert before["web"] == after["web"]
    assert before["api"] != after["api"]


@given(worlds(at_most=4), commits)
@RUNS
def test_every_object_carries_it_and_no_pod_template_does(world: Any, by: dict[str, Any]) -> None:
    release = resolve(*world)
    origins, _ = deployed(release, None, by)
    for described in release_objects(release, origins):
        wanted = origins[described.child].annotations
        assert wanted["app-of-apps/release-digest"] == release.digest
        for manifest_ in (*(one.manifest for one in described.kubernetes), *described.documents):
            annotations = manifest_["metadata"]["annotations"]
            assert {name: annotations[name] for name in wanted} == wanted
            body = {key: value for key, value in manifest_.items() if key != "metadata"}
            assert not any(f"app-of-apps/{name}" in repr(body) for name in OURS)


def test_a_rendering_without_a_cluster_has_none() -> None:
    release = resolve(manifest(child()), environment(versions={"api": "1"}))
    assert not any(f"app-of-apps/{name}" in repr(release_objects(release)) for name in OURS)


@pytest.mark.parametrize(
    "record",
    [
        {"data": {"children": "[]"}},
        {"data": {"children": "no json"}},
        {"data": {"children": '{"api": {"digest": "x"}}'}},
        {"data": None},
        {},
    ],
)
def test_a_record_of_before_leaves_every_child_with_todays_origin(record: dict[str, Any]) -> None:
    release = resolve(manifest(child()), environment(versions={"api": "1"}))
    now = Provenance(release.digest, 1)
    assert carried(release, record, now) == {"api": now}
    assert record_number(release, record) == 1
