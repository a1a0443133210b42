"""What pods do when their template asks for it, as the API server tells it."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import get, kubectl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

PREFIX = "sandbox.app-of-apps/"


def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return result


def apply(box: Sandbox, tmp_path: Path, kind: str, name: str, spec: dict[str, Any], **wishes: str) -> None:
    annotations = {PREFIX + key.replace("_", "-"): value for key, value in wishes.items()}
    template = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/x:1"}], **spec},
    }
    item: dict[str, Any] = {"kind": kind, "metadata": {"name": name, "namespace": "default"}}
    if kind == "Job":
        item |= {"apiVersion": "batch/v1", "spec": {"template": template, "backoffLimit": 0}}
    else:
        selector = {"matchLabels": {"app": name}}
        item |= {"apiVersion": "apps/v1", "spec": {"replicas": 1, "selector": selector, "template": template}}
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(item))
    kubectl(box, "staging", "delete", "--ignore-not-found", "--wait", "-f", str(file))
    kubectl(box, "staging", "apply", "-f", str(file))


def pod(box: Sandbox, name: str) -> dict[str, Any] | None:
    """The one pod of that name that is not being deleted, once it has container statuses."""
    items = get(box, "staging", "pods", "-n", "default", "-l", f"app={name}")["items"]
    live = [item for item in items if "deletionTimestamp" not in item["metadata"]]
    return live[0] if live and live[0]["status"].get("containerStatuses") else None


def ready_at(found: dict[str, Any]) -> dt.datetime | None:
    for condition in found["status"]["conditions"]:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return dt.datetime.fromisoformat(condition["lastTransitionTime"])
    return None


def condition(box: Sandbox, name: str, kind: str) -> dict[str, Any] | None:
    job = get(box, "staging", "job", name, "-n", "default")
    found = [
        entry for entry in job["status"].get("conditions", []) if entry["type"] == kind and entry["status"] == "True"
    ]
    return found[0] if found else None


def test_pods_are_ready_and_jobs_complete_within_moments(box: Sandbox, tmp_path: Path) -> None:
    apply(box, tmp_path, "Deployment", "plain", {})
    kubectl(box, "staging", "rollout", "status", "deployment/plain", "-n", "default", "--timeout=5s")
    apply(box, tmp_path, "Job", "plain-job", {"restartPolicy": "Never"})
    eventually(lambda: condition(box, "plain-job", "Complete"), 5)


def test_a_failing_job_ends_with_its_message(box: Sandbox, tmp_path: Path) -> None:
    said = 'column "total" already exists: 42P07'
    apply(box, tmp_path, "Job", "failing", {"restartPolicy": "Never"}, behaviour="fail", message=said)
    assert eventually(lambda: condition(box, "failing", "Failed"))["reason"] == "BackoffLimitExceeded"
    found = pod(box, "failing")
    assert found
    assert found["status"]["phase"] == "Failed"
    ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (1, "Error", said)


@pytest.mark.parametrize("behaviour", ["crash", "fail"])
def test_a_crashing_deployment_is_in_back_off_with_its_last_words(box: Sandbox, tmp_path: Path, behaviour: str) -> None:
    apply(box, tmp_path, "Deployment", "crashing", {}, behaviour=behaviour, message="no route to database")
    found = eventually(lambda: pod(box, "crashing"))
    status = found["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "restarting failed container=main" in status["state"]["waiting"]["message"]
    assert status["lastState"]["terminated"]["message"] == "no route to database"
    assert status["restartCount"] > 0
    assert ready_at(found) is None


def test_a_missing_image_is_reported(box: Sandbox, tmp_path: Path) -> None:
    apply(box, tmp_path, "Deployment", "unpulled", {}, behaviour="image-pull-error", message="manifest unknown")
    found = eventually(lambda: pod(box, "unpulled"))
    waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert "registry.example.com/x:1" in waiting["message"]
    assert "manifest unknown" in waiting["message"]
    assert found["status"]["phase"] == "Pending"


def test_a_slow_pod_is_never_early(box: Sandbox, tmp_path: Path) -> None:
    apply(box, tmp_path, "Deployment", "slow", {}, behaviour="slow", delay_seconds="3")
    found = eventually(lambda: pod(box, "slow"))
    assert found["status"]["phase"] == "Running"
    assert ready_at(found) is None
    # A change of the pod in between does not start the delay anew.
    kubectl(box, "staging", "annotate", "pod", found["metadata"]["name"], "-n", "default", "touched=yes")
    found = eventually(lambda: (now := pod(box, "slow")) and ready_at(now) and now)
    created = dt.datetime.fromisoformat(found["metadata"]["creationTimestamp"])
    waited = (ready_at(found) - created).total_seconds()
    assert 3 <= waited <= 6


def test_a_slow_job_completes_late(box: Sandbox, tmp_path: Path) -> None:
    apply(box, tmp_path, "Job", "slow-job", {"restartPolicy": "Never"}, behaviour="slow", delay_seconds="2")
    assert condition(box, "slow-job", "Complete") is None
    eventually(lambda: condition(box, "slow-job", "Complete"))


def test_a_running_pod_breaks_and_mends_by_annotation(box: Sandbox, tmp_path: Path) -> None:
    apply(box, tmp_path, "Deployment", "changing", {})
    name = eventually(lambda: (now := pod(box, "changing")) and ready_at(now) and now)["metadata"]["name"]
    kubectl(box, "staging", "annotate", "pod", name, "-n", "default", f"{PREFIX}behaviour=crash")
    eventually(lambda: not ready_at(pod(box, "changing") or {"status": {"conditions": []}}))
    kubectl(box, "staging", "annotate", "pod", name, "-n", "default", f"{PREFIX}behaviour-")
    eventually(lambda: (now := pod(box, "changing")) and ready_at(now))


def test_nodes_are_back_to_work_right_after_kwok_was_replaced(box: Sandbox, tmp_path: Path) -> None:
    import os
    import signal

    from .conftest import pids

    os.kill(pids(box)["staging/kwok-controller"], signal.SIGKILL)
    box.up()
    apply(box, tmp_path, "Deployment", "after-kwok", {})
    kubectl(box, "staging", "rollout", "status", "deployment/after-kwok", "-n", "default", "--timeout=10s")
