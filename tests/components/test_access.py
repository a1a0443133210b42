"""The groups of the identity provider in Vault, and what is refused before anything of a child is declared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2

from app_of_apps.errors import InvalidInput
from app_of_apps.objects.access import VaultGroup
from app_of_apps.objects.model import VaultPolicy
from components import type_tokens
from components.access import Access, AccessArgs
from components.chart_app import ChartApp
from components.chart_check import check_charts
from components.parent_app import ParentApp
from tests.components.recording import record
from tests.components.shop import parent_args, release, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.recording import RecordingMonitor

GROUPS = tuple(
    VaultGroup(f"staging_shop_group_{name}", name.upper(), "oidc", VaultPolicy(f"staging_shop_group_{name}", name))
    for name in ("auditors", "ops")
)
ACCESS = AccessArgs(GROUPS, "accessor-1")
CLUSTER_ADMIN = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "reports"},
}


def answering(answers: dict[str, Any]) -> Any:
    """Make a monitor answer calls of functions by name; each answer is a dict or makes one of the arguments."""

    def prepare(monitor: RecordingMonitor) -> None:
        def invoke(request: Any) -> Any:
            answer = answers[request.tok]
            found = answer(dict(request.args)) if callable(answer) else answer
            result = struct_pb2.Struct()
            result.update(found)
            return resource_pb2.ResourceInvokeResponse(**{"return": result})

        monitor.Invoke = invoke  # type: ignore[method-assign]

    return prepare


IDS = answering({"vault:identity/getGroup:getGroup": lambda asked: {"groupId": f"id of {asked['groupName']}"}})


def _declare() -> None:
    Access("access", ACCESS, pulumi.ResourceOptions())


def test_each_group_has_a_policy_then_itself_then_an_alias() -> None:
    recorded = record(_declare, seen=IDS)
    for group in GROUPS:
        policy = recorded.named(f"{group.name}-policy")
        made = recorded.named(f"{group.name}-group")
        alias = recorded.named(f"{group.name}-alias")
        assert policy.inputs == {"name": group.policy.name, "policy": group.policy.policy}
        assert policy.urn in made.dependencies
        assert made.urn in alias.dependencies
        assert {policy.parent, made.parent, alias.parent} == {recorded.named("access").urn}


def test_a_group_is_written_by_its_name_and_its_alias_by_the_environments_accessor() -> None:
    recorded = record(_declare, seen=IDS)
    made = recorded.named("staging_shop_group_ops-group").inputs
    assert made["path"] == "identity/group/name/staging_shop_group_ops"
    assert json.loads(made["dataJson"]) == {"type": "external", "policies": ["staging_shop_group_ops"]}
    alias = recorded.named("staging_shop_group_ops-alias").inputs
    assert alias["path"] == "identity/group-alias"
    # The recorder answers a resource with its name and `-id`, where the provider answers with its path.
    assert json.loads(alias["dataJson"]) == {
        "name": "OPS",
        "mount_accessor": "accessor-1",
        "canonical_id": "id of staging_shop_group_ops-group-id",
    }
    assert alias["disableDelete"] is True


def test_the_record_waits_for_access_as_for_every_child(tmp_path: Path) -> None:
    of = release(tmp_path, shop())

    def program() -> None:
        ParentApp("shop", parent_args(of, access=ACCESS), pulumi.ResourceOptions())

    recorded = record(program, seen=IDS)
    assert recorded.named("shop-access").type == type_tokens.ACCESS
    (record_map,) = [one for one in recorded.below("release-record") if one.kind == "ConfigMap"]
    assert {one.urn for one in recorded.below("shop-access")} <= _closure(recorded, record_map.dependencies)


def _closure(recorded: RecordingMonitor, urns: frozenset[str]) -> set[str]:
    known = {one.urn: one.dependencies for one in recorded.registrations}
    found: set[str] = set()
    todo = list(urns)
    while todo:
        urn = todo.pop()
        if urn not in found:
            found.add(urn)
            todo += known.get(urn, ())
    return found


def _program_with_chart(folder: Path, rendered: list[dict[str, Any]]) -> RecordingMonitor:
    of = release(folder, shop())
    monitors: list[RecordingMonitor] = []
    answers = answering({"kubernetes:helm:template": {"result": rendered}})

    def program() -> None:
        args = parent_args(of)
        check_charts(args.objects, args.providers.kubernetes)
        ParentApp("shop", args, pulumi.ResourceOptions())

    def seen(monitor: RecordingMonitor) -> None:
        monitors.append(monitor)
        answers(monitor)

    try:
        record(program, seen=seen)
    except InvalidInput as error:
        error.add_note(str([one.type for one in monitors[0].registrations if one.name != "app-of-apps-staging"]))
        raise
    return monitors[0]


def test_a_chart_that_escalates_is_refused_before_any_object_is_declared(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the chart of reports makes ClusterRoleBinding reports") as caught:
        _program_with_chart(tmp_path, [CLUSTER_ADMIN])
    (registered,) = caught.value.__notes__
    assert "ParentApp" not in registered
    assert "kubernetes:" not in registered.replace("pulumi:providers:kubernetes", "")


def test_a_chart_that_does_not_is_declared(tmp_path: Path) -> None:
    harmless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "reports"}}
    assert _program_with_chart(tmp_path, [harmless]).named("reports-chart")


def test_what_a_chart_makes_only_while_it_is_deployed_is_looked_at_when_it_is_registered(tmp_path: Path) -> None:
    of = release(tmp_path, shop())
    results: list[Any] = []

    def program() -> None:
        parent = ParentApp("shop", parent_args(of), pulumi.ResourceOptions())
        chart = parent.children["reports"]
        assert isinstance(chart, ChartApp)
        adopt = chart._adopt([])
        for manifest in (CLUSTER_ADMIN, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}):
            given = pulumi.ResourceTransformArgs(
                custom=True, type_="kubernetes:x:X", name="x", props=manifest, opts=pulumi.ResourceOptions()
            )
            try:
                results.append(adopt(given))
            except InvalidInput as error:
                results.append(error)

    record(program)
    refused, adopted = results
    assert "the chart of reports makes ClusterRoleBinding reports" in str(refused)
    assert adopted.props["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shop"


def _gone(monitor: RecordingMonitor) -> None:
    """Answer as the engine does where Vault has no such group."""
    failure = provider_pb2.CheckFailure(reason="1 error occurred: no Identity Group found 'map[name:x]'")
    monitor.Invoke = lambda _: resource_pb2.ResourceInvokeResponse(failures=[failure])  # type: ignore[method-assign]


def test_a_group_that_is_gone_is_told_with_what_to_do() -> None:
    said: list[str] = []
    args = AccessArgs(GROUPS[:1], "accessor-1", failed=said.append)
    with pytest.raises(
        pulumi.RunError, match="staging_shop_group_auditors-group-id was made by an earlier run"
    ) as found:
        record(lambda: Access("access", args, pulumi.ResourceOptions()) and None, seen=_gone)
    assert said == [str(found.value)]
    assert said[0].startswith("Unavailable: ")
    assert "`aoa drift staging --fix`" in said[0]


def test_what_is_removed_may_be_gone_already() -> None:
    args = AccessArgs(GROUPS[:1], "accessor-1", updates=False)
    recorded = record(lambda: Access("access", args, pulumi.ResourceOptions()) and None, seen=_gone)
    alias = json.loads(recorded.named("staging_shop_group_auditors-alias").inputs["dataJson"])
    assert alias["canonical_id"] == ""
