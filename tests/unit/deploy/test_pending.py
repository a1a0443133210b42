"""What a killed operation was in the middle of, and how the state goes on from there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.ledger import Identity
from app_of_apps.deploy.pending import POLICY, ROLE, has_pending, settle, unseen

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


def deployment(*notes: tuple[str, dict[str, Any]], resources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    pending = [{"type": kind, "resource": one} for kind, one in notes]
    return {"resources": [*HELD, *resources], "pending_operations": pending}


def test_what_was_created_and_is_declared_no_longer_becomes_something_to_delete() -> None:
    found = settle(deployment(("creating", resource())), ())
    taken = found.deployment["resources"][-1]
    assert (taken["id"], taken["delete"], taken["outputs"]) == ("shop-db/db-2", True, resource()["inputs"])
    assert "dependencies" not in taken
    assert found.removed == ("Job shop-db/db-2",)
    assert found.lost == ()


def test_what_was_created_and_is_still_declared_is_left_to_the_next_creation() -> None:
    before = deployment(("creating", resource()))
    found = settle(before, {JOB})
    assert found.deployment["resources"] == before["resources"]
    assert found.removed == ()


def test_another_object_under_the_same_logical_name_does_not_count_as_declared() -> None:
    found = settle(deployment(("creating", resource())), {Identity("Job", "shop-db", "db-1")})
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
    found = settle(deployment(("creating", resource(kind, inputs=inputs))), ())
    assert found.deployment["resources"][-1]["id"] == id_


def test_what_cannot_be_found_by_its_inputs_is_told() -> None:
    group = resource("vault:identity/group:Group", inputs={"name": "staging_shop_group_x"})
    found = settle(deployment(("creating", group)), ())
    assert found.lost == ("vault:identity/group:Group staging_shop_group_x",)
    stranger = resource(provider="urn:unknown::0")
    assert settle(deployment(("creating", stranger)), ()).lost == ("Job shop-db/db-2",)


def test_objects_of_a_chart_that_is_still_there_count_as_declared() -> None:
    made = resource("kubernetes:helm.sh/v4:Chart$kubernetes:apps/v1:Deployment", "reports-chart:x")
    assert settle(deployment(("creating", made)), (), {"reports"}).removed == ()
    assert settle(deployment(("creating", made)), (), {"other"}).removed != ()


def test_what_was_updated_is_applied_once_more() -> None:
    standing = resource(id="shop-db/db-2")
    found = settle(deployment(("updating", standing), resources=(standing,)), {JOB})
    (told,) = found.deployment["resources"][-1]["initErrors"]
    assert "cut short" in told


def test_what_was_deleted_is_looked_at() -> None:
    standing = resource(id="shop-db/db-2")
    state = deployment(("deleting", standing), ("creating", resource(name="other")), resources=(standing,))
    assert unseen(state) == (standing["urn"],)
    assert unseen(deployment(("deleting", standing))) == ()


def test_components_have_nothing_in_the_world() -> None:
    found = settle(deployment(("creating", {**resource(), "custom": False})), ())
    assert found.removed == found.lost == ()


def test_notes_are_seen_in_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "staging.json"
    assert not has_pending(file)
    for notes, seen in (([], False), ([{"type": "creating", "resource": resource()}], True)):
        file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [], "pending_operations": notes}}}))
        assert has_pending(file) is seen
    for text in ("", "[]", '{"pending_operations": 1}', '{"checkpoint": {"latest": null}, "pending_operations": 0}'):
        file.write_text(text)
        assert not has_pending(file)
