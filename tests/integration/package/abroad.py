"""A parent whose program names the component, as the SDK of any language does; the engine starts the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
