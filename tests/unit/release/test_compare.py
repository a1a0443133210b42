from __future__ import annotations

from hypothesis import given

from app_of_apps.release.compare import compare
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import RUNS, child, environment, manifest, worlds


def test_a_changed_child_is_described_field_by_field() -> None:
    made = manifest(child(config={"own": {"MODE": "a", "OLD": "x"}}), child(name="front"))
    before = resolve(made, environment(versions={"api": "1.0", "front": "1"}))
    other = manifest(child(config={"own": {"MODE": "b", "NEW": "y"}}, command=["run"]), child(name="front"))
    after = resolve(other, environment(versions={"api": "1.1", "front": "1"}, children={"front": {"replicas": 3}}))
    api, front = compare(before, after).children
    assert (api.name, api.change) == ("api", "changed")
    assert [str(field) for field in api.fields] == [
        "image registry.example.com/api:1.0 → registry.example.com/api:1.1",
        "spec.command  → run",
        "spec.config.own.MODE a → b",
        "spec.config.own.NEW added (y)",
        "spec.config.own.OLD removed (was x)",
        "version 1.0 → 1.1",
    ]
    assert [str(field) for field in front.fields] == ["spec.replicas 1 → 3"]


def test_added_and_removed_children_are_named() -> None:
    before = resolve(manifest(child(name="old")), environment(versions={"old": "1"}))
    after = resolve(manifest(child(name="new")), environment(versions={"new": "1"}))
    assert [(one.name, one.change) for one in compare(before, after).children] == [("new", "added"), ("old", "removed")]


def test_differences_outside_the_children_are_told_apart() -> None:
    staging = resolve(manifest(child()), environment("staging", versions={"api": "1"}))
    prod = resolve(manifest(child()), environment("prod", versions={"api": "1"}))
    difference = compare(staging, prod)
    assert difference.children == ()
    assert [field.path for field in difference.release] == ["environment", "vault.mounts.jwt", "vault.mounts.kv"]


@given(worlds(at_most=3), worlds(at_most=3))
@RUNS
def test_two_releases_differ_exactly_when_their_digests_do(one, other) -> None:
    before, after = resolve(*one), resolve(*other)
    assert not compare(before, before)
    assert bool(compare(before, after)) == (before.digest != after.digest)
