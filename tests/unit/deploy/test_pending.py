"""What a killed operation was in the middle of, and how the state goes on from there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.ledger import Identity
from app_of_apps.deploy.pending import POLICY, ROLE, created, identity, is_unsettled, settle, unseen

if TYPE_CHECKING:
    from pathlib import Path

URN = "urn:pulumi:staging::shop::app-of-apps:index:ParentApp${}::{}"
PARENT = "urn:pulumi:staging::shop::app-of-apps:index:ParentApp::shop"
PROVIDER = "urn:pulumi:staging::shop::pulumi:providers:kubernetes::kubernetes"
HELD = [{"urn": PARENT, "custom": False, "type": "app-of-apps:index:ParentApp"}, {"urn": PROVIDER, "custom": True}]
JOB = Identity("Job", "shop-db", "db-2")


def resource(kind: str = "kubernetes:batch/v1:Job", name: str = "db-job", **more: Any) -> dict[str, Any]:
    inputs = {"kind": kind.rpartition(":")[2], "metadata": {"namespace": "shop-db", "name": "db-2"}}
    about = {"urn": URN.format(kind, name), "custom": True, "type": kind, "parent": PARENT}
    return {**about, "provider": f"{PROVIDER}::0a1b", "dependencies": ["urn:x"], "inputs": inputs, **more}


THERE = {JOB: "pulumi-kubernetes-0a1b"}


def deployment(*notes: tuple[str, dict[str, Any]], resources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    pending = [{"type": kind, "resource": one} for kind, one in notes]
    return {"resources": [*HELD, *resources], "pending_operations": pending}


def test_what_was_created_and_is_declared_no_longer_becomes_something_to_delete() -> None:
    found = settle(deployment(("creating", resource())), (), managers=THERE)
    taken = found.deployment["resources"][-1]
    assert (taken["id"], taken["delete"], taken["inputs"]) == ("shop-db/db-2", True, resource()["inputs"])
    assert taken["outputs"]["__fieldManager"] == "pulumi-kubernetes-0a1b"
    assert "dependencies" not in taken
    assert found.removed == ("Job shop-db/db-2",)
    assert found.lost == ()


def test_what_was_created_and_is_still_declared_is_taken_over_as_it_is() -> None:
    before = deployment(("creating", resource()))
    assert created(before) == (("", JOB),)
    taken = settle(before, {JOB}, managers=THERE).deployment["resources"][-1]
    assert "cut short" in taken["initErrors"][0]
    assert "delete" not in taken
    assert taken["outputs"]["__inputs"] == taken["inputs"]
    assert settle(before, {JOB}, managers=THERE).removed == ()


@pytest.mark.parametrize("declared", [(), (JOB,)])
def test_what_never_got_there_is_forgotten(declared: tuple[Identity, ...]) -> None:
    before = deployment(("creating", resource()))
    assert settle(before, declared, managers={}).deployment["resources"] == before["resources"]
    assert settle(before, declared, managers={}).removed == ()


def test_a_replacement_of_what_is_in_the_state_is_left_to_the_next_creation() -> None:
    before = deployment(("creating", resource()), resources=(resource(id="shop-db/db-1"),))
    assert settle(before, {JOB}, managers=THERE).deployment["resources"] == before["resources"]


def test_rights_in_vault_that_are_still_declared_are_written_again() -> None:
    before = deployment(("creating", resource(POLICY, inputs={"name": "p"})))
    assert created(before) == ()
    found = settle(before, {Identity("Vault policy", "", "p")}, managers={})
    assert found.deployment["resources"] == before["resources"]


def test_another_object_under_the_same_logical_name_does_not_count_as_declared() -> None:
    found = settle(deployment(("creating", resource())), {Identity("Job", "shop-db", "db-1")}, managers=THERE)
    assert found.removed == ("Job shop-db/db-2",)


@pytest.mark.parametrize(
    ("kind", "inputs", "id_"),
    [
        (POLICY, {"name": "staging_shop_db"}, "staging_shop_db"),
        (ROLE, {"backend": "jwt-staging", "roleName": "r"}, "auth/jwt-staging/role/r"),
        ("kubernetes:core/v1:Namespace", {"kind": "Namespace", "metadata": {"name": "shop-db"}}, "shop-db"),
    ],
)
def test_every_kind_that_the_program_makes_is_found_by_its_inputs(kind: str, inputs: dict, id_: str) -> None:
    there = {Identity("Namespace", "", "shop-db"): "pulumi-kubernetes-1"}
    found = settle(deployment(("creating", resource(kind, inputs=inputs))), (), managers=there)
    assert found.deployment["resources"][-1]["id"] == id_


def test_what_cannot_be_found_by_its_inputs_is_told() -> None:
    group = resource("vault:identity/group:Group", inputs={"name": "staging_shop_group_x"})
    found = settle(deployment(("creating", group)), (), managers={})
    assert found.lost == ("vault:identity/group:Group staging_shop_group_x",)
    stranger = resource(provider="urn:unknown::0")
    assert settle(deployment(("creating", stranger)), (), managers=THERE).lost == ("Job shop-db/db-2",)


def test_objects_of_a_chart_that_is_still_there_count_as_declared() -> None:
    made = resource(name="reports-chart:x")
    made["urn"] = URN.format("kubernetes:helm.sh/v4:Chart$kubernetes:batch/v1:Job", "reports-chart:x")
    assert settle(deployment(("creating", made)), (), managers=THERE, open_children={"reports"}).removed == ()
    assert settle(deployment(("creating", made)), (), managers=THERE, open_children={"other"}).removed != ()


def test_what_was_updated_is_applied_once_more() -> None:
    standing = resource(id="shop-db/db-2")
    found = settle(deployment(("updating", standing), resources=(standing,)), {JOB}, managers={})
    (told,) = found.deployment["resources"][-1]["initErrors"]
    assert "cut short" in told


def test_what_was_deleted_is_looked_at() -> None:
    standing = resource(id="shop-db/db-2")
    state = deployment(("deleting", standing), ("creating", resource(name="other")), resources=(standing,))
    assert unseen(state) == (standing["urn"],)
    assert unseen(deployment(("deleting", standing))) == ()


def test_what_was_replaced_and_is_declared_again_changes_places_with_its_replacement() -> None:
    old, new = resource(id="shop-db/db-2", delete=True), resource(id="shop-db/db-3")
    new["inputs"] = {"kind": "Job", "metadata": {"namespace": "shop-db", "name": "db-3"}}
    found = settle(deployment(resources=(new, old)), {JOB}, managers={}).deployment["resources"][-2:]
    assert [(one["id"], one.get("delete", False)) for one in found] == [("shop-db/db-3", True), ("shop-db/db-2", False)]
    later = settle(deployment(resources=(new, old)), {identity(new)}, managers={}).deployment["resources"][-2:]
    assert later == [new, old]  # as the engine means to
    alone = settle(deployment(resources=(old,)), {JOB}, managers={}).deployment["resources"][-1]
    assert "delete" not in alone


def test_one_object_that_is_there_twice_is_not_deleted() -> None:
    old, new = resource(id="shop-db/db-2", delete=True), resource(id="shop-db/db-2")
    assert settle(deployment(resources=(new, old)), {JOB}, managers={}).deployment["resources"] == [*HELD, new]


def test_components_have_nothing_in_the_world() -> None:
    found = settle(deployment(("creating", {**resource(), "custom": False})), (), managers=THERE)
    assert found.removed == found.lost == ()


def test_notes_are_seen_in_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "staging.json"
    assert not is_unsettled(file)
    for notes, seen in (([], False), ([{"type": "creating", "resource": resource()}], True)):
        file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [], "pending_operations": notes}}}))
        assert is_unsettled(file) is seen
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource(delete=True)]}}}))
    assert is_unsettled(file)
    for text in ("", "[]", '{"pending_operations": 1}', '{"checkpoint": {"latest": null}, "pending_operations": 0}'):
        file.write_text(text)
        assert not is_unsettled(file)
