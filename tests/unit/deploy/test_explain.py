from __future__ import annotations

import pytest

from app_of_apps.deploy.explain import explain
from tests.unit.deploy.lab import recorded, workload


def words_for(kind: str, name: str):
    space = "shop-quota" if "quota" in name else "shop-lab"
    return explain(workload(kind, name), recorded()[space]["pods"], recorded()[space]["events"])


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("Deployment", "crash", "container api ended with exit code 1, 3 restarts: “panic: cannot open index”"),
        ("DaemonSet", "daemon-crash", "container api ended with exit code 1, 3 restarts: “no such device”"),
        ("Job", "job-fails", "container migrate ended with exit code 1: “relation orders already exists”"),
        ("Job", "job-deadline", "Job was active longer than specified deadline (DeadlineExceeded)"),
    ],
)
def test_the_containers_own_words_come_first(kind, name, message):
    assert words_for(kind, name).message == message


@pytest.mark.parametrize(
    ("kind", "name", "part"),
    [
        ("Deployment", "image", "the image registry.example.com/shop/api:9.9.9 cannot be pulled (ImagePullBackOff)"),
        ("Deployment", "unscheduled", "its pod cannot be scheduled: 0/3 nodes are available"),
        ("Deployment", "quota", "exceeded quota: small, requested: pods=1"),
        ("Job", "job-quota", "its pods cannot be created: Error creating: pods"),
        ("Deployment", "slow", "runs and does not become ready"),
        ("VaultStaticSecret", "no-way-in", "has not been copied from Vault"),
    ],
)
def test_what_keeps_pods_from_running_is_named(kind, name, part):
    assert part in words_for(kind, name).message


def test_the_log_to_look_at_is_named_for_a_container_that_ran():
    assert words_for("Job", "job-fails").logs.startswith("logs -n shop-lab job-fails-")
    assert words_for("Deployment", "image").logs is None


def test_pods_of_other_workloads_are_not_blamed():
    crash = workload("Deployment", "crash")
    others = [pod for pod in recorded()["shop-lab"]["pods"] if not pod["metadata"]["name"].startswith("crash")]
    assert "“" not in explain(crash, others, ()).message


def test_healthy_pods_of_the_old_version_have_nothing_to_say():
    crash = workload("Deployment", "crash")
    pods = recorded()["shop-lab"]["pods"]
    old = next(pod for pod in pods if pod["metadata"]["name"].startswith("well"))
    old["metadata"]["labels"] = {"app": "crash"}
    assert explain(crash, pods, ()).message.startswith("container api ended with exit code 1")


def test_terminal_codes_in_a_containers_message_do_not_reach_the_terminal():
    item, pods = workload("Job", "job-fails"), recorded()["shop-lab"]["pods"]
    pod = next(pod for pod in pods if pod["metadata"]["name"].startswith("job-fails"))
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    state["message"] = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\r\nsecond \u202eline"
    assert explain(item, pods, ()).message.endswith("“red second line”")


def test_one_event_of_each_reason_is_enough():
    details = words_for("Deployment", "quota").details
    assert sum(line.startswith("FailedCreate") for line in details) == 1
