from __future__ import annotations

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.quantity import amount
from app_of_apps.manifest.template import Resources, Rollout
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest


def resolved(template: dict | None = None, override: dict | None = None, **fields):
    """Resolve one service with a template and an environment's override."""
    templates = {} if template is None else {"web": template}
    one = child(template="web" if templates else None, **fields)
    settings = environment(versions={"api": "1"}, children={"api": override} if override else {})
    return resolve(manifest(one, templates=templates), settings).child("api").spec


def faults(*args, **kwargs) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        resolved(*args, **kwargs)
    return [one.message for one in caught.value.problems]


def test_without_template_and_without_a_word_the_defaults_hold() -> None:
    spec = resolved()
    assert spec.rollout == Rollout()
    assert spec.resources == Resources()
    assert spec.deadline == "5m"
    assert spec.on_failure == "stop"
    assert spec.probes.readiness is None


def test_a_child_overrides_single_fields_of_its_template() -> None:
    spec = resolved(
        {"rollout": {"maxSurge": 3, "maxUnavailable": 1}, "deadline": "3m", "onFailure": "rollback"},
        rollout={"maxSurge": "50%"},
        deadline="9m",
    )
    assert spec.rollout.max_surge == "50%"
    assert spec.rollout.max_unavailable == 1
    assert spec.deadline == "9m"
    assert spec.on_failure == "rollback"


def test_the_fields_of_a_probe_are_merged() -> None:
    spec = resolved(
        {"probes": {"readiness": {"http": {"path": "/ready", "port": "http"}, "period": "3s"}}},
        probes={"readiness": {"http": {"path": "/other"}, "failureThreshold": 9}},
    )
    assert spec.probes.readiness.http.path == "/other"
    assert spec.probes.readiness.http.port == "http"
    assert spec.probes.readiness.period == "3s"
    assert spec.probes.readiness.failure_threshold == 9


def test_another_way_of_asking_replaces_the_templates() -> None:
    spec = resolved(
        {"probes": {"readiness": {"http": {"path": "/ready"}, "period": "3s"}}}, probes={"readiness": {"tcp": 5432}}
    )
    assert spec.probes.readiness.http is None
    assert spec.probes.readiness.tcp == 5432
    assert spec.probes.readiness.period == "3s"


def test_an_explicit_null_drops_the_templates_probe() -> None:
    spec = resolved({"probes": {"readiness": {"tcp": 1}, "liveness": {"tcp": 1}}}, probes={"liveness": None})
    assert spec.probes.liveness is None
    assert spec.probes.readiness is not None


def test_an_explicit_null_takes_a_field_back_to_its_default() -> None:
    assert resolved({"deadline": "3m"}, deadline=None).deadline == "5m"


def test_the_environments_resources_win_field_by_field() -> None:
    spec = resolved(
        {"resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}},
        {"resources": {"limits": {"memory": "1Gi"}}},
        resources={"requests": {"cpu": "300m"}},
    )
    assert spec.resources.requests.cpu == "300m"
    assert spec.resources.requests.memory == "128Mi"
    assert spec.resources.limits.memory == "1Gi"


def test_a_default_amount_gives_way_to_one_that_was_written() -> None:
    larger = resolved(resources={"requests": {"memory": "1Gi"}})
    assert larger.resources.limits.memory == "1Gi"
    smaller = resolved(resources={"limits": {"memory": "32Mi", "cpu": "10m"}})
    assert smaller.resources.requests.memory == "32Mi"
    assert smaller.resources.requests.cpu == "10m"


def test_a_limit_can_be_taken_away() -> None:
    assert resolved(resources={"limits": {"memory": None}}).resources.limits.memory is None


def test_a_request_above_its_limit_is_a_fault() -> None:
    assert faults(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}) == [
        "merged with its template and environment, the request for memory (1Gi) is above its limit (512Mi)"
    ]


def test_a_rollout_that_could_never_move_is_found_after_merging_too() -> None:
    (message,) = faults({"rollout": {"maxSurge": 0, "maxUnavailable": 1}}, rollout={"maxUnavailable": 0})
    assert "the rollout could never move" in message


def test_pods_must_be_able_to_become_ready_within_the_deadline() -> None:
    assert faults({"rollout": {"minReadySeconds": 300}}, deadline="2m") == [
        "minReadySeconds must be below the deadline of 2m"
    ]


@pytest.mark.parametrize(("kind", "allowed"), [("startup", False), ("liveness", False), ("readiness", True)])
def test_only_readiness_may_ask_for_several_successes(kind: str, *, allowed: bool) -> None:
    probes = {kind: {"tcp": 8080, "successThreshold": 2}}
    if allowed:
        assert resolved(probes=probes).probes.readiness.success_threshold == 2
    else:
        (message,) = faults(probes=probes)
        assert f"successThreshold of the {kind} probe must be 1" in message


@pytest.mark.parametrize(
    ("smaller", "larger"), [("999m", "1"), ("1k", "1Ki"), ("1023Mi", "1Gi"), ("0.5", "501m"), ("1G", "1Gi")]
)
def test_quantities_are_compared_by_what_they_stand_for(smaller: str, larger: str) -> None:
    assert amount(smaller) < amount(larger)
