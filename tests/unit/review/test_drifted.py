"""Drift as a preview tells it: short first, sorted, without a value that may be secret, and not louder than it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app_of_apps.deploy.drift import Difference, Drift, Thing
from app_of_apps.deploy.drift_compare import FieldDrift, What
from app_of_apps.deploy.drift_owners import Who
from app_of_apps.review.comment import comment
from app_of_apps.review.document import html_document, plain_text
from app_of_apps.review.drifted import reality
from app_of_apps.review.model import Confidence, Resource
from app_of_apps.review.page import page
from app_of_apps.review.risks import risks
from app_of_apps.review.sarif import sarif
from app_of_apps.review.shape import shape
from tests.unit.review.lab import seen
from tests.unit.review.reality import CANARY, DRIFT, PODS, differs


def told(*differences, **more) -> tuple:
    return reality(Drift(tuple(differences), **more), {}).differences


def written(found) -> list[str]:
    """Return a preview in every form."""
    pages = [page(found)]
    texts = [comment(pages[0]), html_document(pages), plain_text(found)]
    return [*texts, json.dumps(sarif([found])), json.dumps(shape(found))]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ((*PODS, (("name", "DB_PASSWORD"),), "value"), ("old", CANARY)),
        ((*PODS, (("name", "API_TOKEN"),)), (None, {"name": "API_TOKEN", "value": CANARY})),
        (("spec", "args"), ([f"--password={CANARY}"], [f"postgres://u:{CANARY}@db/x"])),
        (("data", "password"), (CANARY, None)),
        (("spec", "password"), (CANARY, "x")),
        (("spec",), ({"a": 1}, {"deep": [{"clientSecret": CANARY}]})),
    ],
)
def test_what_may_be_secret_is_in_no_form(path, values):
    found = replace(seen("version-bump"), reality=reality(Drift((differs("orders", What.CHANGED, path, values),)), {}))
    for text in written(found):
        assert CANARY not in text
    (one,) = found.reality.differences
    assert (one.declared, one.live) == (None, None)
    assert one.secret


def test_what_a_secret_holds_is_not_shown_whatever_it_is_called():
    (one,) = told(differs("orders", What.CHANGED, ("data", "plain"), ("a", "b"), kind="Secret"))
    assert one.secret


def test_plain_values_are_shown_before_and_after():
    (one,) = told(differs("orders", What.CHANGED, ("spec", "replicas"), (2, 5), by="kubectl"))
    assert (one.field, one.declared, one.live, one.by, one.secret) == ("spec.replicas", "2", "5", ("kubectl",), False)


def test_a_writer_is_named_once():
    one = differs("orders", What.CHANGED, ("spec", "replicas"), (2, 5))
    by = tuple(Who("kubectl", "Update", f"2026-11-16T0{hour}:00:00Z") for hour in range(3))
    (found,) = told(replace(one, drift=replace(one.drift, by=by)))
    assert found.by == ("kubectl",)


def test_whether_the_release_writes_the_object_too_is_told_of_what_it_writes_alone():
    resources = {
        "orders": (
            Resource("update", "Deployment", "shop-orders", "orders", Confidence.EXACT),
            Resource("create", "Service", "shop-orders", "orders", Confidence.EXACT),
        )
    }
    vault = [Thing("vault", kind, "", "shop-orders") for kind in ("role", "policy", "group")]
    names = [("Vault AuthBackendRole", "shop-orders-role"), ("Vault Policy", "shop-orders")]
    resources["of Vault"] = tuple(Resource("update", kind, "", name, Confidence.ASSUMED) for kind, name in names)
    rights = [Difference("rights", one, FieldDrift(What.CHANGED, ("x",), 1, 2), mends=True) for one in vault]
    found = [
        *rights,
        differs("orders", What.CHANGED, ("spec", "replicas"), (2, 5)),
        differs("orders", What.UNDECLARED, (), kind="Service"),
        differs("catalog", What.MISSING, ()),
    ]
    touched = {(one.child, one.kind): one.touched for one in reality(Drift(tuple(found)), resources).differences}
    assert touched == {
        ("orders", "Deployment"): True,
        ("orders", "Service"): False,
        ("catalog", "Deployment"): False,
        ("rights", "role"): True,
        ("rights", "policy"): True,
        ("rights", "group"): False,
    }


def test_the_order_in_which_it_was_found_changes_nothing():
    one, other = (reality(Drift(order), {}) for order in (DRIFT.differences, DRIFT.differences[::-1]))
    assert one == other


def test_a_count_per_child_comes_first_and_the_details_are_folded():
    text = comment(page(seen("version-bump")))
    head, _, details = text.partition("<details>")
    assert (
        "- drift: 5 differences from what was deployed: <code>catalog</code> 2, <code>orders</code> 2, (parent) 1"
        in head
    )
    assert "<summary>Drift: 5 differences from what was deployed</summary>" in details
    assert "spec.replicas</code>: <code>2</code> → <code>5</code>, by <code>kubectl</code>" in details


def test_each_child_is_one_risk_at_its_file():
    found = [one for one in risks(seen("version-bump")) if one.rule.id == "drift"]
    assert [(one.child, one.position.file, one.rule.level) for one in found] == [
        ("catalog", "apps/catalog.yaml", "warning"),
        ("orders", "apps/orders.yaml", "warning"),
        (None, "parent.yaml", "warning"),
    ]


def test_a_hundred_differences_are_not_a_hundred_lines_at_the_top():
    many = [differs("orders", What.CHANGED, ("spec", f"f{number:03}"), (1, 2)) for number in range(100)]
    found = replace(seen("removed-service"), reality=reality(Drift(tuple(many)), {}))
    (risk,) = [one for one in risks(found) if one.rule.id == "drift"]
    assert risk.message.endswith("spec.f002 and 97 more")


def test_no_drift_is_said_and_no_section_is_there():
    text = comment(page(seen("removed-service")))
    assert "- drift: none\n" in text
    assert "<summary>Drift" not in text


def test_what_may_not_be_read_is_unknown_and_no_promise_is_made():
    unread = tuple(f"not compared, because it may not be read: Role in shop-{number}" for number in range(9))
    found = replace(seen("removed-service"), reality=reality(Drift((), unread=unread), {}))
    assert "- drift: none, as far as it may be read (9 kinds may not)\n" in comment(page(found))
    assert any("shop-mailer" in line and line.startswith("drift: ") for line in seen("version-bump").unknown)


def test_where_nobody_could_look_it_is_not_known_and_where_nothing_stands_nothing_is_said():
    assert "- drift: not known\n" in comment(page(replace(seen("removed-service"), reality=None)))
    assert "drift" not in comment(page(replace(seen("removed-service"), reality=None, base=None)))
