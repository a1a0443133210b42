"""A small project of files, and a way to run ``aoa`` on it in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app_of_apps.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

PARENT = """\
apiVersion: app-of-apps/v1
kind: Parent
name: shop
teams:
  core: {contact: "#team-core"}
  web: {contact: "#team-web"}
children: [apps/db.yaml, apps/api.yaml, apps/site.yaml]
"""
DB = """\
name: db
type: migration
team: core
image: registry.example.com/shop/api
versionFrom: api
command: [migrate]
secrets:
  DATABASE_URL: {path: core/db, key: url}
"""
API = """\
name: api
type: service
team: core
image: registry.example.com/shop/api
dependsOn: [db]
ports: [{port: 8080}]
"""
SITE = """\
name: site
type: service
team: web
image: registry.example.com/shop/site
dependsOn: [api]
ports: [{port: 3000}]
"""
STACK = """\
config:
  app-of-apps:environment:
    name: staging
    cluster: {context: nowhere}
    vault: {mounts: {kv: kv-staging, jwt: jwt-staging}}
    versions: {api: 1.4.0, site: 2.0.0}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "apps").mkdir()
    files = {
        "Pulumi.yaml": "name: app-of-apps\nruntime: python\n",
        "parent.yaml": PARENT,
        "apps/db.yaml": DB,
        "apps/api.yaml": API,
        "apps/site.yaml": SITE,
        "Pulumi.staging.yaml": STACK,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return tmp_path


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def aoa(capsys, project):  # noqa: ARG001 - every call stands in a project unless a test leaves it
    def call(*arguments: str) -> Result:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def engine(project, monkeypatch):
    """Put a `pulumi` of our own on PATH, and let the guard pass; the guard has tests of its own."""

    def make(body: str) -> None:
        (project / "bin").mkdir(exist_ok=True)
        script = project / "bin/pulumi"
        script.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo v3.259.0; exit 0; fi\n{body}')
        script.chmod(0o755)

    monkeypatch.setenv("PATH", f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("app_of_apps.environment.guard.check_environment", lambda *_, **__: None)
    return make
