"""Which fields differ, what they were and will be, and what is never shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.deploy.redact import Redactor
from app_of_apps.review.fields import MASK, fields_of, is_provenance, parsed, written
from app_of_apps.review.model import Field

CANARY = "canary-7f3a"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def fields(diff: dict[str, str], before: Any, after: Any, *, kind: str = "Deployment", reasons: tuple[str, ...] = ()):
    redact = Redactor({})
    return fields_of(diff, before=before, after=after, kind=kind, redact=redact, reasons=frozenset(reasons))


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.labels["app.kubernetes.io/version"]', ("metadata", "labels", "app.kubernetes.io/version")),
        ("metadata.annotations.app-of-apps/git-commit", ("metadata", "annotations", "app-of-apps/git-commit")),
        ('["a b"][1][2]', ("a b", 1, 2)),
    ],
)
def test_a_path_is_read_as_the_engine_writes_it(path, steps):
    assert parsed(path) == steps
    assert parsed(written(steps)) == steps


def test_a_field_has_both_values():
    found = fields({"spec.replicas": "update"}, {"spec": {"replicas": 2}}, {"spec": {"replicas": 3}})
    assert found == (Field("spec.replicas", "changed", "2", "3"),)


def test_what_is_new_or_gone_as_a_whole_is_told_leaf_by_leaf():
    before, after = {"spec": {"old": {"x": 1}}}, {"spec": {"new": {"a": {"b": "c"}}}}
    assert fields({"spec.new": "add", "spec.old": "delete"}, before, after) == (
        Field("spec.new.a.b", "added", None, "c"),
        Field("spec.old.x", "removed", "1", None),
    )


def test_what_is_in_neither_state_is_told_by_the_engines_word():
    words = {"status.a": "add", "status.b": "delete", "status.c": "update"}
    assert [one.change for one in fields(words, {}, {})] == ["added", "removed", "changed"]


def test_a_reason_to_replace_is_marked():
    found = fields({"metadata.name": "update-replace", "x": "update"}, {"x": 1}, {"x": 2}, reasons=("x",))
    assert [one.replaces for one in found] == [True, True]


def test_of_long_texts_only_the_lines_that_differ_are_shown():
    before, after = "a\nold\n" + "z\n" * 500, "a\nnew\n" + "z\n" * 500
    (one,) = fields({"policy": "update"}, {"policy": before}, {"policy": after})
    assert (one.before, one.after) == ("old", "new")


def test_what_is_known_only_while_deploying_says_so():
    (one,) = fields({"x": "update"}, {"x": "a"}, {"x": UNKNOWN})
    assert (one.unknown, one.before, one.after) == (True, "a", None)


@pytest.mark.parametrize(
    ("kind", "diff", "before", "after"),
    [
        ("Secret", "data.url", {"data": {"url": CANARY}}, {"data": {"url": CANARY + "2"}}),
        ("Secret", "stringData", {}, {"stringData": {"url": CANARY}}),
        ("Secret", "data", {"data": {"url": CANARY}}, {}),
        ("ConfigMap", "data.DB_PASSWORD", {"data": {"DB_PASSWORD": CANARY}}, {"data": {"DB_PASSWORD": "x"}}),
        ("ConfigMap", "data", {"data": {"API_KEY": CANARY}}, {}),
        ("Deployment", "env[0].value", {"env": [{"name": "TOKEN", "value": CANARY}]}, {"env": [{"name": "TOKEN"}]}),
        ("Deployment", "env[0]", {"env": []}, {"env": [{"name": "ADMIN_PASSWORD", "value": CANARY}]}),
        ("Deployment", "env", {}, {"env": [{"name": "ADMIN_PASSWORD", "value": CANARY}]}),
        ("Policy", "spec", {"spec": [{"deep": [{"token": CANARY}]}]}, {"spec": [1]}),
        ("Deployment", "spec.x", {"spec": MASK}, {"spec": MASK}),
        ("ConfigMap", "data.URL", {"data": {"URL": "x"}}, {"data": {"URL": f"postgres://app:{CANARY}@db/x"}}),
        ("Deployment", "args", {"args": []}, {"args": ["--x", f"https://a:{CANARY}@b"]}),
        ("Deployment", "spec.x", {"spec": {"x": f"prefix {MASK}"}}, {"spec": {"x": "plain"}}),
    ],
)
def test_what_may_be_secret_is_said_to_differ_and_no_more(kind, diff, before, after):
    found = fields({diff: "update"}, before, after, kind=kind)
    assert any(one.secret for one in found)
    assert CANARY not in repr(found)


def test_a_credential_of_the_program_is_taken_out():
    redact = Redactor({"VAULT_TOKEN": CANARY})
    (one,) = fields_of({"x": "add"}, before={}, after={"x": f"a {CANARY} b"}, kind="ConfigMap", redact=redact)
    assert one.after == "a [VAULT_TOKEN] b"


@pytest.mark.parametrize("name", ["secretName", "secretRef", "tokenPath", "automountServiceAccountToken"])
def test_where_a_secret_is_may_be_shown(name):
    (one,) = fields({name: "update"}, {name: "a"}, {name: "b"})
    assert (one.secret, one.after) == (False, "b")


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("metadata.annotations.app-of-apps/git-commit", True),
        ('metadata.labels["app.kubernetes.io/version"]', True),
        ("spec.replicas", False),
        ("metadata.labels.team", False),
    ],
)
def test_what_only_says_of_which_release_an_object_is_is_known(path, ours):
    assert is_provenance(Field(path, "changed")) is ours


keys = st.sampled_from(["a", "password", "name", "value", "x y"])
values = st.recursive(
    st.one_of(st.integers(), st.just(CANARY), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@given(values, values, keys)
def test_any_two_states_are_compared_and_a_secret_never_shows_a_value(before, after, key):
    found = fields(
        {f"data.{written((key,))}": "update"}, {"data": {key: before}}, {"data": {key: after}}, kind="Secret"
    )
    assert CANARY not in repr(found)
    assert all(one.before is None and one.after is None for one in found)
