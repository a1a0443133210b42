"""The projects that are measured: a copy of the example world, and made-up parents of any size."""

from __future__ import annotations

import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
WAVES = 4
"""Made-up children stand in four waves; each but those of the first waits for one child of the wave before."""

_PROGRAM = "from components.program import run\n\nrun()\n"
_PROJECT = "name: {name}\nruntime:\n  name: python\n"

_PARENT = """apiVersion: app-of-apps/v1
kind: Parent
name: {parent}
teams:
  bench: {{contact: "#bench"}}
tenancy: {{quota: null, limits: null, network: null}}
children:
"""
_CHILD = """apiVersion: app-of-apps/v1
kind: Child
name: {name}
type: worker
team: bench
image: registry.example.com/bench/worker
dependsOn: [{needs}]
labels: {{bench-wave: "{wave}"}}
config:
  own: {{NUMBER: "{number}"}}
"""
_STACK = """config:
  app-of-apps:environment:
    name: {environment}
    cluster: {{context: {environment}}}
    vault:
      mounts: {{kv: kv-{environment}, jwt: jwt-{environment}}}
    versions:
"""


def copy_of_example(folder: Path) -> Path:
    """Copy what the example world consists of into a project of its own.

    Without the mount of people's logins: their groups in Vault belong to the parent, not to a child, and the baselines
    declare what belongs to children.
    """
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(_PROJECT.format(name="app-of-apps"))
    (folder / "__main__.py").write_text(_PROGRAM)
    shutil.copy(CHECKOUT / "parent.yaml", folder / "parent.yaml")
    for file in ("Pulumi.staging.yaml", "Pulumi.prod.yaml"):
        lines = (CHECKOUT / file).read_text().splitlines(keepends=True)
        (folder / file).write_text("".join(line for line in lines if "oidcMount:" not in line))
    shutil.copytree(CHECKOUT / "apps", folder / "apps")
    return folder


def many(folder: Path, count: int, environment: str = "staging") -> Path:
    """Write a parent with `count` workers, each of a Namespace, a ServiceAccount, a ConfigMap and a Deployment."""
    (folder / "apps").mkdir(parents=True)
    names = [f"worker-{number:04d}" for number in range(count)]
    per_wave = -(-count // WAVES)
    for number, name in enumerate(names):
        needs = names[number - per_wave] if number >= per_wave else ""
        write_child(folder, name, number, needs=needs, wave=number // per_wave)
    (folder / "parent.yaml").write_text(
        _PARENT.format(parent=f"many-{count}") + "".join(f"  - apps/{name}.yaml\n" for name in names)
    )
    (folder / f"Pulumi.{environment}.yaml").write_text(
        _STACK.format(environment=environment) + "".join(f"      {name}: 1.0.0\n" for name in names)
    )
    (folder / "Pulumi.yaml").write_text(_PROJECT.format(name=f"many-{count}"))
    (folder / "__main__.py").write_text(_PROGRAM)
    return folder


def write_child(folder: Path, name: str, number: int, *, needs: str, wave: int) -> None:
    """Write one made-up child; another number is another configuration."""
    (folder / f"apps/{name}.yaml").write_text(_CHILD.format(name=name, number=number, needs=needs, wave=wave))
