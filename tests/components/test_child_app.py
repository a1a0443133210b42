"""What a child registers: its groups in order, deadlines, waits, names."""

from __future__ import annotations

import importlib
import inspect
import itertools
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from app_of_apps.objects.render import child_objects
from components import type_tokens
from components.chart_app import ChartApp
from components.child_app import ChildAppArgs
from components.kubernetes import timeouts, type_token
from tests.components.recording import record
from tests.components.shop import program, release, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.recording import RecordingMonitor, Registration


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordingMonitor:
    return record(program(release(tmp_path_factory.mktemp("shop"), shop())))


def _urns(found: list[Registration]) -> set[str]:
    return {one.urn for one in found}


def _kinds(recorded: RecordingMonitor, name: str, *kinds: str) -> list[Registration]:
    return [one for one in recorded.below(name) if one.kind in kinds]


def test_the_groups_of_a_child_come_one_after_the_other(recorded: RecordingMonitor) -> None:
    stages = [
        _kinds(recorded, "api", "Namespace"),
        _kinds(recorded, "api", "ServiceAccount", "ConfigMap", "VaultConnection", "VaultAuth"),
        _kinds(recorded, "api", "VaultStaticSecret"),
        _kinds(recorded, "api", "Deployment"),
        _kinds(recorded, "api", "Service", "PodDisruptionBudget"),
    ]
    assert [len(stage) for stage in stages] == [1, 5, 1, 1, 2]
    for before, after in itertools.pairwise(stages):
        for one in after:
            assert one.began >= max(other.ended for other in before), one.name


def test_what_runs_depends_on_everything_that_it_reads(recorded: RecordingMonitor) -> None:
    read = _urns(_kinds(recorded, "api", "ServiceAccount", "ConfigMap", "VaultStaticSecret"))
    (deployment,) = _kinds(recorded, "api", "Deployment")
    assert read <= deployment.dependencies


def test_the_way_to_vault_is_laid_before_the_first_login(recorded: RecordingMonitor) -> None:
    (policy,) = _kinds(recorded, "api", "Policy")
    (role,) = _kinds(recorded, "api", "AuthBackendRole")
    (secret,) = _kinds(recorded, "api", "VaultStaticSecret")
    assert policy.urn in role.dependencies
    assert role.urn in secret.dependencies
    assert _urns(_kinds(recorded, "api", "ServiceAccount")) <= secret.dependencies
    assert _urns(_kinds(recorded, "api", "VaultAuth", "VaultConnection")) <= secret.dependencies
    assert secret.parent == recorded.named("api-vault").urn


def test_a_role_is_bound_to_the_childs_service_account_and_its_policy(recorded: RecordingMonitor) -> None:
    (role,) = _kinds(recorded, "api", "AuthBackendRole")
    assert role.inputs["boundSubject"] == "system:serviceaccount:shop-api:api"
    assert role.inputs["boundAudiences"] == ["vault"]
    assert role.inputs["tokenPolicies"] == ["staging_shop_api"]
    assert role.inputs["backend"] == "jwt-staging"


def test_a_child_without_secrets_has_nothing_in_vault(recorded: RecordingMonitor) -> None:
    assert not [one for one in recorded.below("mailer") if one.type.startswith("vault:") or "Vault" in one.kind]


def test_shared_sets_are_a_component_of_the_child_that_asks(recorded: RecordingMonitor) -> None:
    assert recorded.named("api-shared-config").type == type_tokens.SHARED_CONFIG
    assert recorded.named("api-config-shared-market").parent == recorded.named("api-shared-config").urn
    assert recorded.named("api-config").parent == recorded.named("api").urn
    assert not [one for one in recorded.below("front") if one.type == type_tokens.SHARED_CONFIG]


def test_a_deadline_is_the_wait_for_each_object_that_has_health(recorded: RecordingMonitor) -> None:
    for kind in ("Deployment", "VaultStaticSecret"):
        (one,) = _kinds(recorded, "api", kind)
        assert (one.request.customTimeouts.create, one.request.customTimeouts.update) == ("90s", "90s"), kind


def test_a_wait_for_a_deletion_is_never_shorter_than_a_namespace_takes() -> None:
    short, long = timeouts(5), timeouts(900)
    assert short is not None
    assert long is not None
    assert (short.delete, long.delete) == ("300s", "900s")
    assert timeouts(None) is None


def test_documents_come_before_what_reads_them_and_services_are_not_waited_for(recorded: RecordingMonitor) -> None:
    config = recorded.named("broker-configmap-broker-config")
    service = recorded.named("broker-service-broker")
    deployment = recorded.named("broker-deployment-broker")
    assert {config.urn, service.urn} <= deployment.dependencies
    assert service.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert "pulumi.com/skipAwait" not in deployment.inputs["metadata"]["annotations"]
    assert deployment.request.customTimeouts.create == "300s"


def test_a_chart_is_a_remote_component_after_its_namespace(recorded: RecordingMonitor) -> None:
    chart = recorded.named("reports-chart")
    assert chart.type == "kubernetes:helm.sh/v4:Chart"
    assert chart.request.remote
    assert recorded.named("reports-namespace").urn in chart.dependencies
    assert chart.inputs["namespace"] == "shop-reports"
    assert chart.inputs["values"]["tag"] == "1.0.0"
    assert len(chart.request.transforms) == 1


@pytest.mark.parametrize(
    ("api_version", "kind", "token"),
    [
        ("v1", "ConfigMap", "kubernetes:core/v1:ConfigMap"),
        ("apps/v1", "Deployment", "kubernetes:apps/v1:Deployment"),
        ("batch/v1", "Job", "kubernetes:batch/v1:Job"),
        ("policy/v1", "PodDisruptionBudget", "kubernetes:policy/v1:PodDisruptionBudget"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"),
        ("networking.k8s.io/v1", "Ingress", "kubernetes:networking.k8s.io/v1:Ingress"),
        ("rbac.authorization.k8s.io/v1", "Role", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
    ],
)
def test_a_kind_has_the_token_of_its_class_in_the_providers_package(api_version: str, kind: str, token: str) -> None:
    assert type_token(api_version, kind) == token
    group, _, version = api_version.rpartition("/")
    package = (group or "core").partition(".")[0]
    module = importlib.import_module(f"pulumi_kubernetes.{package}.{version}.{kind}")
    assert f"'{token}'" in inspect.getsource(module)


class _Transform:
    """Gives a chart's transform what the engine would give it."""

    def __init__(self, folder: Path) -> None:
        of = release(folder, shop())
        self.child = of.child("reports")
        self.objects = child_objects(of, self.child)

    def __call__(self, type_: str, *, custom: bool = True, **metadata: Any) -> pulumi.ResourceTransformResult | None:
        results: list[pulumi.ResourceTransformResult | None] = []

        def run() -> None:
            app = ChartApp("reports", ChildAppArgs(self.child, self.objects))
            given = pulumi.ResourceTransformArgs(custom, type_, "x", {"metadata": metadata}, pulumi.ResourceOptions())
            result = app._adopt(())(given)
            assert not hasattr(result, "__await__")
            results.append(result)  # type: ignore[arg-type]

        record(run)
        return results[0]


def test_what_a_chart_makes_gets_our_labels_and_keeps_its_own(tmp_path: Path) -> None:
    result = _Transform(tmp_path)(
        "kubernetes:apps/v1:Deployment", name="reports", labels={"app.kubernetes.io/name": "theirs", "app": "reports"}
    )
    assert result is not None
    labels = result.props["metadata"]["labels"]
    assert labels["app.kubernetes.io/part-of"] == "shop"
    assert labels["app.kubernetes.io/name"] == "theirs"
    assert labels["app"] == "reports"
    assert not [name for name in labels if name.startswith("pod-security.")]
    annotations = result.props["metadata"]["annotations"]
    assert annotations["app-of-apps/team"] == "core"
    assert "pulumi.com/skipAwait" not in annotations
    assert result.opts.custom_timeouts is not None
    assert result.opts.custom_timeouts.create == "120s"


def test_a_chart_s_services_are_not_waited_for_and_components_are_left_alone(tmp_path: Path) -> None:
    transform = _Transform(tmp_path)
    service = transform("kubernetes:core/v1:Service", name="reports")
    assert service is not None
    assert service.props["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert transform("kubernetes:helm.sh/v4:Chart", custom=False) is None
