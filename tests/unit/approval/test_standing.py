"""What stands and what has been used up, read from records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app_of_apps.approval.check import Standing
from app_of_apps.approval.standing import chain, last_record, standing_of, used_nonces, with_rules
from app_of_apps.environment.settings import Gates
from app_of_apps.errors import Unavailable
from app_of_apps.objects.model import KubernetesObject

from .ballot import BASE, GATES, OTHER, RELEASE


def record(number: int | None, digest: str, **more: Any) -> dict[str, Any]:
    name = f"release-{f'{number}-' if number else ''}{digest.removeprefix('sha256:')[:12]}"
    about = {"name": name, "namespace": "shop-parent", "creationTimestamp": "2026-11-24T12:00:00Z"}
    return {"metadata": {**about, **more.pop("metadata", {})}, "data": {"digest": digest, **more}}


WHERE = "/api/v1/namespaces/shop-parent/configmaps"


class Cluster:
    """A reader of one namespace's ConfigMaps."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = {one["metadata"]["name"]: one for one in items}

    def names(self, path: str) -> tuple[str, ...]:
        assert path == WHERE
        return tuple(sorted(self.items))

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        return self.items.get(path.removeprefix(f"{WHERE}/"))

    def list(self, path: str, *, labelSelector: str) -> list[dict[str, Any]]:  # noqa: N803 - Kubernetes' own word
        assert (path, labelSelector) == (WHERE, "app-of-apps/evidence=record")
        return [one for name, one in self.items.items() if name.startswith("evidence-0")]


def test_the_last_release_is_the_one_with_the_highest_number() -> None:
    head = {"metadata": {"name": "evidence-head"}, "data": {}}
    found = last_record(Cluster(record(9, BASE), record(10, RELEASE), record(None, OTHER), head), "shop")
    assert found is not None
    assert standing_of(found) == Standing(RELEASE, None)


def test_without_numbers_the_youngest_is_the_last() -> None:
    young = record(None, RELEASE, metadata={"creationTimestamp": "2026-11-24T12:00:01Z"})
    assert last_record(Cluster(young, record(None, BASE), record(None, OTHER)), "shop") == young


def test_nothing_stands_before_the_first() -> None:
    assert last_record(Cluster(), "shop") is None


def test_the_chain_is_read_in_its_order() -> None:
    names = ("evidence-0000010", "evidence-0000002", "evidence-head")
    items = [{"metadata": {"name": name}, "data": {"record": json.dumps({"kind": name})}} for name in names]
    assert [one["kind"] for one in chain(Cluster(*items), "shop")] == [names[1], names[0]]


def test_rules_come_back_as_they_were() -> None:
    manifest = {"kind": "ConfigMap", **record(1, RELEASE, metadata={"annotations": {"app-of-apps/git-commit": "abc"}})}
    home = KubernetesObject(name="home", group="namespace", manifest={"kind": "Namespace"})
    objects = (home, KubernetesObject(name="record", group="config", manifest=manifest))
    changed = with_rules(objects, GATES)
    assert changed[0] == home
    assert standing_of(changed[1].manifest) == Standing(RELEASE, "abc", GATES)
    assert "gates" not in manifest["data"]


@pytest.mark.parametrize("rules", ["", "{", "[]", '{"approvals": {"required": -1}}', '{"unknown": 1}'])
def test_rules_that_cannot_be_read_keep_the_gate_shut(rules: str) -> None:
    with pytest.raises(Unavailable, match="gate stays shut"):
        standing_of(record(1, RELEASE, gates=rules))


def test_no_rules_in_a_record_are_no_rules() -> None:
    assert standing_of(record(1, RELEASE)).gates is None
    assert standing_of(record(1, RELEASE, gates=json.dumps({}))).gates == Gates()


def began(sequence: int, digest: str, *nonces: str, glass: str | None = None) -> dict[str, Any]:
    approvals = [{"payload": {"nonce": nonce}} for nonce in nonces]
    broken = {"payload": json.dumps({"nonce": glass})} if glass else None
    return {
        "kind": "began",
        "sequence": sequence,
        "release": {"digest": digest},
        "approvals": approvals,
        "breakGlass": broken,
    }


def ended(attempt: int, result: str) -> dict[str, Any]:
    return {"kind": "ended", "sequence": attempt + 1, "attempt": attempt, "result": result}


def test_statements_of_a_success_are_used_up() -> None:
    assert used_nonces([began(1, RELEASE, "a", "b", glass="c"), ended(1, "succeeded")]) == {"a", "b", "c"}


@pytest.mark.parametrize("result", ["failed", "killed", "interrupted"])
def test_statements_of_a_failed_attempt_serve_the_next_one(result: str) -> None:
    assert used_nonces([began(1, RELEASE, "a"), ended(1, result)]) == frozenset()
    assert used_nonces([began(1, RELEASE, "a"), ended(1, result), began(3, RELEASE, "a")]) == frozenset()


def test_statements_are_used_up_when_something_else_has_begun_since() -> None:
    records = [began(1, RELEASE, "a"), ended(1, "failed"), began(3, OTHER, "b"), ended(3, "failed")]
    assert used_nonces(records) == {"a"}
    assert used_nonces([*records, began(5, RELEASE, "a")]) == {"a", "b"}


def test_refusals_and_notes_use_nothing_up() -> None:
    assert used_nonces([{"kind": "refused", "sequence": 1}, {"kind": "note", "sequence": 2}]) == frozenset()
