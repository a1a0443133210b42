from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.deploy.drift_compare import What, compare_object
from app_of_apps.deploy.drift_values import written
from tests.unit.deploy.hands import TIME, declared, live, recorded, removed_by, set_by

NAMES = [(one["kind"], one["metadata"]["name"]) for one in recorded()]
TEMPLATE = ("spec", "template", "spec")
API = (*TEMPLATE, "containers", ("name", "api"))


def differs(wanted: dict, there: dict, **more: bool) -> dict[str, tuple[What, Any, Any, list[str]]]:
    fields, _ = compare_object(wanted, there, **more)
    return {written(one.path): (one.what, one.wanted, one.there, [who.manager for who in one.by]) for one in fields}


def passed(wanted: dict, there: dict, **more: bool) -> dict[str, str]:
    return {written(one.path): one.why for one in compare_object(wanted, there, **more)[1]}


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_what_was_just_deployed_has_no_drift(kind: str, name: str) -> None:
    item = live(kind, name)
    scaled = kind == "Deployment" and name == "site"
    assert differs(declared(item), item, scaled=scaled) == {}


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_declared_field_that_changes_is_found(kind: str, name: str) -> None:
    item = live(kind, name)
    wanted = declared(item)
    for path in leaves({key: value for key, value in wanted.items() if key not in {"apiVersion", "kind", "metadata"}}):
        changed = copy.deepcopy(wanted)
        at: Any = changed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = "something else" if not isinstance(at[path[-1]], bool) else not at[path[-1]]
        assert differs(changed, item, scaled=True), path


def leaves(value: Any, path: tuple = ()) -> list[tuple]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [one for key, inner in steps for one in leaves(inner, (*path, key))]
    return below or ([path] if not isinstance(value, dict | list) else [])


def test_a_changed_image_is_found_with_who_changed_it_and_when() -> None:
    item = live("Deployment", "api")
    there = set_by(item, "kubectl-set", (*API, "image"), "registry.example.com/test/app:9.9.9")
    (one,), _ = compare_object(declared(item), there)
    assert (one.what, written(one.path)) == (What.CHANGED, "spec.template.spec.containers[api].image")
    (who,) = one.by
    assert (who.manager, who.operation, who.time) == ("kubectl-set", "Update", TIME)


def test_of_a_removed_label_nobody_knows_who_did_it() -> None:
    item = live("Deployment", "api")
    there = removed_by(item, ("metadata", "labels", "app.kubernetes.io/component"))
    key = 'metadata.labels["app.kubernetes.io/component"]'
    assert differs(declared(item), there) == {key: (What.REMOVED, "service", None, [])}


def test_replicas_set_by_hand_are_drift_where_they_are_declared() -> None:
    item = live("Deployment", "api")
    there = set_by(item, "kubectl", ("spec", "replicas"), 5)
    assert differs(declared(item), there) == {"spec.replicas": (What.CHANGED, 1, 5, ["kubectl"])}


@pytest.mark.parametrize("manager", ["kube-controller-manager", "kubectl"])
def test_replicas_are_no_drift_where_an_autoscaler_decides(manager: str) -> None:
    item = live("Deployment", "site")
    wanted, there = declared(item), set_by(item, manager, ("spec", "replicas"), 3)
    wanted["spec"].pop("replicas", None)
    assert differs(wanted, there, scaled=True) == {}
    assert passed(wanted, there, scaled=True)["spec.replicas"] == "the autoscaler decides about the replicas"
    assert "spec.replicas" in differs(wanted, there, scaled=False)


@pytest.mark.parametrize(
    ("manager", "annotation"),
    [
        ("kubectl-rollout", "kubectl.kubernetes.io/restartedAt"),
        ("vault-secrets-operator", "vso.secrets.hashicorp.com/restartedAt"),
    ],
)
def test_a_restart_is_no_drift(manager: str, annotation: str) -> None:
    item = live("Deployment", "api")
    there = set_by(item, manager, ("spec", "template", "metadata", "annotations", annotation), TIME)
    assert differs(declared(item), there) == {}
    assert len(passed(declared(item), there)) == 1


def test_a_controller_may_note_what_it_does_and_change_nothing_else() -> None:
    item = live("Deployment", "api")
    noted = set_by(item, "kube-controller-manager", ("metadata", "annotations", "example.com/seen"), "yes")
    assert differs(declared(item), noted) == {}
    changed = set_by(item, "kube-controller-manager", (*TEMPLATE, "hostNetwork"), True)  # noqa: FBT003
    assert differs(declared(item), changed).keys() == {"spec.template.spec.hostNetwork"}


def test_somebody_elses_annotation_is_drift() -> None:
    item = live("Deployment", "api")
    there = set_by(item, "kubectl-annotate", ("metadata", "annotations", "app-of-apps/author"), "eve")
    assert differs(declared(item), there).keys() == {'metadata.annotations["app-of-apps/author"]'}
    told = set_by(
        item, "pulumi-kubernetes-1", ("metadata", "annotations", "app-of-apps/author"), "eve", operation="Apply"
    )
    assert differs(declared(item), told) == {}


def test_who_only_claims_to_be_the_engine_is_found() -> None:
    item = live("Deployment", "api")
    for operation in ("Apply", "Update"):
        there = set_by(item, "pulumi-kubernetes-0", (*TEMPLATE, "hostPID"), True, operation=operation)  # noqa: FBT003
        assert differs(declared(item), there).keys() == {"spec.template.spec.hostPID"}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ((*TEMPLATE, "containers", ("name", "miner")), {"name": "miner", "image": "x"}, "containers[miner]"),
        ((*API, "env", ("name", "DEBUG")), {"name": "DEBUG", "value": "1"}, "containers[api].env[DEBUG]"),
        ((*TEMPLATE, "hostNetwork"), True, "hostNetwork"),
        ((*TEMPLATE, "tolerations"), [{"operator": "Exists"}], "tolerations"),
    ],
)
def test_what_is_added_to_a_pod_is_found(path: tuple, value: Any, found: str) -> None:
    item = live("Deployment", "api")
    there = set_by(item, "kubectl-edit", path, value)
    assert differs(declared(item), there) == {
        f"spec.template.spec.{found}": (What.ADDED, None, value, ["kubectl-edit"])
    }


def test_added_data_of_a_config_map_is_found() -> None:
    item = live("ConfigMap", "config")
    there = set_by(item, "kubectl-edit", ("data", "EXTRA"), "1")
    assert differs(declared(item), there) == {"data.EXTRA": (What.ADDED, None, "1", ["kubectl-edit"])}


def test_an_item_added_to_a_plain_list_is_found() -> None:
    item = live("NetworkPolicy", "edges")
    egress = [*item["spec"]["egress"], {}]
    there = set_by(item, "kubectl-patch", ("spec", "egress"), egress)
    assert differs(declared(item), there)["spec.egress"][2:] == (egress, ["kubectl-patch"])


def test_a_field_added_inside_of_a_plain_list_is_found() -> None:
    item = live("NetworkPolicy", "edges")
    egress = copy.deepcopy(item["spec"]["egress"])
    egress[0]["to"].append({"ipBlock": {"cidr": "0.0.0.0/0"}})
    there = set_by(item, "kubectl-patch", ("spec", "egress"), egress)
    assert differs(declared(item), there)
    egress = copy.deepcopy(item["spec"]["egress"])
    egress[0]["to"][0]["podSelector"] = {"matchLabels": {"a": "b"}}
    there = set_by(item, "kubectl-patch", ("spec", "egress"), egress)
    assert differs(declared(item), there).keys() == {"spec.egress[0].to"}


def test_without_managers_everything_that_is_no_default_counts_as_somebodys() -> None:
    item = live("Deployment", "api")
    wanted = declared(item)
    item["metadata"]["managedFields"] = []
    assert differs(wanted, item) == {}
    item["spec"]["template"]["spec"]["hostNetwork"] = True
    item["spec"]["template"]["spec"]["containers"].append({"name": "miner", "image": "x"})
    assert differs(wanted, item).keys() == {
        "spec.template.spec.hostNetwork",
        "spec.template.spec.containers[miner]",
    }


def test_an_object_created_again_as_declared_has_no_drift() -> None:
    """Whoever creates an object is noted for every default in it."""
    item = live("Deployment", "api")
    wanted = declared(item)
    everything = {"f:spec": _all(item["spec"]), "f:metadata": {"f:labels": _all(item["metadata"]["labels"])}}
    item["metadata"]["managedFields"] = [
        {"manager": "kubectl-create", "operation": "Update", "time": TIME, "fieldsV1": everything}
    ]
    assert differs(wanted, item) == {}


def _all(value: Any) -> dict:
    if isinstance(value, dict):
        return {f"f:{key}": _all(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
        import json

        return {f"k:{json.dumps({'name': one['name']})}": _all(one) for one in value}
    return {}


@pytest.mark.parametrize(
    ("wanted", "there", "is_drift"),
    [
        ({"resources": {"requests": {"cpu": "1000m"}}}, {"resources": {"requests": {"cpu": "1"}}}, False),
        ({"resources": {"requests": {"cpu": "0.10"}}}, {"resources": {"requests": {"cpu": "100m"}}}, False),
        ({"resources": {"limits": {"memory": "1024Mi"}}}, {"resources": {"limits": {"memory": "1Gi"}}}, False),
        ({"resources": {"limits": {"memory": "1G"}}}, {"resources": {"limits": {"memory": "1Gi"}}}, True),
        ({"refreshAfter": "90s"}, {"refreshAfter": "1m30s"}, False),
        ({"refreshAfter": "90s"}, {"refreshAfter": "1m31s"}, True),
        ({"minReadySeconds": 0}, {}, False),
        ({"minReadySeconds": 1}, {}, True),
        ({"automountServiceAccountToken": False}, {}, True),
        ({"replicas": 0}, {}, True),
        ({"ports": [{"containerPort": 1}]}, {"ports": [{"containerPort": 1, "protocol": "TCP"}]}, False),
        ({"ports": [{"containerPort": 1}]}, {"ports": [{"containerPort": 1, "protocol": "UDP"}]}, True),
        ({"env": [{"name": "A"}, {"name": "B"}]}, {"env": [{"name": "B"}, {"name": "A"}]}, False),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, True),
        ({"maxSurge": 1}, {"maxSurge": "1"}, True),
        ({"immutable": True}, {"immutable": 1}, True),
        ({"data": {"A": ""}}, {"data": {}}, True),
        ({"metrics": [{"a": 1}, {"a": 2}]}, {"metrics": [{"a": 2}, {"a": 1}]}, False),
        ({"metrics": [{"a": 1}, {"a": 2}]}, {"metrics": [{"a": 2}, {"a": 3}]}, True),
        ({"selector": {}}, {"selector": None}, False),
    ],
)
def test_what_means_the_same_is_no_drift(wanted: dict, there: dict, *, is_drift: bool) -> None:
    managers = [{"manager": "pulumi-kubernetes-1", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]
    item = {"metadata": {"managedFields": managers}, "spec": there}
    assert bool(differs({"metadata": {}, "spec": wanted}, item)) is is_drift


_names = st.sampled_from(["spec", "template", "name", "env", "ports", "args", "data", "labels", "requests", "x"])
_leaf = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.none())
_json = st.recursive(
    _leaf,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(_names, _json, max_size=4))
def test_an_object_never_differs_from_itself(spec: dict) -> None:
    item = {"metadata": {"labels": {"a": "b"}, "managedFields": []}, "spec": spec}
    assert differs({"metadata": {"labels": {"a": "b"}}, "spec": spec}, item) == {}


@given(st.sampled_from(NAMES), st.data())
def test_nobodys_fields_are_never_drift(name: tuple[str, str], data: st.DataObject) -> None:
    """What the API server fills in belongs to no manager, wherever it is."""
    item = live(*name)
    wanted = declared(item)
    places = [one for one in _mappings(item.get("spec", {})) if one]
    if places:
        data.draw(st.sampled_from(places))["filledIn"] = data.draw(_json)
    assert differs(wanted, item, scaled=name == ("Deployment", "site")) == {}


def _mappings(value: Any) -> list[dict]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*([value] if isinstance(value, dict) else []), *(one for below in inner for one in _mappings(below))]
