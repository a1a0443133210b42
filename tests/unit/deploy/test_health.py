from __future__ import annotations

import pytest

from app_of_apps.deploy.health import Level, health
from tests.unit.deploy.lab import workload


@pytest.mark.parametrize(
    ("kind", "name", "level", "words", "pods"),
    [
        ("Deployment", "well", Level.HEALTHY, "", (2, 2)),
        ("Deployment", "crash", Level.FAILED, "timed out progressing", (0, 1)),
        ("Deployment", "image", Level.PROGRESSING, "0 of 1 pods are available", (0, 1)),
        ("Deployment", "slow", Level.PROGRESSING, "0 of 1 pods are available", (0, 1)),
        ("Deployment", "quota", Level.FAILED, "exceeded quota: small", (0, 1)),
        ("DaemonSet", "daemon-crash", Level.PROGRESSING, "0 of 3 pods", (0, 3)),
        ("Job", "job-well", Level.HEALTHY, "", (1, 1)),
        ("Job", "job-fails", Level.FAILED, "BackoffLimitExceeded", (0, 1)),
        ("Job", "job-deadline", Level.FAILED, "DeadlineExceeded", (0, 1)),
        ("Job", "job-quota", Level.PROGRESSING, "0 of 1 completions", (0, 1)),
        ("VaultStaticSecret", "no-way-in", Level.PROGRESSING, "has not been copied from Vault", (None, None)),
    ],
)
def test_a_recorded_object_is_judged_as_kubectl_would(kind, name, level, words, pods):
    found = health(workload(kind, name))
    assert found.level is level
    assert words in found.message
    assert (found.ready, found.desired) == pods


def test_a_status_of_an_earlier_generation_is_no_answer():
    item = workload("Deployment", "well")
    item["metadata"]["generation"] = item["status"]["observedGeneration"] + 1
    assert health(item).level is Level.PROGRESSING


def test_old_pods_beside_the_new_ones_keep_a_deployment_in_progress():
    item = workload("Deployment", "well")
    item["status"] |= {"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}
    assert health(item).message == "1 pods of the old version are still there"


def test_a_secret_synced_for_an_earlier_generation_is_not_there_yet():
    item = workload("VaultStaticSecret", "no-way-in")
    item["status"] = {"lastGeneration": 1, "secretMAC": "x"}
    item["metadata"]["generation"] = 1
    assert health(item).level is Level.HEALTHY
    item["metadata"]["generation"] = 2
    assert health(item).level is Level.PROGRESSING


def test_a_kind_without_health_is_healthy_by_being_there():
    assert health({"kind": "ConfigMap", "metadata": {"generation": 3}}).level is Level.HEALTHY


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ({"readyReplicas": 2, "updatedReplicas": 2, "currentRevision": "a", "updateRevision": "a"}, Level.HEALTHY),
        ({"readyReplicas": 1, "updatedReplicas": 2}, Level.PROGRESSING),
        ({"readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}, Level.PROGRESSING),
        ({}, Level.PROGRESSING),
    ],
)
def test_a_stateful_set_is_healthy_when_all_pods_are_at_the_new_revision(status, level):
    item = {"kind": "StatefulSet", "metadata": {}, "spec": {"replicas": 2}, "status": status}
    assert health(item).level is level
