from __future__ import annotations

import json
from typing import Any

import pytest

from app_of_apps.objects.record import record_name, record_number, release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.provenance import Provenance, carried
from app_of_apps.release.resolve import resolve
from app_of_apps.release.stored import stored_release
from tests.unit.release.world import child, environment, manifest


def release_of(**versions: str) -> Any:
    return resolve(manifest(*(child(name=name) for name in versions)), environment(versions=versions))


def recorded(release: Any, number: int = 1, last: Any = None, **more: Any) -> Any:
    """Return the ConfigMap that a deployment of the release leaves behind."""
    origin = Provenance(release.digest, number, **{"commit": "c0ffee", "author": "Ada <ada@example.com>", **more})
    return release_record(release, origin, carried(release, last, origin))[1].manifest


def test_the_record_is_an_immutable_config_map_in_the_parents_namespace() -> None:
    release = release_of(api="1.0.0")
    namespace, one = release_record(release, Provenance(release.digest, 7))
    assert namespace.manifest["metadata"]["name"] == "shop-parent"
    assert one.manifest["immutable"] is True
    assert one.manifest["metadata"]["namespace"] == "shop-parent"
    assert one.manifest["metadata"]["name"] == record_name(release.digest, 7) == one.name
    assert one.name == "release-7-" + release.digest[len("sha256:") :][:12]


def test_the_record_says_what_was_released_and_where_it_came_from() -> None:
    release = release_of(api="1.0.0")
    data = recorded(release, approvals=("dora", "emil"))["data"]
    assert (data["digest"], data["number"]) == (release.digest, "1")
    assert (data["parent"], data["environment"]) == ("shop", "staging")
    origin = {"release": release.digest, "number": 1, "commit": "c0ffee", "author": "Ada <ada@example.com>"}
    assert json.loads(data["children"]) == {
        "api": {
            "digest": release.child("api").digest,
            "image": "registry.example.com/api:1.0.0",
            "provenance": {**origin, "approvals": ["dora", "emil"]},
            "team": "core",
            "type": "service",
            "version": "1.0.0",
        }
    }


def test_the_record_keeps_the_content() -> None:
    release = release_of(api="1.0.0", web="2.0.0")
    assert stored_release(recorded(release)) == release


def test_a_release_keeps_its_number_while_it_stands_and_gets_a_new_one_when_it_comes_back() -> None:
    first, second = release_of(api="1.0.0"), release_of(api="2.0.0")
    assert record_number(first, None) == 1
    one = recorded(first, 1)
    assert record_number(first, one) == 1
    assert record_number(second, one) == 2
    two = recorded(second, 2, one)
    assert record_number(first, two) == 3
    assert record_name(first.digest, 3) != record_name(first.digest, 1)


@pytest.mark.parametrize("number", [None, "", "x", "-1"])
def test_a_record_of_before_there_were_numbers_counts_as_number_0(number: str | None) -> None:
    release = release_of(api="1.0.0")
    data = {"digest": release.digest, "children": "{}", **({} if number is None else {"number": number})}
    assert record_number(release, {"data": data}) == 1


def test_a_child_that_does_not_change_keeps_where_it_came_from() -> None:
    first, second = release_of(api="1.0.0", web="1.0.0"), release_of(api="1.0.0", web="1.1.0", new="1.0.0")
    one = recorded(first, 1)
    now = Provenance(second.digest, 2, "beef", "Ben <ben@example.com>", ("dora",))
    origins = carried(second, one, now)
    assert {name: origin.number for name, origin in origins.items()} == {"api": 1, "web": 2, "new": 2}
    assert origins["api"].commit == "c0ffee"
    two = release_record(second, now, origins)[1].manifest
    assert carried(second, two, Provenance(second.digest, 3)) == origins


@pytest.mark.parametrize("children", ["", "[]", "{", '{"api": 1}', '{"api": {"digest": "x", "provenance": {}}}'])
def test_a_record_that_cannot_be_read_gives_every_child_a_new_origin(children: str) -> None:
    release = release_of(api="1.0.0")
    now = Provenance(release.digest, 4)
    assert carried(release, {"data": {"children": children}}, now) == {"api": now}


def test_the_origin_stands_on_every_object_and_in_no_pod_template() -> None:
    release = release_of(api="1.0.0")
    origin = Provenance(release.digest, 2, "c0ffee-dirty", "Ada <ada@example.com>", ("dora", "emil"))
    (objects,) = release_objects(release, {"api": origin})
    told = {
        "app-of-apps/release-digest": release.digest,
        "app-of-apps/git-commit": "c0ffee-dirty",
        "app-of-apps/author": "Ada <ada@example.com>",
        "app-of-apps/approvals": "dora, emil",
    }
    for one in objects.kubernetes:
        assert told.items() <= one.manifest["metadata"]["annotations"].items(), one.name
        template = one.manifest.get("spec", {}).get("template", {})
        assert not told.keys() & template.get("metadata", {}).get("annotations", {}).keys()
    (plain,) = release_objects(release)
    assert not any(told.keys() & one.manifest["metadata"]["annotations"].keys() for one in plain.kubernetes)
