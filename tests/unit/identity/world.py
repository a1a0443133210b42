"""A small manifest in files, with access, that tests change in one place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from app_of_apps.environment.load import load_environment
from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.load import Manifest, load_manifest
from app_of_apps.release.resolve import resolve
from tests.strategies import World, write_world

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.release.model import Release

READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
PARENT: dict[str, Any] = {
    "apiVersion": "app-of-apps/v1",
    "kind": "Parent",
    "name": "shop",
    "teams": {"red": {"contact": "#red"}, "blue": {"contact": "#blue"}},
    "access": {
        "roles": {"viewer": {"kubernetes": [READ], "vault": ["list"]}},
        "environments": {"staging": {"grants": [{"group": "reds", "role": "viewer", "teams": ["red"]}]}},
        "workloads": {
            "leases": {
                "kubernetes": [
                    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "update"]}
                ],
                "teams": ["red"],
            }
        },
        "secrets": {"red": {"teams": ["red"]}, "blue": {"teams": ["blue"]}},
    },
}
ENVIRONMENT: dict[str, Any] = {
    "name": "staging",
    "cluster": {"context": "staging"},
    "vault": {"address": "http://vault.test:8200", "mounts": {"kv": "kv", "jwt": "jwt"}},
    "identity": {"groupsPrefix": "oidc:", "oidcMount": "oidc"},
    "versions": {},
}
CHART = {
    "charts/thing/Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\n",
    "charts/thing/templates/none.yaml": "",
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "thing"},
    "spec": {
        "selector": {"matchLabels": {"app": "thing"}},
        "template": {
            "metadata": {"labels": {"app": "thing"}},
            "spec": {"containers": [{"name": "thing", "image": "x/y:1"}]},
        },
    },
}


def child(kind: str = "service", name: str = "api", team: str = "red", **more: Any) -> dict[str, Any]:
    """A valid child of a type."""
    needed: dict[str, dict[str, Any]] = {
        "service": {"image": "x/y", "ports": [{"port": 8080}]},
        "worker": {"image": "x/y"},
        "migration": {"image": "x/y"},
        "cronjob": {"image": "x/y", "schedule": "0 3 * * *"},
        "chart": {"chart": "../charts/thing"},
        "manifests": {"files": ["../plain/objects.yaml"]},
    }
    return {"name": name, "type": kind, "team": team, **needed[kind], **more}


def world(*children: dict[str, Any], files: dict[str, str] | None = None, **parent: Any) -> World:
    """A world of these children; keyword arguments replace parts of the parent."""
    versions = {one["name"]: "1.0.0" for one in children if "image" in one}
    return World(
        copy.deepcopy({**PARENT, **parent}),
        {one["name"]: one for one in children or (child(),)},
        copy.deepcopy({**ENVIRONMENT, "versions": versions or ({"api": "1.0.0"} if not children else {})}),
        {**CHART, **(files or {})},
    )


def load(folder: Path, described: World) -> Manifest:
    """Load it from files."""
    return load_manifest(write_world(folder, described))


def release_of(folder: Path, described: World) -> Release:
    """Load and resolve it."""
    manifest = load(folder, described)
    return resolve(manifest, load_environment(described.environment["name"], folder))


def problems(folder: Path, described: World) -> list[str]:
    """Everything that loading and resolving say is wrong; nothing when it is valid."""
    try:
        release_of(folder, described)
    except InvalidInput as error:
        for problem in error.problems:
            assert problem.position.line, problem
        return [str(problem) for problem in error.problems]
    return []
