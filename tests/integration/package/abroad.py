"""A parent whose program names the component, as the SDK of any language does; the engine starts the provider."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.program.world import run

if TYPE_CHECKING:
    from tests.integration.program.world import World

# What is registered here is what each generated SDK registers: the type, the inputs, and that it is remote.
_PROGRAM = """\
import pulumi


class ParentApp(pulumi.ComponentResource):
    def __init__(self, name, given, opts=None):
        outputs = dict.fromkeys(("release", "environment", "children"))
        super().__init__("aoa:index:ParentApp", name, {**outputs, **given}, opts, remote=True)


parent = ParentApp("ours", %s)
for name in ("release", "environment", "children"):
    pulumi.export(name, getattr(parent, name))
"""
_YAML = """\
name: %s
runtime: yaml
resources:
  ours:
    type: aoa:ParentApp
outputs:
  release: ${ours.release}
  team: ${ours.children["api"].team}
"""


def names_the_component(world: World, inputs: str = "{}") -> None:
    """Give a world a program with the component; ``inputs`` is a Python expression."""
    (world.folder / "__main__.py").write_text(_PROGRAM % inputs)


def speaks_yaml(world: World) -> None:
    """Give a world a program in YAML."""
    (world.folder / "Pulumi.yaml").write_text(_YAML % world.name)


def speaks_go(world: World) -> None:
    """Give a world the program in Go; compile it with Pulumi's SDK first, which takes a minute once per machine."""
    for file in (Path(__file__).parent / "in_go").iterdir():
        shutil.copy(file, world.folder)
    (world.folder / "Pulumi.yaml").write_text(f"name: {world.name}\nruntime: go\n")
    built = run(["go", "build", "-o", "/dev/null", "."], cwd=world.folder, environ=world.environ, limit=900)
    assert built.code == 0, built.text
