from __future__ import annotations

from app_of_apps.deploy.diagnose import diagnose
from app_of_apps.deploy.report import State, render, to_json
from tests.unit.deploy.lab import Cluster, placed, recorded, shop, workload


def failing_migration() -> tuple[object, Cluster]:
    """The migration of this release failed; the API of the release before still runs; the catalogue is well."""
    release = shop()
    job = placed(workload("Job", "job-fails"), release, "orders-migration", name="orders-migration-0123456789")
    pods = [pod for pod in recorded()["shop-lab"]["pods"] if pod["metadata"]["name"].startswith("job-fails")]
    for pod in pods:
        pod["metadata"] |= {"namespace": "shop-orders-migration", "labels": {"app.kubernetes.io/part-of": "shop"}}
    well = workload("Deployment", "well")
    return release, Cluster(
        [
            job,
            *pods,
            placed(well, release, "catalog", name="catalog"),
            placed(well, release, "orders", name="orders", at="sha256:before", version="1.16.0"),
        ]
    )


def test_the_root_cause_names_child_team_object_and_the_containers_words():
    release, cluster = failing_migration()
    report = diagnose(release, cluster)
    assert not report.ok
    (cause,) = report.causes
    assert cause.sentence == (
        "orders-migration (team orders, #team-orders): Job shop-orders-migration/orders-migration-0123456789: "
        "container migrate ended with exit code 1: “relation orders already exists”"
    )


def test_what_waits_for_the_failed_child_is_blocked_and_the_way_is_shown():
    release, cluster = failing_migration()
    states = {child.child: child for child in diagnose(release, cluster).children}
    assert states["catalog"].state is State.UP
    assert states["orders"].state is State.BLOCKED
    assert states["orders"].because == ("orders-migration",)
    assert states["orders"].standing == "1.16.0"
    assert states["storefront"].because == ("orders-migration", "orders")


def test_the_report_starts_with_the_cause_and_ends_with_what_to_do():
    release, cluster = failing_migration()
    lines = render(diagnose(release, cluster)).splitlines()
    assert lines[0].startswith("up of shop in staging FAILED · release ")
    assert lines[2] == "ROOT CAUSE"
    assert "  orders (team orders) service 1.17.0, 1.16.0 keeps running: waits for orders-migration" in lines
    assert any(
        line.startswith("  1. Look: kubectl --context staging logs -n shop-orders-migration job-fails-")
        for line in lines
    )
    assert lines[-1] == (
        "  3. Run `aoa up staging` again; what was held back goes on by itself "
        "(orders, mailer, settlement, storefront)."
    )


def test_a_failed_child_of_an_earlier_release_is_not_blamed():
    release = shop()
    old = placed(
        workload("Job", "job-fails"), release, "orders-migration", name="orders-migration-old", at="sha256:old"
    )
    report = diagnose(release, Cluster([old]))
    assert report.causes == ()
    assert {child.state for child in report.children} == {State.NOT_STARTED}


def test_everything_healthy_is_a_good_report():
    release = shop()
    cron = {"kind": "CronJob", "metadata": {"name": "x"}, "spec": {}}
    cluster = Cluster(
        [
            placed(cron, release, child.name, name=child.name)
            if child.spec.type == "cronjob"
            else placed(workload(*_WELL[child.spec.type]), release, child.name, name=child.name)
            for child in release.children
        ]
    )
    report = diagnose(release, cluster)
    assert report.ok
    assert "WHAT TO DO NEXT" not in render(report)


_WELL = {"service": ("Deployment", "well"), "worker": ("Deployment", "well"), "migration": ("Job", "job-well")}


def test_an_unreachable_cluster_gives_a_report_that_says_so():
    release = shop()
    report = diagnose(release, Cluster(unreachable="cluster 'staging' does not answer: connection refused"))
    assert not report.ok
    assert report.notes == ("The cluster cannot be read: cluster 'staging' does not answer: connection refused",)
    assert {child.state for child in report.children} == {State.UNKNOWN}


def test_credentials_of_the_program_do_not_get_into_the_report(monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "canary-of-a-token")
    release, cluster = failing_migration()
    for item in cluster.objects:
        if item["kind"] == "Pod":
            state = item["status"]["containerStatuses"][0]["state"]["terminated"]
            state["message"] = "login with canary-of-a-token failed, and hvs.CAESIJ0aaaaaaaaaaaaaaaaaaaaaaaaaa too"
    report = diagnose(release, cluster)
    for text in (render(report), str(to_json(report))):
        assert "canary-of-a-token" not in text
        assert "hvs." not in text
        assert "login with [VAULT_TOKEN] failed, and [token] too" in text


def test_where_lists_over_all_namespaces_are_forbidden_each_namespace_is_read():
    release, cluster = failing_migration()
    cluster.narrow = True
    assert diagnose(release, cluster).causes[0].child == "orders-migration"
    assert "/apis/batch/v1/namespaces/shop-orders-migration/jobs" in cluster.asked


def test_independent_failures_are_all_named():
    release, cluster = failing_migration()
    crash = workload("Deployment", "crash")
    cluster.objects = [item for item in cluster.objects if item["metadata"]["name"] != "catalog"]
    cluster.objects.append(placed(crash, release, "catalog", name="catalog"))
    report = diagnose(release, cluster)
    assert [cause.child for cause in report.causes] == ["catalog", "orders-migration"]
    assert "ROOT CAUSES (2, independent)" in render(report)
