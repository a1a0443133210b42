from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.deploy.drift_values import keyed, same, shown, written

HIDDEN = "[not shown: looks like a secret]"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "replicas"), "spec.replicas"),
        (("spec", "containers", (("name", "api"),), "image"), "spec.containers[api].image"),
        (("spec", "ports", (("port", 80), ("protocol", "TCP"))), "spec.ports[80,TCP]"),
        (("metadata", "labels", "example.com/tier"), 'metadata.labels["example.com/tier"]'),
        (("rules", 0, "verbs", 1), "rules[0].verbs[1]"),
        ((), ""),
    ],
)
def test_a_field_is_written_the_way_people_do(path, text):
    assert written(path) == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("data", "DB_PASSWORD"), "short"),
        (("data", "anything"), "hvs.CAESIJabcdefghijklmnopqrstuvwxyz"),
        (("spec", "containers", (("name", "api"),), "env", (("name", "PASSWORD"),), "value"), "abc"),
        (("spec", "containers", (("name", "api"),), "args", 0), "--password=correct-horse"),
        (("data", "url"), "postgres://orders:hunter2@db/orders"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(path, value):
    assert shown(path, value) == HIDDEN


def test_it_is_not_shown_inside_of_a_whole_either():
    env = [{"name": "PASSWORD", "value": "abc"}, {"name": "MODE", "value": "live"}]
    assert shown(("env",), env) == [{"name": "PASSWORD", "value": HIDDEN}, {"name": "MODE", "value": "live"}]


def test_a_credential_of_the_program_is_not_shown(monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "the-token-of-the-program")
    assert "the-token" not in shown(("data", "x"), "x the-token-of-the-program y")


@given(st.text())
def test_no_shown_text_steers_a_terminal_or_is_endless(text):
    found = shown(("data", "x"), text)
    assert len(found) <= 120
    assert "\x1b" not in found
    assert "\n" not in found


@given(st.integers(1, 10**6), st.sampled_from(["", "m", "k", "Ki", "M", "Mi", "Gi"]))
def test_a_quantity_equals_itself_a_thousandfold_in_thousandths(number, unit):
    path = ("limits", "memory")
    assert same(path, f"{number}{unit}", f"{number}{unit}")
    if not unit:
        assert same(path, str(number), f"{number * 1000}m")
        assert not same(path, str(number), f"{number * 1000 + 1}m")


@pytest.mark.parametrize("value", ["", "m", "1x", None, [], {}, "1.2.3", "-"])
def test_what_is_no_quantity_equals_only_itself(value):
    assert not same(("limits", "cpu"), "1", value)


def test_items_without_keys_or_with_the_same_ones_are_a_plain_list():
    assert keyed(("env",), [{"name": "a"}, {"name": "a"}]) is None
    assert keyed(("env",), ["a"]) is None
    assert keyed(("args",), [{"name": "a"}]) is None
    assert keyed(("env",), [{"name": "a"}]) == [{(("name", "a"),): {"name": "a"}}]
