from __future__ import annotations

import pytest

from app_of_apps.objects.metadata import version_label
from tests.unit.objects.rendered import container, found, pod_templates, render, spec


def running(objects) -> list[str]:
    """Return the logical names of what runs and of how it is reached."""
    return [one.name for one in objects.kubernetes if one.group in {"workload", "exposure"}]


def test_a_service_is_a_namespace_an_account_a_deployment_and_a_service() -> None:
    objects = render()
    assert [one.name for one in objects.kubernetes[:2]] == ["namespace", "service-account"]
    assert running(objects) == ["deployment", "service"]


def test_health_comes_from_the_workload_within_the_childs_deadline() -> None:
    objects = render(deadline="90s")
    deployment = found(objects, "deployment")
    assert (deployment.wait, deployment.deadline) == (True, 90)
    assert deployment.manifest["spec"]["progressDeadlineSeconds"] == 90
    service = found(objects, "service")
    assert not service.wait
    assert service.manifest["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert found(render(), "deployment").deadline == 300


def test_a_deployment_of_no_replicas_is_nothing_to_wait_for() -> None:
    assert not found(render(replicas=0), "deployment").wait


def test_an_autoscaler_owns_the_replicas() -> None:
    objects = render(autoscaling={"minReplicas": 2, "maxReplicas": 6, "memoryUtilization": 70})
    assert "replicas" not in spec(objects, "deployment")
    scaler = spec(objects, "autoscaler")
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    assert [metric["resource"]["name"] for metric in scaler["metrics"]] == ["cpu", "memory"]
    assert spec(render(replicas=3), "deployment")["replicas"] == 3


def test_the_rollout_is_the_deployments_strategy() -> None:
    rolling = spec(
        render(rollout={"maxSurge": "25%", "maxUnavailable": 1, "terminationGracePeriod": "2m"}), "deployment"
    )
    assert rolling["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}
    assert rolling["template"]["spec"]["terminationGracePeriodSeconds"] == 120
    assert spec(render(rollout={"strategy": "Recreate"}), "deployment")["strategy"] == {"type": "Recreate"}


def test_probes_are_kubernetes_probes() -> None:
    probes = {
        "startup": {"grpc": 9000, "initialDelay": "3s"},
        "readiness": {"http": {"path": "/ready", "port": 8080}, "period": "5s", "timeout": "2s"},
        "liveness": {"exec": ["test", "-f", "/run/alive"]},
    }
    one = container(render(probes=probes))
    assert one["startupProbe"]["grpc"] == {"port": 9000}
    assert one["startupProbe"]["initialDelaySeconds"] == 3
    assert one["readinessProbe"] == {
        "httpGet": {"path": "/ready", "port": 8080},
        "periodSeconds": 5,
        "timeoutSeconds": 2,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert one["livenessProbe"]["exec"] == {"command": ["test", "-f", "/run/alive"]}
    assert container(render(probes={"readiness": {"tcp": "http"}}))["readinessProbe"]["tcpSocket"] == {"port": "http"}


def test_the_service_offers_the_service_port_and_targets_the_containers_by_name() -> None:
    objects = render(ports=[{"port": 8080, "servicePort": 80}, {"name": "dns", "port": 5353, "protocol": "UDP"}])
    assert spec(objects, "service")["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "dns", "port": 5353, "targetPort": "dns", "protocol": "UDP"},
    ]
    assert container(objects)["ports"][1] == {"name": "dns", "containerPort": 5353, "protocol": "UDP"}


def test_a_worker_has_no_service_even_with_ports() -> None:
    assert running(render(type="worker", ports=[{"port": 9090, "name": "metrics"}])) == ["deployment"]


def test_an_ingress_leads_to_the_services_port() -> None:
    objects = render(
        ports=[{"port": 8080, "servicePort": 80}],
        expose={
            "host": "shop.example.com",
            "path": "/api",
            "ingressClass": "public",
            "tlsSecret": "shop-tls",
            "annotations": {"example.com/limit": "10"},
        },
    )
    ingress = spec(objects, "ingress")
    assert ingress["ingressClassName"] == "public"
    assert ingress["tls"] == [{"hosts": ["shop.example.com"], "secretName": "shop-tls"}]
    (rule,) = ingress["rules"]
    assert rule["host"] == "shop.example.com"
    assert rule["http"]["paths"] == [
        {"path": "/api", "pathType": "Prefix", "backend": {"service": {"name": "api", "port": {"number": 80}}}}
    ]
    annotations = found(objects, "ingress").manifest["metadata"]["annotations"]
    assert annotations["example.com/limit"] == "10"
    assert annotations["pulumi.com/skipAwait"] == "true"


def test_an_http_route_attaches_to_its_gateway() -> None:
    objects = render(expose={"host": "shop.example.com", "kind": "HTTPRoute", "gateway": "infra/public"})
    route = found(objects, "http-route").manifest
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "infra"}]
    assert route["spec"]["rules"][0]["backendRefs"] == [{"name": "api", "port": 8080}]


@pytest.mark.parametrize(
    ("budget", "field"),
    [({"minAvailable": 1}, ("minAvailable", 1)), ({"maxUnavailable": "0%"}, ("maxUnavailable", "0%"))],
)
def test_a_disruption_budget_is_a_pod_disruption_budget(budget: dict, field: tuple) -> None:
    body = spec(render(disruptionBudget=budget), "disruption-budget")
    assert (field[0], body[field[0]]) == field
    assert len(body) == 2


def test_the_service_accounts_token_is_mounted_only_where_it_is_asked_for() -> None:
    for asked in (False, True):
        objects = render(serviceAccount={"mountToken": asked, "annotations": {"example.com/role": "r"}})
        account = found(objects, "service-account").manifest
        assert account["automountServiceAccountToken"] is asked
        assert account["metadata"]["annotations"]["example.com/role"] == "r"
        (template,) = pod_templates(objects)
        assert template["spec"]["automountServiceAccountToken"] is asked


def test_volumes_are_scratch_space_files_and_secrets() -> None:
    objects = render(
        volumes=[
            {"name": "scratch", "mountPath": "/scratch", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}},
            {"name": "mail", "mountPath": "/etc/mail", "files": {"a.txt": "hello"}},
            {"name": "tls", "mountPath": "/etc/tls", "secret": "core/tls"},
        ]
    )
    (template,) = pod_templates(objects)
    assert template["spec"]["volumes"] == [
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}},
        {"name": "mail", "configMap": {"name": "files-mail"}},
        {"name": "tls", "secret": {"secretName": "vault-core-tls"}},
    ]
    assert container(objects)["volumeMounts"] == [
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "mail", "mountPath": "/etc/mail", "readOnly": True},
        {"name": "tls", "mountPath": "/etc/tls", "readOnly": True},
    ]
    assert found(objects, "config-files-mail").manifest["data"] == {"a.txt": "hello"}


# --- configuration ----------------------------------------------------------------------------------------------------


def checksum(**fields) -> str | None:
    (template,) = pod_templates(render(**fields))
    return template["metadata"]["annotations"].get("app-of-apps/config-checksum")


def test_own_configuration_wins_over_shared_sets_and_later_sets_over_earlier_ones() -> None:
    parent = {"config": {"a": {"X": "1"}, "b": {"X": "2"}, "empty": {}}}
    objects = render(parent, config={"shared": ["b", "empty", "a"], "own": {"X": "3"}})
    assert container(objects)["envFrom"] == [
        {"configMapRef": {"name": "shared-b"}},
        {"configMapRef": {"name": "shared-a"}},
        {"configMapRef": {"name": "config"}},
    ]
    names = [one.name for one in objects.kubernetes if one.group == "config"]
    assert names == ["config", "config-shared-b", "config-shared-a"]


def test_pods_roll_when_configuration_changes_and_only_then() -> None:
    parent = {"config": {"a": {"X": "1"}, "b": {"Y": "1"}}}
    base = {"parent": parent, "config": {"shared": ["a"], "own": {"MODE": "x"}}}
    assert checksum() is None
    assert checksum(**base) == checksum(**base)
    assert checksum(**base) == checksum(**{**base, "parent": {"config": {"a": {"X": "1"}, "b": {"Y": "2"}}}})
    changed = [
        {**base, "parent": {"config": {"a": {"X": "2"}, "b": {"Y": "1"}}}},
        {**base, "config": {"shared": ["a"], "own": {"MODE": "y"}}},
        {**base, "config": {"shared": ["a", "b"], "own": {"MODE": "x"}}},
        {**base, "volumes": [{"name": "f", "mountPath": "/f", "files": {"a": "b"}}]},
    ]
    assert len({checksum(**fields) for fields in (base, *changed)}) == 1 + len(changed)


def test_a_change_of_replicas_does_not_touch_the_pod_template() -> None:
    assert spec(render(replicas=1), "deployment")["template"] == spec(render(replicas=2), "deployment")["template"]


# --- migrations and cron jobs -----------------------------------------------------------------------------------------


def job_name(parent: dict | None = None, settings: dict | None = None, **fields) -> str:
    objects = render(parent, settings, **{"type": "migration", "name": "migrate", **fields})
    return found(objects, "job").manifest["metadata"]["name"]


def test_a_migration_is_a_job_named_by_what_it_runs() -> None:
    base = job_name()
    assert base == job_name()
    assert base.startswith("migrate-")
    assert len(base) == len("migrate-") + 10
    names = {
        base,
        job_name(settings={"versions": {"migrate": "2.0.0"}}),
        job_name(command=["up"]),
        job_name(args=["--all"]),
        job_name(config={"own": {"A": "b"}}),
        job_name({"config": {"a": {"X": "1"}}}, config={"shared": ["a"]}),
        job_name({"config": {"a": {"X": "2"}}}, config={"shared": ["a"]}),
        job_name(secrets={"URL": {"path": "a", "key": "b"}}),
        job_name(secrets={"URL": {"path": "a", "key": "c"}}),
        job_name(completions=2),
    }
    assert len(names) == 10


def test_what_a_migration_does_not_run_leaves_its_name_alone() -> None:
    base = job_name()
    assert base == job_name(description="other", labels={"example.com/a": "b"}, annotations={"example.com/a": "b"})
    assert base == job_name({"labels": {"example.com/a": "b"}})
    assert base == job_name(deadline="9m", backoffLimit=3, parallelism=2)
    assert base == job_name(settings={"name": "prod"})


def test_the_same_name_means_the_same_template() -> None:
    """A Job's template cannot be changed: with an equal name it must be equal, labels and annotations included."""
    one = render(type="migration", labels={"example.com/a": "b"}, deadline="9m")
    other = render({"labels": {"example.com/x": "y"}}, type="migration", description="d")
    assert spec(one, "job")["template"] == spec(other, "job")["template"]


def test_a_job_runs_to_its_deadline_and_is_waited_for() -> None:
    job = found(render(type="migration", deadline="2m", backoffLimit=1), "job")
    assert (job.wait, job.deadline) == (True, 120)
    body = job.manifest["spec"]
    assert (body["backoffLimit"], body["activeDeadlineSeconds"]) == (1, 120)
    assert body["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in body
    assert job.manifest["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"


def test_a_cron_job_carries_its_schedule_and_is_not_waited_for() -> None:
    one = found(render(type="cronjob", schedule="*/5 * * * *", timeZone="Europe/Berlin", suspend=True), "cron-job")
    assert not one.wait
    body = one.manifest["spec"]
    assert body["schedule"] == "*/5 * * * *"
    assert body["timeZone"] == "Europe/Berlin"
    assert body["concurrencyPolicy"] == "Forbid"
    assert body["startingDeadlineSeconds"] == 300
    assert body["suspend"] is True
    assert body["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_jobs_get_no_probes_from_their_template() -> None:
    objects = render(
        {"templates": {"web": {"probes": {"liveness": {"tcp": "http"}}}}}, type="migration", template="web"
    )
    assert "livenessProbe" not in container(objects)


# --- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "label"),
    [
        ("1.4.2", "1.4.2"),
        ("1.4.2@sha256:" + "ab" * 32, "1.4.2"),
        ("@sha256:" + "ab" * 32, "sha256-abababababab"),
        ("_x-", "x"),
        ("a" * 128, "a" * 63),
        ("a" * 62 + "." + "b", "a" * 62),
        ("___", "unnamed"),
    ],
)
def test_a_version_becomes_a_valid_label(version: str, label: str) -> None:
    assert version_label(version) == label


def test_labels_of_parent_and_child_join_the_standard_ones() -> None:
    objects = render({"labels": {"a": "parent", "b": "parent"}}, labels={"b": "child"}, annotations={"n": "m"})
    metadata = found(objects, "deployment").manifest["metadata"]
    assert metadata["labels"] == {
        "a": "parent",
        "b": "child",
        "app.kubernetes.io/name": "api",
        "app.kubernetes.io/instance": "shop-api",
        "app.kubernetes.io/version": "1.0.0",
        "app.kubernetes.io/component": "service",
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/managed-by": "app-of-apps",
    }
    assert metadata["annotations"].keys() == {
        "n",
        "app-of-apps/team",
        "app-of-apps/environment",
        "app-of-apps/child-digest",
    }
