"""A small project of files as `aoa validate` sees it: what is said here is written, loaded and resolved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app_of_apps.checks.foreign import Rendered
from app_of_apps.checks.offline import Subject, check_offline
from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.resolve import resolve

Spec = dict[str, Any]
IMAGE = "registry.example.com/shop"


def service(**more: Any) -> Spec:
    return {"type": "service", "image": f"{IMAGE}/api", "ports": [{"port": 8080}], **more}


def worker(**more: Any) -> Spec:
    return {"type": "worker", "image": f"{IMAGE}/worker", **more}


def manifests(*objects: Spec) -> Spec:
    """A child of plain manifests; `subject` writes the objects beside it."""
    return {"type": "manifests", "objects": objects}


def thing(api_version: str, kind: str, name: str = "x", **more: Any) -> Spec:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def deployment(name: str = "x", *, replicas: int = 1, strategy: str = "RollingUpdate", **requests: str) -> Spec:
    resources = {"resources": {"requests": requests}} if requests else {}
    container = {"name": "main", "image": f"{IMAGE}/{name}:1", **resources}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "strategy": {"type": strategy}, "template": template}
    return thing("apps/v1", "Deployment", name, spec=spec)


def subject(
    folder: Path, children: dict[str, Spec], environment: Spec | None = None, parent: Spec | None = None, **more: Any
) -> Subject:
    """Write the project and return its `prod`; ``below`` is what the file of `staging` says, ``charts`` theirs."""
    write(folder, children, environment, parent, below=more.get("below"))
    manifest = load_manifest(folder / "parent.yaml")
    loaded = load_environment("prod", folder)
    release = resolve(manifest, loaded)
    charts = {name: Rendered(str(folder / "charts" / name), found) for name, found in more.get("charts", {}).items()}
    return Subject(manifest, loaded, release, charts)


def write(
    folder: Path,
    children: dict[str, Spec],
    environment: Spec | None = None,
    parent: Spec | None = None,
    *,
    below: Spec | None = None,
) -> None:
    """Write the project's files."""
    for name, spec in children.items():
        content = {"name": name, "team": "core", **spec}
        if "objects" in content:
            text = "---\n".join(json.dumps(one, indent=2) + "\n" for one in content.pop("objects"))
            _write(folder / f"objects/{name}.yaml", text)
            content["files"] = [f"../objects/{name}.yaml"]
        if content["type"] == "chart":
            _write(folder / f"charts/{name}/Chart.yaml", "apiVersion: v2\nname: tool\nversion: 1.0.0\n")
            content["chart"] = f"../charts/{name}"
        _write(folder / f"apps/{name}.yaml", json.dumps(content, indent=2))
    whole = {
        "apiVersion": "app-of-apps/v1",
        "kind": "Parent",
        "name": "shop",
        "teams": {"core": {"contact": "#core"}},
        "children": [f"apps/{name}.yaml" for name in children],
        **(parent or {}),
    }
    _write(folder / "parent.yaml", json.dumps(whole, indent=2))
    _write(folder / "Pulumi.yaml", "name: shop\nruntime: python\n")
    _environment(folder, "prod", children, environment or {})
    if below is not None:
        _environment(folder, "staging", children, below)


def _environment(folder: Path, name: str, children: dict[str, Spec], said: Spec) -> None:
    versioned = [child for child, spec in children.items() if "image" in spec and "versionFrom" not in spec]
    versions = dict.fromkeys(versioned, "1.0.0") | said.get("versions", {})
    cluster = {"context": name, **said.get("cluster", {})}
    whole = {"name": name, "vault": {"mounts": {"kv": f"kv-{name}", "jwt": f"jwt-{name}"}}, **said}
    whole |= {"versions": versions, "cluster": cluster}
    _write(folder / f"Pulumi.{name}.yaml", json.dumps({"config": {"app-of-apps:environment": whole}}, indent=2))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def found(what: Subject, rule: str) -> list[tuple[str, str, str]]:
    """Return severity, file and path of what a rule finds offline."""
    return [
        (str(one.severity), Path(one.problem.position.file).name, one.problem.path)
        for one in check_offline(what)
        if one.rule.id == rule
    ]
