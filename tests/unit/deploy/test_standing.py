"""Which children stand, and what is in the namespaces of those that would go."""

from __future__ import annotations

from typing import Any

from app_of_apps.deploy.standing import read_deletions, read_everything, read_standing
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.release.deletions import describe_deletions
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest


class Cluster:
    """Lists by path; what is asked for its names alone is never given as items."""

    def __init__(self, lists: dict[str, list[dict[str, Any]]]) -> None:
        self.lists = lists
        self.read: list[str] = []

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        folder, _, name = path.rpartition("/")
        return next((item for item in self.lists.get(folder, []) if item["metadata"]["name"] == name), None)

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        self.read.append(path)
        found = self.lists.get(path, [])
        wanted = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        return [item for item in found if wanted.items() <= (item["metadata"].get("labels") or {}).items()]

    def names(self, path: str) -> tuple[str, ...]:
        return tuple(item["metadata"]["name"] for item in self.lists.get(path, []))


def namespace(name: str, *, labelled: bool = True, parent: str = "shop", **meta: Any) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/part-of": parent,
        "app.kubernetes.io/managed-by": "app-of-apps",
        "app.kubernetes.io/component": "worker",
        "app.kubernetes.io/version": "1.2.0",
    }
    annotations = {"app-of-apps/team": "core"}
    return {"metadata": {"name": name, "annotations": annotations, **({"labels": labels} if labelled else {}), **meta}}


def cluster(*namespaces: dict[str, Any], **lists: list[dict[str, Any]]) -> Cluster:
    paths = {path.replace("__", "/"): items for path, items in lists.items()}
    return Cluster({"/api/v1/namespaces": list(namespaces), **paths})


def test_the_namespaces_of_a_parent_are_its_children_and_its_own_is_none() -> None:
    going = namespace("shop-late", deletionTimestamp="2026-01-01T00:00:00Z")
    kube = cluster(namespace("shop-mail"), namespace("shop-parent"), namespace("other-x", parent="other"), going)
    (mail,) = read_standing(kube, "shop")
    assert (mail.child, mail.namespace, mail.type) == ("mail", "shop-mail", "worker")
    assert (mail.team, mail.version) == ("core", "1.2.0")


def test_a_child_of_the_last_release_stands_even_when_its_labels_are_gone() -> None:
    kube = cluster(namespace("shop-mail", labelled=False))
    assert read_standing(kube, "shop") == ()
    (mail,) = read_standing(kube, "shop", last=("mail", "gone"))
    assert (mail.child, mail.namespace) == ("mail", "shop-mail")


def test_only_what_goes_is_looked_into_and_no_secret_is_read() -> None:
    home = "/api/v1/namespaces/shop-db"
    pod = {"spec": {"template": {"spec": {"containers": [{"image": "registry.example.com/db:1"}]}}}}
    timed = {"spec": {"jobTemplate": pod}}
    kube = Cluster(
        {
            "/api/v1/namespaces": [namespace("shop-db"), namespace("shop-api")],
            "/apis/apps/v1/namespaces/shop-db/statefulsets": [{"metadata": {"name": "postgres"}, **pod}],
            "/apis/batch/v1/namespaces/shop-db/cronjobs": [{"metadata": {"name": "backup"}, **timed}],
            f"{home}/persistentvolumeclaims": [{"metadata": {"name": "data"}}],
            f"{home}/secrets": [{"metadata": {"name": "one"}}, {"metadata": {"name": "two"}}],
        }
    )
    release = resolve(manifest(child()), environment(versions={"api": "1"}))
    (gone,) = read_deletions(kube, release).removals
    assert gone.contents.stateful_sets == ("postgres",)
    assert gone.contents.claims == ("data",)
    assert gone.contents.secrets == 2
    assert gone.contents.images == ("registry.example.com/db:1",)
    assert not [path for path in kube.read if "shop-api" in path or path.endswith("secrets")]


def test_removing_everything_takes_each_child_with_what_is_in_it() -> None:
    kube = cluster(
        namespace("shop-mail"),
        namespace("shop-web"),
        api__v1=[],
        **{"/api/v1/namespaces/shop-web/persistentvolumeclaims": [{"metadata": {"name": "cache"}}]},
    )
    found = read_everything(kube, "shop")
    assert found.children == ("mail", "web")
    assert [one.contents.claims for one in found.removals] == [(), ("cache",)]
    assert not read_everything(cluster(), "shop")


def test_secrets_that_may_not_be_counted_are_said_and_not_taken_for_none() -> None:
    class Closed(Cluster):
        def names(self, path: str) -> tuple[str, ...]:
            if path.endswith("/secrets"):
                raise Forbidden(path)
            return super().names(path)

    (line,) = describe_deletions(read_everything(Closed({"/api/v1/namespaces": [namespace("shop-mail")]}), "shop"))
    assert line.endswith("namespace shop-mail with Secrets that may not be counted")
