"""What holds for the objects of any valid manifest in any environment that fits it."""

from __future__ import annotations

import copy
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.objects.model import GROUPS
from app_of_apps.objects.record import release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.provenance import Provenance
from app_of_apps.release.resolve import resolve
from tests.unit.objects.pod_security import violations
from tests.unit.objects.rendered import pod_templates, render
from tests.unit.release.world import RUNS, child, environment, manifest, shared_sets, templates, worlds

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
SELECTOR = {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
STANDARD = {"name", "instance", "component", "part-of", "managed-by"}


def everything(release):
    """Yield (child, manifest) for every Kubernetes object of a release, documents included."""
    for objects in release_objects(release):
        for one in objects.kubernetes:
            yield objects.child, one.manifest
        for document in objects.documents:
            yield objects.child, document


@given(worlds())
@RUNS
def test_pods_satisfy_the_restricted_profile_and_the_namespace_enforces_it(world) -> None:
    for objects in release_objects(resolve(*world)):
        enforced = objects.kubernetes[0].manifest["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
        templates = list(pod_templates(objects))
        assert (enforced == "restricted") == bool(templates)
        for template in templates:
            assert list(violations(template["spec"])) == []
            assert template["spec"]["automountServiceAccountToken"] is False
            (container,) = template["spec"]["containers"]
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        (lambda spec: spec.update(hostNetwork=True), "hostNetwork"),
        (lambda spec: spec["securityContext"].update(runAsNonRoot=False), "runAsNonRoot"),
        (lambda spec: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"), "capabilities.drop"),
        (lambda spec: spec["containers"][0]["securityContext"].update(privileged=True), "privileged"),
        (
            lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
            "allowPrivilegeEscalation",
        ),
        (lambda spec: spec.update(volumes=[{"name": "x", "hostPath": {"path": "/"}}]), "volume x"),
    ],
)
def test_the_check_of_the_profile_finds_violations(change, violation: str) -> None:
    (template,) = pod_templates(render())
    spec = copy.deepcopy(template["spec"])
    change(spec)
    assert list(violations(spec)) == [violation]


@given(worlds())
@RUNS
def test_names_labels_and_annotations_are_ones_that_kubernetes_takes(world) -> None:
    seen = set()
    for owner, body in everything(resolve(*world)):
        metadata = body["metadata"]
        assert DNS_LABEL.fullmatch(metadata["name"])
        identity = (body["apiVersion"], body["kind"], metadata.get("namespace"), metadata["name"])
        assert identity not in seen
        seen.add(identity)
        if body["kind"] == "Namespace":
            assert metadata["name"] == f"shop-{owner}"
            assert "namespace" not in metadata
        else:
            assert metadata["namespace"] == f"shop-{owner}"
        labels = metadata["labels"]
        assert all(LABEL_VALUE.fullmatch(value) for value in labels.values())
        assert labels.keys() >= {f"app.kubernetes.io/{name}" for name in STANDARD} | {"example.com/product"}
        assert metadata["annotations"].keys() >= {f"app-of-apps/{x}" for x in ("team", "environment", "child-digest")}
        assert all(isinstance(value, str) for value in metadata["annotations"].values())


@given(worlds())
@RUNS
def test_logical_names_are_unique_in_a_child_and_groups_come_in_order(world) -> None:
    for objects in release_objects(resolve(*world)):
        logical = [one.name for one in objects.kubernetes]
        assert len(set(logical)) == len(logical)
        groups = [GROUPS.index(one.group) for one in objects.kubernetes]
        assert groups == sorted(groups)
        assert objects.kubernetes[0].manifest["kind"] == "Namespace"


@given(worlds())
@RUNS
def test_selectors_never_carry_a_version_and_select_the_pods(world) -> None:
    selectors = 0
    for objects in release_objects(resolve(*world)):
        pods = [template["metadata"]["labels"] for template in pod_templates(objects)]
        for one in objects.kubernetes:
            kind, body = one.manifest["kind"], one.manifest.get("spec", {})
            if kind not in {"Deployment", "Service", "PodDisruptionBudget"}:
                continue
            selector = body["selector"] if kind == "Service" else body["selector"]["matchLabels"]
            assert selector.keys() == SELECTOR
            assert all(selector.items() <= labels.items() for labels in pods)
            selectors += 1
        for template in pod_templates(objects):
            for constraint in template["spec"].get("topologySpreadConstraints", ()):
                assert constraint["labelSelector"]["matchLabels"].keys() == SELECTOR
    services = [one for one in world[0].children.values() if one.type in {"service", "worker"}]
    assert selectors >= len(services)


@given(worlds())
@RUNS
def test_everything_that_a_pod_refers_to_is_declared_with_it(world) -> None:
    for objects in release_objects(resolve(*world)):
        declared = {(one.manifest["kind"], one.manifest["metadata"]["name"]) for one in objects.kubernetes}
        secrets = {
            one.manifest["spec"]["destination"]["name"]
            for one in objects.kubernetes
            if one.manifest["kind"] == "VaultStaticSecret"
        }
        for template in pod_templates(objects):
            spec = template["spec"]
            (container,) = spec["containers"]
            assert ("ServiceAccount", spec["serviceAccountName"]) in declared
            for source in container.get("envFrom", ()):
                assert ("ConfigMap", source["configMapRef"]["name"]) in declared
            used = {variable["valueFrom"]["secretKeyRef"]["name"] for variable in container.get("env", ())}
            for volume in spec.get("volumes", ()):
                if "configMap" in volume:
                    assert ("ConfigMap", volume["configMap"]["name"]) in declared
                used |= {volume["secret"]["secretName"]} if "secret" in volume else set()
            assert used == secrets
            mounts = [mount["name"] for mount in container.get("volumeMounts", ())]
            assert mounts == [volume["name"] for volume in spec.get("volumes", ())]


@given(worlds())
@RUNS
def test_objects_are_plain_json_hold_no_secret_object_and_render_the_same_twice(world) -> None:
    release = resolve(*world)
    objects = release_objects(release)
    assert objects == release_objects(release)
    for owner, body in everything(release):
        assert json.loads(json.dumps(body)) == body, owner
        assert body["kind"] != "Secret"


@given(worlds())
@RUNS
def test_the_record_names_every_child(world) -> None:
    release = resolve(*world)
    _, record = release_record(release)
    assert json.loads(record.manifest["data"]["children"]).keys() == set(world[0].children)


@given(worlds(), st.data())
@RUNS
def test_what_one_environment_says_never_appears_in_the_objects_of_another(world, data) -> None:
    made, _ = world

    def marked(name: str):
        """An environment in which every value of its own says which environment it is from."""
        overrides = {}
        for one in made.children.values():
            if one.type in {"service", "worker", "migration", "cronjob"}:
                overrides[one.name] = {"config": {f"ONLY_{name.upper()}": f"only-{name}", "BOTH": f"only-{name}"}}
            if one.type == "service" and one.expose is not None:
                overrides[one.name]["host"] = f"only-{name}.example.com"
        shared = data.draw(st.sampled_from(sorted(shared_sets)))
        return environment(
            name,
            versions={one.name: f"only-{name}" for one in made.children.values() if one.type != "manifests"},
            children=overrides,
            config={shared: {f"SHARED_{name.upper()}": f"only-{name}"}},
            vault={"mounts": {"kv": f"only-{name}", "jwt": f"only-{name}"}, "audience": f"only-{name}"},
        )

    texts = {}
    for name in ("staging", "prod"):
        release = resolve(made, marked(name))
        record = [one.manifest for one in release_record(release, Provenance(release.digest, 3, "c", "a"))]
        texts[name] = f"{release_objects(release)!r}{record!r}".lower()
    for name, other in (("staging", "prod"), ("prod", "staging")):
        assert f"only-{other}" not in texts[name]
        assert f"only_{other}" not in texts[name]
        assert f"shared_{other}" not in texts[name]
        if any(one.type != "manifests" for one in made.children.values()):
            assert f"only-{name}" in texts[name]


def test_five_hundred_children_resolve_and_render() -> None:
    members = [
        child(
            name=f"c{index}",
            dependsOn=[f"c{other}" for other in range(max(0, index - 3), index)],
            template="web",
            config={"shared": ["market"], "own": {"INDEX": str(index)}},
            secrets={"KEY": {"path": f"c/{index}", "key": "k"}},
            expose={"host": "a.example.com"},
        )
        for index in range(500)
    ]
    made = manifest(*members, config=shared_sets, templates=templates)
    settings = environment(versions={one.name: "1.0.0" for one in members})
    assert len(release_objects(resolve(made, settings))) == 500
