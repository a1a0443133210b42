"""What the parent registers: components, edges, order, options, outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from app_of_apps.errors import InvalidInput
from components import type_tokens
from components.parent_app import ParentApp
from tests.components.recording import record
from tests.components.shop import child, parent_args, program, release, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.recording import RecordingMonitor


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordingMonitor:
    return record(program(release(tmp_path_factory.mktemp("shop"), shop())))


def test_each_type_is_a_component_of_its_own_below_the_parent(recorded: RecordingMonitor) -> None:
    parent = recorded.named("shop")
    assert parent.type == type_tokens.PARENT_APP
    children = {one.name: one.type for one in recorded.registrations if one.parent == parent.urn}
    assert children == {
        "broker": type_tokens.MANIFESTS_APP,
        "reports": type_tokens.CHART_APP,
        "migration": type_tokens.MIGRATION_APP,
        "api": type_tokens.SERVICE_APP,
        "mailer": type_tokens.WORKER_APP,
        "night": type_tokens.CRONJOB_APP,
        "front": type_tokens.SERVICE_APP,
        "release-record": type_tokens.RELEASE_RECORD,
    }


def test_everything_but_providers_is_below_the_parent(recorded: RecordingMonitor) -> None:
    below = {one.urn for one in recorded.below("shop")}
    outside = {one.type for one in recorded.registrations if one.urn not in below}
    providers = {"pulumi:providers:kubernetes", "pulumi:providers:vault"}
    assert outside == {"pulumi:pulumi:Stack", type_tokens.PARENT_APP, *providers}


def test_a_child_depends_on_every_resource_of_everything_it_needs_directly_or_not(recorded: RecordingMonitor) -> None:
    front = recorded.named("front")
    for need in ("mailer", "reports", "api", "migration", "broker"):
        resources = {one.urn for one in recorded.below(need) if one.request.custom or one.request.remote}
        assert resources
        assert resources <= front.dependencies, need
    assert not front.dependencies & {one.urn for one in recorded.below("night")}


def test_a_child_without_needs_depends_on_no_other_child(recorded: RecordingMonitor) -> None:
    for name in ("broker", "migration", "reports"):
        inside = {one.urn for one in recorded.below(name)}
        assert all(one.dependencies <= inside for one in recorded.below(name)), name
        assert not recorded.named(name).dependencies


def test_nothing_of_a_dependent_is_registered_before_all_it_needs_is_done(tmp_path: Path) -> None:
    # The last thing of each need answers late; the rest of the graph must wait for it.
    late = ["migration-job", "broker-deployment-broker", "api-service", "mailer-deployment"]
    recorded = record(program(release(tmp_path, shop())), slow=late)
    needs = {
        "api": ("migration", "broker"),
        "mailer": ("api", "migration", "broker"),
        "night": ("api", "migration", "broker"),
        "front": ("mailer", "reports", "api", "migration", "broker"),
    }
    for name, needed in needs.items():
        began = min(one.began for one in (recorded.named(name), *recorded.below(name)))
        for need in needed:
            assert began >= max(one.ended for one in recorded.below(need)), f"{name} before {need}"


def test_children_that_do_not_need_each_other_go_at_the_same_time(tmp_path: Path) -> None:
    recorded = record(program(release(tmp_path, shop())), slow=["migration-job", "broker-deployment-broker"])
    job, deployment = recorded.named("migration-job"), recorded.named("broker-deployment-broker")
    assert job.began < deployment.ended
    assert deployment.began < job.ended


def test_the_record_comes_last_and_is_kept(recorded: RecordingMonitor) -> None:
    records = recorded.below("release-record")
    assert [one.kind for one in records] == ["Namespace", "ConfigMap"]
    others = [one for one in recorded.below("shop") if one not in records and one.name != "release-record"]
    assert min(one.began for one in records) >= max(one.ended for one in others)
    for one in records:
        assert one.request.retainOnDelete
        assert list(one.request.ignoreChanges) == ["metadata.annotations", "data", "binaryData"]
    resources = {one.urn for one in others if one.request.custom or one.request.remote}
    assert {one for one in resources if "pulumi:providers" not in one} <= records[0].dependencies


def test_every_resource_uses_the_one_provider_of_its_package(recorded: RecordingMonitor) -> None:
    providers = {one.name: one for one in recorded.registrations if one.type.startswith("pulumi:providers:")}
    assert set(providers) == {"kubernetes", "vault"}
    for one in recorded.below("shop"):
        if one.request.custom:
            package = one.type.partition(":")[0]
            assert one.request.provider.rpartition("::")[0] == providers[package].urn, one.name


def test_provider_inputs_hold_an_address_and_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.canary-of-the-token")
    monkeypatch.setenv("KUBECONFIG", "/canary/of/the/kubeconfig")
    recorded = record(program(release(tmp_path, shop())))
    assert recorded.named("kubernetes").inputs == {
        "context": "staging",
        "clusterIdentifier": "11111111-2222-3333-4444-555555555555",
        "enableServerSideApply": "true",
        "enableConfigMapMutable": "true",
    }
    assert recorded.named("vault").inputs == {"address": "https://vault.example.com", "skipChildToken": "true"}
    assert "canary" not in repr([one.request for one in recorded.registrations])


def test_the_status_is_versioned_and_plain(recorded: RecordingMonitor, tmp_path: Path) -> None:
    of = release(tmp_path, shop())
    (stack,) = [outputs for urn, outputs in recorded.outputs.items() if "pulumi:pulumi:Stack" in urn]
    status = stack["status"]
    assert status["version"] == 1
    assert status["environment"] == "staging"
    assert status["release"] == of.digest
    assert set(status["children"]) == {one.name for one in of.children}
    assert status["children"]["api"] == {
        "type": "service",
        "team": "core",
        "version": "1.0.0",
        "namespace": "shop-api",
        "digest": of.child("api").digest,
    }
    assert "version" not in status["children"]["broker"]


def test_no_input_is_the_text_of_an_output(recorded: RecordingMonitor) -> None:
    for one in recorded.registrations:
        assert "Calling __str__ on an Output" not in repr(one.inputs), one.name


def test_a_preview_registers_the_same(tmp_path: Path, recorded: RecordingMonitor) -> None:
    previewed = record(program(release(tmp_path, shop())), preview=True)
    assert {one.urn for one in previewed.registrations} == {one.urn for one in recorded.registrations}


def test_hooks_reach_every_resource_that_a_provider_handles(tmp_path: Path) -> None:
    def hooks() -> pulumi.ResourceHookBinding:
        return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("told", lambda _: False)])

    recorded = record(program(release(tmp_path, shop()), hooks=hooks))
    assert recorded.error_hooks == ["told"]
    resources = [one for one in recorded.below("shop") if one.request.custom]
    assert len(resources) > 20
    assert all(list(one.request.hooks.on_error) == ["told"] for one in resources)
    # One transform of the child's, one that carries the hooks into the process that makes the chart's objects.
    assert len(recorded.named("reports-chart").request.transforms) == 2


def test_a_name_that_comes_twice_is_seen(tmp_path: Path) -> None:
    # `api-service` is the Service of `api` and would be that of a child with a component of the same type and name.
    of = release(tmp_path, shop())

    def twice() -> None:
        program(of)()
        pulumi.ComponentResource(type_tokens.PARENT_APP, "shop")

    with pytest.raises(AssertionError, match="registered twice"):
        record(twice)


def test_a_child_that_ends_like_the_resource_of_another_has_its_own_names(tmp_path: Path) -> None:
    world = shop()
    world.children["api-vault"] = child("api-vault", "service")
    world.environment["versions"]["api-vault"] = "1.0.0"
    recorded = record(program(release(tmp_path, world)))
    assert len({one.urn for one in recorded.registrations}) == len(recorded.registrations)


def test_two_children_that_make_one_name_are_refused_before_anything_is_registered(tmp_path: Path) -> None:
    files = {"name": "config", "mountPath": "/etc/x", "files": {"a": "b"}}
    world = shop()
    world.children["x"] = child("x", "worker", volumes=[files])
    world.children["x-config-files"] = child("x-config-files", "worker", config={"own": {"A": "1"}})
    world.environment["versions"] |= {"x": "1.0.0", "x-config-files": "1.0.0"}
    of = release(tmp_path, world)

    def refused() -> None:
        with pytest.raises(InvalidInput, match="x and x-config-files both make a resource named x-config-files-config"):
            ParentApp("shop", parent_args(of))

    recorded = record(refused)
    assert not [one for one in recorded.registrations if one.type.startswith(("app-of-apps:", "kubernetes:"))]
