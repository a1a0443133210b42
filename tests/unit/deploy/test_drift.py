from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from app_of_apps.deploy.drift import Drift, World, find_drift, key_of
from app_of_apps.deploy.drift_compare import What
from app_of_apps.deploy.drift_deployed import Deployed, deployed_release, wanted_of
from app_of_apps.deploy.drift_fix import mend
from app_of_apps.deploy.drift_read import read_world
from app_of_apps.deploy.drift_report import Fixed, render, to_json
from app_of_apps.deploy.past import read_past
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.objects.record import release_record
from app_of_apps.release.provenance import Provenance
from app_of_apps.release.resolve import resolve
from app_of_apps.release.stored import packed_release
from tests.unit.release.world import RUNS, child, environment, manifest, worlds

RELEASE = resolve(
    manifest(
        child(name="api", config={"own": {"MODE": "live"}}, secrets={"TOKEN": {"path": "api", "key": "token"}}),
        child(name="site", dependsOn=["api"], autoscaling={"minReplicas": 1, "maxReplicas": 3}),
        child(name="db", type="migration"),
    ),
    environment(versions={"api": "1.0.0", "site": "1.0.0", "db": "1.0.0"}),
)
WANTED = wanted_of(RELEASE, {})
DEPLOYED = Deployed(RELEASE, "release-1", "working tree")


def standing(wanted=WANTED) -> World:
    """Return a world that is as declared, each object with an ID of its own."""
    objects: dict = {}
    policies, roles = {}, {}
    for one in wanted:
        for item in one.objects:
            there = copy.deepcopy(dict(item))
            namespace = "" if item["kind"] == "Namespace" else one.namespace
            there["metadata"] = {**there["metadata"], "uid": f"uid-{len(objects)}"}
            objects[key_of(there, namespace)] = there
        policies |= {policy.name: {"policy": policy.policy} for policy in one.policies}
        for role in one.roles:
            roles[role.name] = {
                "role_type": "jwt",
                "bound_subject": role.bound_subject,
                "bound_audiences": list(role.bound_audiences),
                "user_claim": "sub",
                "token_policies": list(role.policies),
                "token_ttl": role.token_ttl,
            }
    return World(objects, policies=policies, roles=roles, role_names=frozenset(roles))


def told(drift: Drift) -> list[tuple[str | None, str, str, What]]:
    return [(one.child, one.thing.kind, one.thing.name, one.drift.what) for one in drift.differences]


def without(world: World, kind: str, namespace: str) -> World:
    objects = {key: item for key, item in world.objects.items() if (key[1], key[2]) != (kind, namespace)}
    return replace(world, objects=objects)


def with_object(world: World, item: dict[str, Any]) -> World:
    return replace(world, objects={**world.objects, key_of(item): item})


def stray(kind: str, name: str, version: str = "v1", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop-api", "uid": f"stray-{name}", **metadata},
    }


def test_a_world_as_declared_has_no_drift() -> None:
    assert told(find_drift(WANTED, (), standing())) == []


@RUNS
@given(worlds())
def test_any_release_does_not_differ_from_itself(drawn) -> None:
    wanted = wanted_of(resolve(*drawn), {})
    assert told(find_drift(wanted, (), standing(wanted))) == []


def test_a_missing_object_is_found_and_can_be_mended() -> None:
    found = find_drift(WANTED, (), without(standing(), "Service", "shop-api"))
    assert told(found) == [("api", "Service", "api", What.MISSING)]
    assert found.differences[0].mends


def test_with_a_namespace_goes_all_that_is_in_it() -> None:
    world = standing()
    objects = {key: item for key, item in world.objects.items() if "shop-api" not in {key[2], key[3]}}
    found = find_drift(WANTED, (), replace(world, objects=objects))
    assert told(found) == [("api", "Namespace", "shop-api", What.MISSING)]


def test_a_job_with_a_time_to_live_may_be_gone() -> None:
    wanted = [replace(one, objects=tuple(map(copy.deepcopy, one.objects))) for one in WANTED]
    jobs = [item for one in wanted for item in one.objects if item["kind"] == "Job"]
    world = without(standing(), "Job", "shop-db")
    assert [what for *_, what in told(find_drift(wanted, (), world))] == [What.MISSING]
    jobs[0]["spec"]["ttlSecondsAfterFinished"] = 0  # type: ignore[index]
    found = find_drift(wanted, (), world)
    assert told(found) == []
    assert [one.thing.kind for one in found.spent] == ["Job"]


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Deployment", "apps/v1"),
        ("RoleBinding", "rbac.authorization.k8s.io/v1"),
        ("NetworkPolicy", "networking.k8s.io/v1"),
        ("Pod", "v1"),
        ("ConfigMap", "v1"),
    ],
)
def test_an_object_that_nobody_declared_is_found_and_left_alone(kind: str, version: str) -> None:
    found = find_drift(WANTED, (), with_object(standing(), stray(kind, "extra", version)))
    assert told(found) == [("api", kind, "extra", What.UNDECLARED)]
    assert not found.differences[0].mends


def test_what_belongs_to_something_is_nobodys_addition() -> None:
    """Its owner may just have gone, as a Job beyond the limit of its CronJob's history: its pods follow."""
    owner = {"kind": "Job", "name": "nightly-1", "uid": "gone already"}
    owned = stray("Pod", "nightly-1-x", ownerReferences=[owner])
    assert told(find_drift(WANTED, (), with_object(standing(), owned))) == []


def test_what_is_being_deleted_is_nobodys_addition() -> None:
    going = stray("Pod", "debug", deletionTimestamp="2030-01-01T00:00:00Z")
    assert told(find_drift(WANTED, (), with_object(standing(), going))) == []


def test_what_every_namespace_has_is_nobodys_addition() -> None:
    world = with_object(standing(), stray("ConfigMap", "kube-root-ca.crt"))
    assert told(find_drift(WANTED, (), with_object(world, stray("ServiceAccount", "default")))) == []


def test_the_claim_of_a_stateful_set_is_nobodys_addition() -> None:
    stateful = stray("StatefulSet", "cache", "apps/v1")
    stateful["spec"] = {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]}
    world = with_object(with_object(standing(), stateful), stray("PersistentVolumeClaim", "data-cache-0"))
    other = with_object(world, stray("PersistentVolumeClaim", "data-cache-x"))
    assert told(find_drift(WANTED, (), world)) == [("api", "StatefulSet", "cache", What.UNDECLARED)]
    assert ("api", "PersistentVolumeClaim", "data-cache-x", What.UNDECLARED) in told(find_drift(WANTED, (), other))


def test_a_missing_and_a_widened_right_in_vault_are_found() -> None:
    world = standing()
    name = "staging_shop_api"
    assert told(find_drift(WANTED, (), replace(world, policies={name: None}))) == [
        ("api", "policy", name, What.MISSING)
    ]
    changed = {name: {**world.roles[name], "bound_subject": "system:serviceaccount:default:default"}}  # type: ignore[dict-item]
    assert told(find_drift(WANTED, (), replace(world, roles=changed))) == [("api", "role", name, What.CHANGED)]
    more = replace(world, role_names=world.role_names | {"staging_shop_backdoor"})
    assert told(find_drift(WANTED, (), more)) == [(None, "role", "staging_shop_backdoor", What.UNDECLARED)]


def test_what_may_not_be_read_is_said_and_is_no_drift() -> None:
    world = without(standing(), "Service", "shop-api")
    closed = replace(world, unread=("…",), unread_kinds=frozenset({("shop-api", "Service")}))
    found = find_drift(WANTED, (), closed)
    assert (told(found), found.unread) == ([], ("…",))


def test_another_release_that_was_begun_is_said() -> None:
    world = standing()
    (item,) = [item for key, item in world.objects.items() if key[1:] == ("Deployment", "shop-api", "api")]
    item["metadata"]["annotations"]["app-of-apps/child-digest"] = "sha256:other"  # type: ignore[index]
    fields = {"f:metadata": {"f:annotations": {"f:app-of-apps/child-digest": {}}}}
    item["metadata"]["managedFields"] = [  # type: ignore[index]
        {"manager": "pulumi-kubernetes-1", "operation": "Apply", "fieldsV1": fields}
    ]
    found = find_drift(WANTED, (), world)
    assert found.notes == ("api: another release was begun here and has not become healthy as a whole",)


# --- reading -------------------------------------------------------------------------------------------------------


class Cluster:
    """Holds objects and answers like `KubeReader`; what it is asked for is kept."""

    def __init__(self, world: World, forbidden: tuple[str, ...] = (), *, everywhere: str = "no") -> None:
        self.world = world
        self.forbidden = forbidden
        self.everywhere = everywhere
        """Whether kinds can be listed in all namespaces at once: ``no``, ``yes``, or ``more`` than a page holds."""
        self.asked: list[str] = []
        self.kinds: dict[str, set[str]] = {}
        for item in world.objects.values():
            self.kinds.setdefault(item["apiVersion"], set()).add(item["kind"])

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        self.asked.append(path)
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in self.kinds:
            found = [
                {"kind": kind, "name": kind.lower(), "namespaced": kind != "Namespace"} for kind in self.kinds[version]
            ]
            return {"resources": [*found, {"kind": "Scale", "name": "deployments/scale", "namespaced": True}]}
        if "/namespaces/" not in path and any(path.endswith(f"/{key[1].lower()}") for key in self.world.objects):
            return self._page(path)
        for key, item in self.world.objects.items():
            if path.endswith(f"/{key[1].lower()}/{key[3]}"):
                return dict(item)
        return None

    def _page(self, path: str) -> dict[str, Any]:
        if self.everywhere == "no":
            raise Forbidden(path)
        found = [dict(item) for key, item in self.world.objects.items() if key[1].lower() == path.rpartition("/")[2]]
        return {"items": found, "metadata": {"continue": "more"} if self.everywhere == "more" else {}}

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        if path.endswith(self.forbidden or ("never",)):
            raise Forbidden(path)
        _, _, rest = path.partition("/namespaces/")
        namespace, kind = rest.split("/")
        return [
            {name: part for name, part in item.items() if name not in {"kind", "apiVersion"}}
            for key, item in self.world.objects.items()
            if (key[2], key[1].lower()) == (namespace, kind)
        ]


def test_what_is_read_is_what_stands_there() -> None:
    world = standing()
    cluster = Cluster(world)
    read = read_world(cluster, None, RELEASE, WANTED, ())
    assert read.objects.keys() == world.objects.keys()
    assert told(find_drift(WANTED, (), read)) == []


@pytest.mark.parametrize("everywhere", ["yes", "more", "no"])
def test_what_is_read_is_the_same_however_it_may_be_listed(everywhere: str) -> None:
    world = standing()
    elsewhere = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other", "namespace": "not-ours"}}
    cluster = Cluster(with_object(world, elsewhere), everywhere=everywhere)
    read = read_world(cluster, None, RELEASE, WANTED, ())
    assert read.objects.keys() == world.objects.keys()
    lists = [path for path in cluster.asked if path.endswith("/service")]
    alone = [f"/api/v1/namespaces/{child.namespace}/service" for child in WANTED]
    assert sorted(lists) == sorted(["/api/v1/service", *(() if everywhere == "yes" else alone)])


def test_no_secret_is_asked_for_and_no_kind_that_is_not_there() -> None:
    world = standing()
    secret = {**stray("Secret", "vault-api"), "data": {"token": "Y2FuYXJ5"}}
    cluster = Cluster(with_object(world, secret))
    read_world(cluster, None, RELEASE, WANTED, ())
    kinds = {path.rpartition("/")[2] for path in cluster.asked}
    assert "vaultstaticsecret" in kinds
    assert not kinds & {"secret", "externalsecret"}


def test_a_kind_that_may_not_be_read_is_named() -> None:
    read = read_world(Cluster(standing(), ("rolebinding", "/service")), None, RELEASE, WANTED, ())
    assert "not compared, because it may not be read: Service in shop-api" in read.unread
    assert told(find_drift(WANTED, (), read)) == []


# --- which release -------------------------------------------------------------------------------------------------


class Records:
    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)

    def list(self, path: str, labelSelector: str = "") -> list[dict[str, Any]]:  # noqa: N803 - the API's word
        assert path == "/api/v1/namespaces/shop-parent/configmaps"
        label, _, value = labelSelector.partition("=")
        return [one for one in self.records if not label or one["metadata"]["labels"].get(label) == value]


OTHER = resolve(
    manifest(child(name="api", config={"own": {"MODE": "other"}})),
    environment(versions={"api": "2.0.0"}),
)


def record(release=RELEASE, *, number: int | None = None, created: str = "2030-01-01T00:00:00Z", **more: Any) -> dict:
    item = copy.deepcopy(dict(release_record(release, Provenance(release.digest, 1, "abc123"))[1].manifest))
    item["metadata"]["creationTimestamp"] = created
    item["data"] |= {"digest": release.digest, "number": str(number)}
    item["binaryData"] = packed_release(release)
    if number is None:
        del item["data"]["number"], item["binaryData"]
    return {**item, **more}


def evidence(release) -> dict[str, Any]:
    content = {
        "kind": "ended",
        "sequence": 2,
        "attempt": 1,
        "result": "succeeded",
        "release": {"digest": release.digest},
    }
    labels = {"app-of-apps/evidence": "record"}
    return {"metadata": {"name": "evidence-0000002", "labels": labels}, "data": {"record": json.dumps(content)}}


def deployed(*records: dict[str, Any], vouched: bool = True) -> Deployed:
    kube: Any = Records(*records)
    past = replace(read_past(kube, "staging", "shop"), vouched=vouched)
    return deployed_release(kube, RELEASE, past)


def test_the_working_trees_release_counts_when_it_is_what_was_deployed() -> None:
    found = deployed(record(number=1), evidence(RELEASE))
    assert (found.release, found.basis) == (RELEASE, "working tree")


def test_from_another_working_tree_the_records_content_counts() -> None:
    found = deployed(record(number=1), record(OTHER, number=2), evidence(OTHER))
    assert (found.release.digest, found.basis) == (OTHER.digest, "record")
    assert told(find_drift(wanted_of(found.release, {}), (), standing(wanted_of(OTHER, {})))) == []


def test_an_attempt_since_that_has_not_succeeded_is_said() -> None:
    since = evidence(OTHER)
    content = {"kind": "began", "sequence": 3, "operation": "up", "release": {"digest": OTHER.digest}}
    since["metadata"]["name"] = "evidence-0000003"
    since["data"] = {"record": json.dumps(content)}
    found = deployed(record(number=1), evidence(RELEASE), since)
    assert found.notes == (
        f"attempt 3 (up) was begun after {found.record} and has not succeeded, so what it left differs",
    )
    assert found.notes[0] in render(found, Drift(()))


def test_a_broken_chain_of_evidence_is_said() -> None:
    found = deployed(record(number=1), evidence(RELEASE), vouched=False)
    assert found.notes[0].startswith("the chain of evidence is not whole")


def test_a_record_that_no_evidence_knows_is_refused() -> None:
    with pytest.raises(Refused, match="no signed record says that it succeeded"):
        deployed(record(number=1), record(OTHER, number=2), evidence(RELEASE))


def test_a_record_whose_content_was_changed_is_refused() -> None:
    forged = record(OTHER, number=2, binaryData=packed_release(RELEASE))
    with pytest.raises(Refused, match="is not what its digest names"):
        deployed(forged, evidence(OTHER))


def test_a_release_without_content_is_said_with_the_way_out() -> None:
    with pytest.raises(Unavailable, match="check out abc123 and run again"):
        deployed(record(OTHER, number=2, binaryData={}), evidence(OTHER))


def test_records_of_before_they_had_numbers_count_by_their_time() -> None:
    older = record(OTHER, created="2029-12-31T00:00:00Z")
    assert deployed(older, record()).basis == "working tree"
    with pytest.raises(Unavailable, match="its record holds no content"):
        deployed(record(OTHER, created="2030-01-02T00:00:00Z"), record())


def test_where_nothing_was_deployed_nothing_can_differ() -> None:
    with pytest.raises(Unavailable, match="nothing of shop has become healthy in staging yet"):
        deployed()


def test_another_release_is_never_deployed_by_a_repair(tmp_path) -> None:
    other = Deployed(OTHER, "release-2", "record")
    with pytest.raises(Refused, match="the working tree is not what staging runs"):
        mend(other, RELEASE, tmp_path, (), show=lambda _: None, say=lambda _: None)


# --- the answer ----------------------------------------------------------------------------------------------------


def changed() -> Drift:
    world = standing()
    (item,) = [item for key, item in world.objects.items() if key[1:] == ("ConfigMap", "shop-api", "config")]
    item["data"]["MODE"] = "dead\x1b[31m"  # type: ignore[index]
    item["data"]["PASSWORD"] = "hunter2"  # type: ignore[index]
    return find_drift(WANTED, (), with_object(world, stray("Pod", "extra")))


def test_the_words_say_what_and_what_to_do() -> None:
    text = render(DEPLOYED, changed())
    assert text.splitlines() == [
        "shop in staging, release-1: 3 differences.",
        "",
        "api: ConfigMap config in shop-api",
        "  data.MODE: live → dead",
        "  data.PASSWORD was added: [not shown: looks like a secret]",
        "",
        "api: Pod extra in shop-api",
        "  is declared by nobody",
        "",
        "1 difference can be mended: aoa drift staging --fix",
        "2 differences cannot: what nobody declared is left alone. Declare it, or remove it by hand",
    ]


def test_the_words_of_no_drift_are_one_line() -> None:
    assert render(DEPLOYED, Drift(())) == "shop in staging, release-1: no drift."


def test_after_a_repair_the_words_say_what_is_left() -> None:
    text = render(DEPLOYED, Drift(()), Fixed(ok=True, before=2))
    assert text.splitlines()[0] == "shop in staging, release-1: 2 of 2 differences are gone."


def test_json_is_plain_and_shows_no_secret() -> None:
    shape = to_json(DEPLOYED, changed(), Fixed(ok=True, before=4))
    text = json.dumps(shape)
    assert "hunter2" not in text
    assert shape["clean"] is False
    assert [(one["what"], one["field"], one["fixable"]) for one in shape["differences"]] == [
        ("changed", "data.MODE", True),
        ("added", "data.PASSWORD", False),
        ("undeclared", None, False),
    ]
    assert shape["fixed"] == {"ok": True, "before": 4, "left": 3}
