from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from app_of_apps.objects.release_words import release_words
from app_of_apps.objects.render import child_objects
from app_of_apps.release.resolve import resolve
from tests.unit.objects.rendered import pod_templates
from tests.unit.release.world import RUNS, child, environment, manifest, worlds


def changed(before: dict[str, Any], after: dict[str, Any], *, versions: tuple[str, str] = ("1", "1"), **more: Any):
    """Return what is said of one child, a service unless told otherwise."""
    old, new = (
        resolve(
            manifest(child(**fields, **more), child(name="other")), environment(versions={"api": version, "other": "1"})
        )
        for fields, version in zip((before, after), versions, strict=True)
    )
    (one,) = release_words(old, new).children
    return one


def test_a_new_version_is_one_line_and_restarts_the_pods() -> None:
    one = changed({}, {}, versions=("1.13.2", "1.14.0"))
    assert (one.words, one.pods) == (("version 1.13.2 → 1.14.0",), "restart")


def test_a_number_of_replicas_restarts_nothing() -> None:
    one = changed({"replicas": 2}, {"replicas": 3})
    assert (one.words, one.pods) == (("replicas 2 → 3",), "stay")


def test_configuration_is_named_as_its_author_named_it() -> None:
    one = changed({"config": {"own": {"OLD": "a"}}}, {"config": {"own": {"MODE": "live"}}})
    assert (one.words, one.pods) == (("config MODE added (live)", "config OLD removed (was a)"), "restart")


def test_secrets_are_named_by_path_and_key() -> None:
    url, key = {"path": "orders/x", "key": "url"}, {"path": "orders/x", "key": "key"}
    one = changed({"secrets": {"URL": url}}, {"secrets": {"URL": url, "KEY": key}})
    assert (one.words, one.pods) == (("reads one more secret orders/x:key",), "restart")
    back = changed({"secrets": {"URL": url, "KEY": key}}, {"secrets": {"URL": url}})
    assert back.words == ("no longer reads the secret orders/x:key",)


def test_a_secret_that_goes_to_another_variable_is_not_silent() -> None:
    url = {"path": "orders/x", "key": "url"}
    one = changed({"secrets": {"URL": url}}, {"secrets": {"ADDRESS": url}})
    assert one.words
    assert one.pods == "restart"


def test_an_edge_restarts_nothing() -> None:
    one = changed({}, {"dependsOn": ["other"]})
    assert (one.words, one.pods) == (("waits for other too",), "stay")


@pytest.mark.parametrize(("kind", "pods"), [("migration", "run again"), ("cronjob", "next run"), ("worker", "restart")])
def test_what_a_change_does_to_the_pods_depends_on_the_type(kind: str, pods: str) -> None:
    assert changed({}, {}, versions=("1", "2"), type=kind).pods == pods


def test_of_a_chart_nobody_knows_it() -> None:
    one = changed({}, {}, versions=("1", "2"), type="chart", versionValue="image.tag")
    assert (one.words, one.pods) == (("version 1 → 2",), "unknown")


def test_documents_are_named() -> None:
    def of(*names: str, data: str = "a"):
        documents = tuple(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": data}} for name in names
        )
        return resolve(manifest(child(name="plain", type="manifests"), documents={"plain": documents}), environment())

    (one,) = release_words(of("a", "b"), of("b", "c", data="z")).children
    assert one.words == ("ConfigMap a removed", "ConfigMap b changed", "ConfigMap c added")
    assert one.pods == "stay"


def test_a_label_of_the_parent_reaches_the_pods_of_children_that_did_not_change() -> None:
    old, new = (
        resolve(manifest(child(), labels=labels), environment(versions={"api": "1"})) for labels in ({}, {"tier": "x"})
    )
    found = release_words(old, new)
    assert [(one.name, one.pods) for one in found.children] == [("api", "restart")]
    assert [str(one) for one in found.release] == ["labels.tier added (x)"]


@given(worlds(at_most=3), worlds(at_most=3))
@RUNS
def test_every_changed_child_has_words_and_its_pods_stay_exactly_when_their_templates_do(one: Any, other: Any) -> None:
    before, after = resolve(*one), resolve(*other)
    assert not release_words(before, before)
    found = release_words(before, after)
    assert bool(found) == (before.digest != after.digest)
    for told in found.children:
        assert told.words, told
        if (
            told.change == "changed"
            and told.pods in {"stay", "restart"}
            and after.child(told.name).spec.type in {"service", "worker"}
        ):
            old, new = (list(pod_templates(child_objects(of, of.child(told.name)))) for of in (before, after))
            assert (old == new) == (told.pods == "stay")
