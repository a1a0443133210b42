"""Loading a manifest: what comes out, what stays inside the folder, and how long it takes."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.child import Child, ServiceChild
from app_of_apps.manifest.child_checks import RESERVED_NAME
from app_of_apps.manifest.edges import cycles
from app_of_apps.manifest.load import CHILD_MODELS, Manifest, load_manifest
from app_of_apps.manifest.parent import Parent
from tests.strategies import World, to_yaml, write_world

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"name": "staging"}
PARENT = {"apiVersion": "app-of-apps/v1", "kind": "Parent", "name": "shop", "teams": {"a": {"contact": "#a"}}}


def _service(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "service", "team": "a", "image": "x/y", "ports": [{"port": 80}], **more}


def _load(folder: Path, *children: dict[str, Any], files: dict[str, str] | None = None) -> Manifest:
    world = World(PARENT, {child["name"]: child for child in children}, ENVIRONMENT, files or {})
    return load_manifest(write_world(folder, world))


def _problems(folder: Path, *children: dict[str, Any], files: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        _load(folder, *children, files=files)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_the_example_loads():
    manifest = load_manifest(ROOT / "parent.yaml")
    assert len(manifest.children) >= 5
    position = manifest.position("orders", ("dependsOn", 0))
    assert position.file.endswith("apps/orders.yaml")
    assert position.line > 1


def test_the_order_of_the_children_is_the_parents(tmp_path: Path):
    assert list(_load(tmp_path, _service("z"), _service("a"), _service("m")).children) == ["z", "a", "m"]


def test_each_type_has_its_model():
    assert set(CHILD_MODELS) == {"service", "worker", "migration", "cronjob", "chart", "manifests"}
    assert CHILD_MODELS["service"] is ServiceChild
    assert {model.__name__ for model in CHILD_MODELS.values()} == {
        model.__name__
        for model in Child.__origin__.__args__  # type: ignore[attr-defined]
    }


def test_names_leave_room_for_a_namespace():
    parent, child = "p" * 20, "c" * 30
    assert Parent.model_validate({**PARENT, "name": parent, "children": ["x"]}).name == parent
    assert ServiceChild.model_validate(_service(child)).name == child
    assert len(f"{parent}-{child}") <= 63
    assert len(f"{parent}-{RESERVED_NAME}") <= 63


def test_problems_of_all_files_come_in_one_go(tmp_path: Path):
    broken = {"apps/b.yaml": "name: [\n", "apps/c.yaml": "name: c\nname: d\n"}
    with pytest.raises(InvalidInput) as caught:
        _load(tmp_path, _service("a", replica=1), _service("b"), _service("c"), files=broken)
    files = [Path(problem.position.file).name for problem in caught.value.problems]
    assert set(files) == {"a.yaml", "b.yaml", "c.yaml"}
    assert files == sorted(files)


def test_a_reference_to_a_broken_file_is_no_second_mistake(tmp_path: Path):
    found = _problems(tmp_path, _service("a", dependsOn=["b"]), _service("b"), files={"apps/b.yaml": "{"})
    assert len(found) == 1
    assert "YAML" in found[0]


def test_a_child_with_a_mistake_is_still_checked_against_the_others(tmp_path: Path):
    found = _problems(tmp_path, _service("a", replicas="2", dependsOn=["bb"], team="c"), _service("b"))
    assert found == [
        "team: the parent has no team `c`",
        "replicas: must be a whole number, but here is text",
        "dependsOn[0]: there is no child `bb`",
    ]


@pytest.mark.parametrize(
    "reference", ["../outside.yaml", "apps/../../outside.yaml", "/etc/hostname", "link/x.yaml", "up.yaml"]
)
def test_no_file_outside_of_the_folder_is_read(reference: str, tmp_path: Path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text(to_yaml(_service("secretly")), encoding="utf-8")
    (tmp_path / "x.yaml").write_text(to_yaml(_service("secretly")), encoding="utf-8")
    (folder / "link").symlink_to(tmp_path)
    (folder / "up.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "parent.yaml").write_text(to_yaml({**PARENT, "children": [reference]}), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_manifest(folder / "parent.yaml")
    assert "secretly" not in str(caught.value)
    assert [problem.path for problem in caught.value.problems] == ["children[0]"]


def test_a_symlink_inside_of_the_folder_is_a_file_like_any_other(tmp_path: Path):
    _load(tmp_path, _service("a"))
    (tmp_path / "link.yaml").symlink_to("apps/a.yaml")
    (tmp_path / "parent.yaml").write_text(to_yaml({**PARENT, "children": ["link.yaml"]}), encoding="utf-8")
    assert list(load_manifest(tmp_path / "parent.yaml").children) == ["a"]
    (tmp_path / "parent.yaml").write_text(
        to_yaml({**PARENT, "children": ["link.yaml", "apps/a.yaml"]}), encoding="utf-8"
    )
    with pytest.raises(InvalidInput, match="listed twice"):
        load_manifest(tmp_path / "parent.yaml")


def _chart(folder: Path, **files: str) -> str:
    texts = {"Chart.yaml": to_yaml({"name": "c", "version": "1.0.0"}), "values.yaml": "a: 1\n", **files}
    child = {"name": "c", "type": "chart", "team": "a", "chart": "../chart"}
    return _load(folder, child, files={f"chart/{name}": text for name, text in texts.items()}).charts["c"].digest


def test_a_charts_digest_is_over_names_and_contents(tmp_path: Path):
    first = _chart(tmp_path / "1")
    assert first.startswith("sha256:")
    assert first == _chart(tmp_path / "2")
    assert first != _chart(tmp_path / "3", **{"values.yaml": "a: 2\n"})
    assert first != _chart(tmp_path / "4", **{"templates/x.yaml": ""})
    assert _chart(tmp_path / "5", ab="c") != _chart(tmp_path / "6", a="bc")
    assert first == _chart(tmp_path / "7", **{".git/config": "x", "values.yaml~": "x", ".DS_Store": "x"})


def test_a_chart_is_named_from_the_parents_folder(tmp_path: Path):
    _chart(tmp_path)
    assert load_manifest(tmp_path / "parent.yaml").charts["c"].path == Path("chart")


def test_a_chart_with_a_symlink_is_refused(tmp_path: Path):
    _chart(tmp_path)
    (tmp_path / "chart/templates").symlink_to("/etc")
    with pytest.raises(InvalidInput, match="symlink"):
        load_manifest(tmp_path / "parent.yaml")


def test_manifests_are_read_in_order_of_name_and_lists_taken_apart(tmp_path: Path):
    def objects(*names: str) -> list[dict[str, Any]]:
        return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in names]

    files = {
        "o/b.yml": to_yaml({"apiVersion": "v1", "kind": "List", "items": objects("3", "4")}),
        "o/a.yaml": "---\n".join(to_yaml(found) for found in objects("1", "2")),
        "o/readme.txt": "no: yaml: here",
    }
    child = {"name": "m", "type": "manifests", "team": "a", "files": ["../o"]}
    documents = _load(tmp_path, child, files=files).documents["m"]
    assert [found["metadata"]["name"] for found in documents] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("spec", "annotations", "healthy"),
    [
        ({}, {}, True),
        ({"replicas": 0}, {}, False),
        ({}, {"pulumi.com/skipAwait": "true"}, False),
        ({"replicas": 0}, {"pulumi.com/waitFor": "condition=Ready"}, True),
    ],
)
def test_an_edge_needs_something_to_wait_for(
    spec: dict[str, Any], annotations: dict[str, str], healthy: object, tmp_path: Path
):
    metadata = {"name": "x", "annotations": annotations}
    files = {"o.yaml": to_yaml({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})}
    children = ({"name": "m", "type": "manifests", "team": "a", "files": ["../o.yaml"]}, _service("a", dependsOn=["m"]))
    if healthy:
        assert list(_load(tmp_path, *children, files=files).children) == ["m", "a"]
    else:
        assert "nothing to wait for" in _problems(tmp_path, *children, files=files)[0]


def test_every_separate_cycle_is_named():
    edges = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["e", "a"], "e": ["d"], "f": ["a", "nobody"], "g": []}
    found = cycles(edges)
    assert {frozenset(cycle) for cycle in found} == {frozenset("abc"), frozenset("de")}
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(needed in edges[name] for name, needed in pairwise(cycle))
    assert cycles({"a": ["b"], "b": []}) == ()


def test_a_long_chain_is_no_cycle_and_no_recursion():
    chain = {f"c{n}": [f"c{n + 1}"] for n in range(20_000)} | {"c20000": []}
    assert cycles(chain) == ()
    assert len(cycles({**chain, "c20000": ["c0"]})[0]) == 20_002


SIZEABLE_CHILD = """\
# yaml-language-server: $schema=../schema/child.schema.json
apiVersion: app-of-apps/v1
kind: Child
name: NAME
type: service
team: a
description: Takes an order and knows its state.
template: web
image: registry.example.com/shop/orders
ports:
  - {name: http, port: 8080, servicePort: 80}
  - {name: metrics, port: 9090}
config:
  shared: [market, telemetry]
  own:
    CATALOG_URL: http://catalog.shop-catalog
    LOG_LEVEL: info
secrets:
  DATABASE_URL: {path: orders/database, key: url}
  PAYMENT_API_KEY: {path: orders/payment-provider, key: api-key}
autoscaling:
  minReplicas: 2
  maxReplicas: 6
  cpuUtilization: 70
volumes:
  - name: spool
    mountPath: /var/spool
    emptyDir: {sizeLimit: 128Mi}
probes:
  readiness:
    http: {path: /readyz, port: http}
    period: 5s
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {memory: 256Mi}
disruptionBudget:
  maxUnavailable: 1
"""


def test_500_children_load(tmp_path: Path):
    shared = {"config": {"market": {"CURRENCY": "EUR"}, "telemetry": {}}, "templates": {"web": {"deadline": "3m"}}}
    world = World({**PARENT, **shared}, {f"c{n}": {} for n in range(500)}, ENVIRONMENT)
    world.files = {f"apps/c{n}.yaml": SIZEABLE_CHILD.replace("NAME", f"c{n}") for n in range(500)}
    parent_file = write_world(tmp_path, world)
    assert len(load_manifest(parent_file).children) == 500


def test_the_loader_imports_little():
    code = "import sys, app_of_apps.environment.load, app_of_apps.manifest.load; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    heavy = {"pulumi", "pulumi_kubernetes", "rich", "typer", "requests", "urllib3", "jsonschema", "hypothesis"}
    assert not heavy & set(found.split())
