from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.errors import InvalidInput
from app_of_apps.release.content import resolved_content
from app_of_apps.release.digest import digest
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import RUNS, Chart, child, environment, manifest, worlds

if TYPE_CHECKING:
    import random


def problems(*args, **kwargs) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as caught:
        resolve(*args, **kwargs)
    return [(one.position.file, one.message, one.hint) for one in caught.value.problems]


def test_children_come_in_dependency_order_whatever_the_order_of_the_files() -> None:
    api = child(name="api", dependsOn=["migration"])
    migration = child(name="migration", type="migration", versionFrom="api")
    settings = environment(versions={"api": "1.0.0"})
    one = resolve(manifest(api, migration), settings)
    other = resolve(manifest(migration, api), settings)
    assert [resolved.name for resolved in one.children] == ["migration", "api"]
    assert one == other


def test_namespace_version_and_image_follow_from_parent_and_environment() -> None:
    release = resolve(manifest(child()), environment(versions={"api": "1.4.0"}))
    api = release.child("api")
    assert api.namespace == "shop-api"
    assert api.version == "1.4.0"
    assert api.image == "registry.example.com/api:1.4.0"
    with pytest.raises(KeyError):
        release.child("ghost")


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("1.0", "registry.example.com/api:1.0"),
        ("@sha256:" + "a" * 64, "registry.example.com/api@sha256:" + "a" * 64),
        ("1.0@sha256:" + "a" * 64, "registry.example.com/api:1.0@sha256:" + "a" * 64),
    ],
)
def test_an_image_is_named_by_tag_by_digest_or_by_both(version: str, image: str) -> None:
    assert resolve(manifest(child()), environment(versions={"api": version})).child("api").image == image


def test_a_child_can_take_the_version_of_another_one() -> None:
    made = manifest(child(), child(name="migration", type="migration", versionFrom="api"))
    release = resolve(made, environment(versions={"api": "7"}))
    assert release.child("migration").image == "registry.example.com/migration:7"


def test_a_missing_version_points_at_the_environments_versions_and_says_which_line_to_add() -> None:
    assert problems(manifest(child()), environment()) == [
        (
            "Pulumi.staging.yaml#versions",
            "the version of api is missing",
            "add the line `api: <version>` to versions",
        )
    ]


def test_every_problem_of_every_kind_is_reported_in_one_go() -> None:
    made = manifest(
        child(),
        child(name="worker", type="worker", versionFrom="api", autoscaling={"maxReplicas": 3}),
        child(name="chart", type="chart"),
        child(name="plain", type="manifests"),
        config={"market": {}},
    )
    settings = environment(
        versions={"api": "1", "worker": "2", "chart": "1", "plain": "1", "aip": "3"},
        children={
            "wroker": {"replicas": 1},
            "worker": {"replicas": 2},
            "chart": {"replicas": 2, "config": {"A": "b"}, "resources": {}},
            "api": {"host": "x.example.com"},
        },
        config={"marekt": {"A": "b"}},
    )
    found = {(place, message, hint) for place, message, hint in problems(made, settings)}
    at = "Pulumi.staging.yaml#"
    assert found == {
        (f"{at}versions.aip", "there is no child named aip", "did you mean api?"),
        (
            f"{at}versions.worker",
            "worker takes its version from api, and is given one as well",
            "remove the line, or remove versionFrom from worker",
        ),
        (
            f"{at}versions.chart",
            "chart is of type chart and takes no version",
            "give the chart a versionValue, or remove the line",
        ),
        (
            f"{at}versions.plain",
            "plain is of type manifests and takes no version",
            "remove the line: a version of plain manifests stands in their files",
        ),
        (f"{at}children.wroker", "there is no child named wroker", "did you mean worker?"),
        (
            f"{at}children.worker.replicas",
            "worker has autoscaling, which owns the number of replicas",
            "remove it",
        ),
        (f"{at}children.chart.replicas", "chart is of type chart and has no replicas", "remove it"),
        (
            f"{at}children.chart.config",
            "chart is of type chart and has no environment variables of its own",
            "remove it",
        ),
        (
            f"{at}children.chart.resources",
            "chart is of type chart, whose resources stand in its own files",
            "remove it",
        ),
        (f"{at}children.api.host", "api is not exposed, so it has no host to replace", "remove it"),
        (f"{at}config.marekt", "the parent has no shared set named marekt", "did you mean market?"),
    }


def test_a_version_can_only_come_from_a_child_that_has_one() -> None:
    made = manifest(
        child(versionFrom="chart"),
        child(name="chart", type="chart"),
        child(name="late", type="chart", versionFrom="chart"),
    )
    assert [(place, message) for place, message, _ in problems(made, environment())] == [
        ("api.yaml#versionFrom", "chart is of type chart and has no version"),
        ("late.yaml#versionFrom", "has no effect without versionValue"),
    ]


def test_the_environment_overrides_replicas_config_host_and_shared_sets() -> None:
    made = manifest(
        child(
            replicas=2,
            config={"shared": ["market"], "own": {"MODE": "normal", "LEVEL": "info"}},
            expose={"host": "shop.example.com", "path": "/api"},
        ),
        config={"market": {"CURRENCY": "EUR", "VAT": "20"}},
    )
    settings = environment(
        versions={"api": "1"},
        children={"api": {"replicas": 5, "config": {"MODE": "loud", "NEW": "1"}, "host": "staging.example.com"}},
        config={"market": {"VAT": "0", "PAYMENT": "sandbox"}},
    )
    api = resolve(made, settings).child("api")
    assert api.spec.replicas == 5
    assert api.spec.config.own == {"MODE": "loud", "LEVEL": "info", "NEW": "1"}
    assert api.spec.expose.host == "staging.example.com"
    assert api.spec.expose.path == "/api"
    assert api.shared == {"market": {"CURRENCY": "EUR", "VAT": "0", "PAYMENT": "sandbox"}}


def test_a_child_gets_only_the_shared_sets_it_asked_for_in_its_order() -> None:
    made = manifest(child(config={"shared": ["b", "a"]}), config={"a": {"A": "1"}, "b": {"B": "1"}, "c": {"C": "1"}})
    assert list(resolve(made, environment(versions={"api": "1"})).child("api").shared) == ["b", "a"]


def test_an_environment_may_not_give_a_plain_value_to_what_is_a_secret() -> None:
    made = manifest(
        child(secrets={"TOKEN": {"path": "core/api", "key": "token"}}, config={"shared": ["market"]}),
        config={"market": {}},
    )
    settings = environment(
        versions={"api": "1"}, children={"api": {"config": {"TOKEN": "x"}}}, config={"market": {"TOKEN": "y"}}
    )
    assert [(place, message) for place, message, _ in problems(made, settings)] == [
        ("Pulumi.staging.yaml#children.api.config.TOKEN", "api takes TOKEN from a secret"),
        ("Pulumi.staging.yaml#config.market.TOKEN", "api takes TOKEN from a secret"),
    ]


def test_a_probe_that_keeps_a_port_of_its_template_needs_that_port() -> None:
    templates = {"web": {"probes": {"readiness": {"http": {"path": "/", "port": "metrics"}}}}}
    made = manifest(child(template="web", probes={"readiness": {"http": {"path": "/x"}}}), templates=templates)
    ((place, message, _),) = problems(made, environment(versions={"api": "1"}))
    assert place == "api.yaml#probes.readiness"
    assert message == "merged with its template, asks port metrics, which api does not have"


def test_an_edge_to_a_child_that_the_environment_scales_to_zero_is_a_problem() -> None:
    made = manifest(child(), child(name="front", dependsOn=["api"]))
    settings = environment(versions={"api": "1", "front": "1"}, children={"api": {"replicas": 0}})
    ((place, message, _),) = problems(made, settings)
    assert place == "Pulumi.staging.yaml#children.api.replicas"
    assert message == "front depends on api, which has 0 replicas here: there is nothing to wait for"


def test_an_environment_may_give_replicas_to_a_child_that_has_none_by_itself() -> None:
    made = manifest(child(replicas=0), child(name="front", dependsOn=["api"]))
    versions = {"api": "1", "front": "1"}
    assert problems(made, environment(versions=versions))[0][0] == "front.yaml#dependsOn[0]"
    resolve(made, environment(versions=versions, children={"api": {"replicas": 1}}))


def test_with_autoscaling_the_effective_replicas_are_the_smallest() -> None:
    made = manifest(child(replicas=0, autoscaling={"minReplicas": 2, "maxReplicas": 4}))
    assert resolve(made, environment(versions={"api": "1"})).child("api").spec.replicas == 2


def test_a_charts_version_goes_where_version_value_says_and_leaves_the_manifest_alone() -> None:
    chart = child(name="cache", type="chart", versionValue="image.tag", values={"image": {"repository": "r"}, "n": 1})
    made = manifest(chart, charts={"cache": Chart("charts/cache", "sha256:" + "1" * 64)})
    cache = resolve(made, environment(versions={"cache": "7.2"})).child("cache")
    assert cache.values == {"image": {"repository": "r", "tag": "7.2"}, "n": 1}
    assert cache.spec.chart == "charts/cache"
    assert cache.chart_digest == "sha256:" + "1" * 64
    assert chart.values == {"image": {"repository": "r"}, "n": 1}


def test_a_charts_version_value_must_lead_to_a_free_place() -> None:
    settings = environment(versions={"cache": "7.2"})
    taken = child(name="cache", type="chart", versionValue="image.tag", values={"image": {"tag": "latest"}})
    assert problems(manifest(taken), settings)[0][1] == "is set here and by versionValue"
    blocked = child(name="cache", type="chart", versionValue="image.tag", values={"image": "nginx"})
    assert problems(manifest(blocked), settings)[0][1] == "values.image is no mapping to put a version in"


def test_plain_documents_are_placed_in_the_childs_namespace() -> None:
    documents = (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "labels": {"a": "b"}}},
        {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "i"}},
        {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "shop-plain"}},
    )
    made = manifest(child(name="plain", type="manifests"), documents={"plain": documents})
    placed = resolve(made, environment()).child("plain").documents
    assert [(one["kind"], one["metadata"].get("namespace")) for one in placed] == [
        ("Service", "shop-plain"),
        ("ClusterIssuer", None),
        ("Widget", "shop-plain"),
    ]
    assert placed[0]["metadata"]["labels"] == {"a": "b"}
    assert "namespace" not in documents[0]["metadata"]


# --- digests ----------------------------------------------------------------------------------------------------------


def test_where_a_release_goes_is_no_part_of_its_digest() -> None:
    made = manifest(child(secrets={"T": {"path": "a", "key": "b"}}))
    mounts = {"kv": "kv-staging", "jwt": "jwt-staging"}
    here = environment(versions={"api": "1"}, vault={"mounts": mounts, "address": "http://127.0.0.1:8200"})
    there = environment(
        versions={"api": "1"},
        vault={"mounts": mounts, "address": "https://vault.example.com"},
        cluster={"context": "other", "server": "https://other:6443", "caSha256": "0" * 64},
    )
    assert resolve(made, here).digest == resolve(made, there).digest


@pytest.mark.parametrize(
    "other",
    [
        {"versions": {"api": "2", "front": "1"}},
        {"children": {"api": {"replicas": 7}}},
        {"children": {"api": {"config": {"A": "b"}}}},
        {"config": {"market": {"A": "b"}}},
        {"vault": {"mounts": {"kv": "elsewhere", "jwt": "jwt-staging"}}},
        {"vault": {"mounts": {"kv": "kv-staging", "jwt": "jwt-staging"}, "audience": "other"}},
        {"name": "prod"},
    ],
)
def test_a_change_of_content_changes_the_digest(other: dict) -> None:
    made = manifest(child(config={"shared": ["market"]}), child(name="front"), config={"market": {}})
    base = {"versions": {"api": "1", "front": "1"}}
    assert resolve(made, environment(**base)).digest != resolve(made, environment(**(base | other))).digest


def test_a_change_of_one_child_changes_the_digest_of_that_child_alone() -> None:
    made = manifest(child(), child(name="front", dependsOn=["api"]))
    before = resolve(made, environment(versions={"api": "1", "front": "1"}))
    after = resolve(made, environment(versions={"api": "2", "front": "1"}))
    assert before.child("api").digest != after.child("api").digest
    assert before.child("front").digest == after.child("front").digest
    assert before.digest != after.digest


def test_what_is_told_and_not_deployed_is_no_part_of_the_digest() -> None:
    settings = environment(versions={"api": "1"})
    template = {"deadline": "3m"}
    one = resolve(manifest(child(description="old", template="web"), templates={"web": template}), settings)
    two = resolve(manifest(child(description="new", template="net"), templates={"net": template}), settings)
    assert one.digest == two.digest


def test_a_new_version_of_the_program_is_a_new_release(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = environment(versions={"api": "1"})
    before = resolve(manifest(child()), settings)
    monkeypatch.setattr("app_of_apps.__version__", "99.0.0")
    after = resolve(manifest(child()), settings)
    assert before.digest != after.digest
    assert before.child("api").digest == after.child("api").digest


@given(worlds())
@RUNS
def test_any_valid_world_resolves_and_orders(world) -> None:
    release = resolve(*world)
    position = {one.name: index for index, one in enumerate(release.children)}
    assert set(position) == set(world[0].children)
    for one in release.children:
        assert all(position[needed] < position[one.name] for needed in one.spec.depends_on)
        assert digest(resolved_content(one)) == one.digest
    assert plan(release).order == tuple(position)


@given(worlds(), st.randoms(use_true_random=False))
@RUNS
def test_digests_survive_any_permutation_of_keys_and_children(world, shuffler: random.Random) -> None:
    made, settings = world
    names = list(made.children)
    shuffler.shuffle(names)

    def shuffled(value):
        if isinstance(value, dict):
            keys = list(value)
            shuffler.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return value

    def again(model):
        return type(model).model_validate(shuffled(model.model_dump(by_alias=True, exclude_unset=True)))

    other = replace(made, parent=again(made.parent), children={name: again(made.children[name]) for name in names})
    assert resolve(other, replace(settings, settings=again(settings.settings))).digest == resolve(*world).digest
