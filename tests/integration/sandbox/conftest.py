from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Sandbox, processes
from sandbox.layout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """\
import pulumi
import pulumi_kubernetes as k8s
import pulumi_vault as vault

env = pulumi.get_stack()
k8s.core.v1.ConfigMap("greeting", metadata={"name": "greeting", "namespace": "default"}, data={"env": env})
vault.Policy("reader", name=f"{env}_shop_reader", policy='path "kv-%s/data/x" { capabilities = ["read"] }' % env)
pulumi.export("token", pulumi.Output.secret("not-a-secret-but-marked"))
"""


def make_project(folder: Path) -> Path:
    """A Pulumi project as the checkout has one: committed stack files that say nothing of any sandbox."""
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: app-of-apps\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "parent.yaml").write_text("name: shop\n")
    for env in ("staging", "prod"):
        (folder / f"Pulumi.{env}.yaml").write_text(
            f"# committed\nconfig:\n  app-of-apps:environment:\n    name: {env}\n"
        )
    return folder


def command(box: Sandbox, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", "--dir", str(box.layout.root), *arguments]


def pids(box: Sandbox) -> dict[str, int]:
    return {process.part: process.pid for process in processes.running(box.layout.root)}


def kubectl(box: Sandbox, env: str, *arguments: str) -> str:
    done = subprocess.run(
        ["kubectl", *arguments], env=box.environment(env), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def get(box: Sandbox, env: str, *arguments: str) -> Any:
    return json.loads(kubectl(box, env, "get", "-o", "json", *arguments))


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the tests that leave it healthy behind; its processes and files are gone afterwards."""
    folder = tmp_path_factory.mktemp("sandbox")
    result = Sandbox(folder / "box", project=make_project(folder / "project"))
    try:
        result.up()
        yield result
    finally:
        result.reset()
    assert pids(result) == {}
    assert not result.layout.root.exists()
    assert CHECKOUT.exists()
