from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app_of_apps.deploy.status import Standing, read_status, to_json
from app_of_apps.objects.record import SELECTOR
from tests.unit.deploy.lab import Cluster, placed, recorded, shop, workload

if TYPE_CHECKING:
    from app_of_apps.release.model import Release

LABELS = dict([SELECTOR.split("=")])


def read(release: Release, cluster: Cluster):
    (found,) = read_status([release], connect=lambda _: cluster)
    return found, {child.child: child for child in found.children}


def with_image(item, image):
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return item


def test_versions_pods_and_age_are_what_the_cluster_says():
    release = shop()
    item = placed(workload("Deployment", "well"), release, "catalog", name="catalog")
    with_image(item, "registry.example.com:5000/shop/catalog:2.8.0@sha256:" + "a" * 64)
    item["metadata"]["managedFields"] = [
        {"manager": "pulumi", "time": "2030-01-02T03:04:05Z"},
        {"manager": "kube-controller-manager", "subresource": "status", "time": "2030-02-02T03:04:05Z"},
    ]
    _, children = read(release, Cluster([item]))
    catalog = children["catalog"]
    assert (catalog.standing, catalog.ready, catalog.desired) == (Standing.HEALTHY, 2, 2)
    assert catalog.version == "2.8.0@sha256:" + "a" * 64
    assert catalog.wanted == "2.9.0"
    assert catalog.since == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_what_is_not_in_the_cluster_is_absent_and_not_well():
    found, children = read(shop(), Cluster())
    assert children["orders"].standing is Standing.ABSENT
    assert not found.healthy


def test_a_crash_loop_is_unhealthy_by_the_containers_own_words():
    release = shop()
    item = placed(workload("Deployment", "crash"), release, "catalog", name="catalog")
    pods = [pod for pod in recorded()["shop-lab"]["pods"] if pod["metadata"]["name"].startswith("crash")]
    for pod in pods:
        pod["metadata"]["namespace"] = "shop-catalog"
        pod["metadata"]["labels"]["app.kubernetes.io/part-of"] = "shop"
    _, children = read(release, Cluster([item, *pods]))
    assert children["catalog"].standing is Standing.UNHEALTHY
    assert "panic: cannot open index" in children["catalog"].message


def test_a_slow_start_is_in_progress_and_not_unhealthy():
    release = shop()
    item = placed(workload("Deployment", "slow"), release, "catalog", name="catalog")
    assert read(release, Cluster([item]))[1]["catalog"].standing is Standing.PROGRESSING


def test_a_migration_is_judged_by_its_latest_job_alone():
    release = shop()
    old = placed(workload("Job", "job-fails"), release, "orders-migration", name="old", at="sha256:old")
    new = placed(workload("Job", "job-well"), release, "orders-migration", name="new")
    assert read(release, Cluster([old, new]))[1]["orders-migration"].standing is Standing.HEALTHY


def test_a_cron_job_is_unhealthy_when_its_last_run_failed():
    release = shop()
    cron = placed({"kind": "CronJob", "metadata": {"uid": "u"}, "spec": {}}, release, "settlement", name="settlement")
    run = placed(workload("Job", "job-fails"), release, "settlement", name="settlement-1")
    run["metadata"]["ownerReferences"] = [{"kind": "CronJob", "uid": "u", "name": "settlement"}]
    settlement = read(release, Cluster([cron, run]))[1]["settlement"]
    assert settlement.standing is Standing.UNHEALTHY
    assert "its last run settlement-1 failed" in settlement.message
    run["status"]["conditions"][-1]["message"] = "hvs.CAESIJ0123456789abcdefghij" + " and so on" * 200
    told = read(release, Cluster([cron, run]))[1]["settlement"].message
    assert "hvs." not in told
    assert len(told) < 400


def test_an_unreachable_cluster_is_said_and_nothing_is_made_up():
    found, children = read(shop(), Cluster(unreachable="cluster 'staging' does not answer: timed out"))
    assert found.error == "cluster 'staging' does not answer: timed out"
    assert {child.standing for child in children.values()} == {Standing.UNKNOWN}
    assert not found.healthy


def test_another_cluster_behind_the_context_is_not_shown_as_the_environment():
    release = shop()
    release = release.model_copy(
        update={"cluster": release.cluster.model_copy(update={"uid": "99999999-2222-3333-4444-555555555555"})}
    )
    found, _ = read(release, Cluster())
    assert "leads to another cluster" in str(found.error)


def record(name: str, at: str, children: dict[str, str]):
    return {
        "kind": "ConfigMap",
        "metadata": {"name": f"release-{name}", "namespace": "shop-parent", "creationTimestamp": at, "labels": LABELS},
        "data": {"digest": f"sha256:{name}", "children": json.dumps({c: {"digest": d} for c, d in children.items()})},
    }


def test_the_last_release_is_the_one_whose_children_run_even_when_a_later_one_was_made():
    release = shop()
    item = placed(workload("Deployment", "well"), release, "catalog", name="catalog", at="sha256:first")
    records = [
        record("aaa", "2030-01-01T00:00:00Z", {"catalog": "sha256:first"}),
        record("bbb", "2030-01-02T00:00:00Z", {"catalog": "sha256:second"}),
    ]
    assert read(release, Cluster([item, *records]))[0].release == "sha256:aaa"


def test_the_json_shape_is_versioned():
    found, _ = read(shop(), Cluster())
    shape = json.loads(json.dumps(to_json([found])))
    assert shape["format"] == "app-of-apps/status/v1"
    assert shape["healthy"] is False
    assert {child["name"] for child in shape["environments"][0]["children"]} == {c.name for c in shop().children}
