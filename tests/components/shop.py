"""A parent with one child of every type, loaded and resolved by the real code from files of the test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.record import release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.plan import plan
from app_of_apps.release.provenance import Provenance
from app_of_apps.release.resolve import resolve
from components.parent_app import ParentApp, ParentAppArgs
from components.providers import declare_providers
from tests.strategies import World, write_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app_of_apps.release.model import Release

_CHILD = {"apiVersion": "app-of-apps/v1", "kind": "Child", "team": "core"}
_BROKER = """\
apiVersion: v1
kind: Service
metadata: {name: broker}
spec: {selector: {app: broker}, ports: [{port: 5672}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: broker}
spec:
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: broker, image: "registry.example.com/broker:3"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: broker-config}
data: {queues: orders}
"""
_CHART = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: reports}
spec:
  selector: {matchLabels: {app: reports}}
  template:
    metadata: {labels: {app: reports}}
    spec: {containers: [{name: reports, image: "registry.example.com/reports:{{ .Values.tag }}"}]}
"""


def child(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    given = {**_CHILD, "name": name, "type": kind, **fields}
    if kind in {"service", "worker", "migration", "cronjob"}:
        given.setdefault("image", f"registry.example.com/{name}")
    if kind == "service":
        given.setdefault("ports", [{"port": 8080}])
    return given


def shop() -> World:
    children = [
        child("broker", "manifests", files=["../broker"]),
        child("reports", "chart", chart="../reports", versionValue="tag", deadline="2m"),
        child("migration", "migration", secrets={"URL": {"path": "db", "key": "url"}}),
        child(
            "api",
            "service",
            dependsOn=["migration", "broker"],
            config={"shared": ["market"], "own": {"A": "1"}},
            secrets={"URL": {"path": "db", "key": "url"}},
            disruptionBudget={"maxUnavailable": 1},
            deadline="90s",
        ),
        child("mailer", "worker", dependsOn=["api"], config={"shared": ["market"]}),
        child("night", "cronjob", dependsOn=["api"], schedule="@daily"),
        child("front", "service", dependsOn=["mailer", "reports"]),
    ]
    environment = {
        "name": "staging",
        "cluster": {
            "context": "staging",
            "server": "https://127.0.0.1:6443",
            "uid": "11111111-2222-3333-4444-555555555555",
            "caSha256": "ab" * 32,
        },
        "vault": {"address": "https://vault.example.com", "mounts": {"kv": "kv-staging", "jwt": "jwt-staging"}},
        "versions": {one["name"]: "1.0.0" for one in children if one["type"] != "manifests"},
    }
    parent = {
        "apiVersion": "app-of-apps/v1",
        "kind": "Parent",
        "name": "shop",
        "teams": {"core": {"contact": "#core"}},
        "config": {"market": {"CURRENCY": "EUR"}},
    }
    files = {
        "broker/all.yaml": _BROKER,
        "reports/Chart.yaml": "apiVersion: v2\nname: reports\nversion: 0.1.0\n",
        "reports/values.yaml": 'tag: "0"\n',
        "reports/templates/deployment.yaml": _CHART,
    }
    return World(parent, {one["name"]: one for one in children}, environment, files)


def release(folder: Path, world: World) -> Release:
    manifest = load_manifest(write_world(folder, world))
    return resolve(manifest, load_environment(world.environment["name"], folder))


def parent_args(of: Release, **more: Any) -> ParentAppArgs:
    return ParentAppArgs(
        release=of,
        objects=release_objects(of),
        plan=plan(of),
        providers=declare_providers(of.cluster, of.vault),
        record=release_record(of, Provenance(of.digest, 1, "c0ffee", "A <a@example.com>")),
        **more,
    )


def program(of: Release, *, hooks: Callable[[], pulumi.ResourceHookBinding] | None = None) -> Callable[[], None]:
    """Return the program that declares a release, without the steps that need a cluster."""

    def declare() -> None:
        parent = ParentApp(of.parent, parent_args(of, hooks=None if hooks is None else hooks()))
        pulumi.export("status", parent.status)

    return declare
