"""The plan of a parent as a tree, Mermaid, Graphviz DOT and JSON. Pure: data in, text out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app_of_apps.graph.order import order

if TYPE_CHECKING:
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release

GRAPH_FORMAT = "app-of-apps/graph/v1"


@dataclass(frozen=True, slots=True)
class Node:
    """One child in the graph. ``needs`` are its own edges, ``waits_for`` everything before it."""

    name: str
    type: str
    team: str
    wave: int
    """From 1; children of one wave start together, as soon as what each of them needs is healthy."""
    needs: tuple[str, ...]
    waits_for: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """The children in dependency order."""

    parent: str
    nodes: tuple[Node, ...]
    environment: str | None = None
    release: str | None = None

    @property
    def waves(self) -> tuple[tuple[Node, ...], ...]:
        """Return the nodes by wave."""
        count = max((node.wave for node in self.nodes), default=0)
        return tuple(tuple(node for node in self.nodes if node.wave == wave) for wave in range(1, count + 1))


def graph_of(manifest: Manifest, release: Release | None = None) -> Graph:
    """Lay out a manifest's children; with a release, they carry the versions of its environment."""
    plan = order({name: child.depends_on for name, child in manifest.children.items()})
    versions = {child.name: child.version for child in release.children} if release else {}
    wave_of = {name: number for number, wave in enumerate(plan.waves, 1) for name in wave}
    return Graph(
        parent=manifest.parent.name,
        environment=release.environment if release else None,
        release=release.digest if release else None,
        nodes=tuple(
            Node(
                name=name,
                type=manifest.children[name].type,
                team=manifest.children[name].team,
                wave=wave_of[name],
                needs=plan.edges[name],
                waits_for=plan.needs[name],
                version=versions.get(name),
            )
            for name in plan.order
        ),
    )


def tree(graph: Graph) -> str:
    """Write one branch per wave, with type, team, version and what each child waits for."""
    where = f" in {graph.environment}" if graph.environment else ""
    waves = graph.waves
    lines = [f"{graph.parent}{where}: {_count(len(graph.nodes), 'child', 'children')} in {_count(len(waves), 'wave')}"]
    rows = [(node.name, node.type, node.team, node.version or "") for node in graph.nodes]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for number, wave in enumerate(waves, 1):
        last_wave = number == len(waves)
        lines.append(f"{'└──' if last_wave else '├──'} wave {number}")
        for position, node in enumerate(wave, 1):
            stem = f"{'   ' if last_wave else '│  '} {'└──' if position == len(wave) else '├──'}"
            cells = (node.name, node.type, node.team, node.version or "")
            text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True) if width)
            needs = f"  ← {', '.join(node.needs)}" if node.needs else ""
            lines.append(f"{stem} {text}{needs}".rstrip())
    return "\n".join(lines)


def mermaid(graph: Graph) -> str:
    """Write a Mermaid flowchart: arrows lead from what must be healthy to what waits for it, colours tell the team."""
    lines = ["flowchart LR"]
    teams = tuple(dict.fromkeys(node.team for node in graph.nodes))
    for number, wave in enumerate(graph.waves, 1):
        lines.append(f'  subgraph wave{number}["wave {number}"]')
        lines += [f'    {_id(node.name)}["{_label(node, "<br/>")}"]:::team{teams.index(node.team)}' for node in wave]
        lines.append("  end")
    lines += [f"  {_id(need)} --> {_id(node.name)}" for node in graph.nodes for need in node.needs]
    lines += [f"  classDef team{index} fill:{_colour(index)},stroke:#555,color:#111" for index in range(len(teams))]
    return "\n".join(lines)


def dot(graph: Graph) -> str:
    """Write a Graphviz digraph with one cluster per team; arrows lead from what must be healthy to what waits."""
    lines = [f'digraph "{graph.parent}" {{', "  rankdir=LR;", '  node [shape=box, style="rounded,filled"];']
    teams = tuple(dict.fromkeys(node.team for node in graph.nodes))
    for index, team in enumerate(teams):
        lines += [f'  subgraph "cluster_{team}" {{', f'    label="{team}";']
        lines += [
            f'    "{node.name}" [label="{_label(node, chr(92) + "n")}", fillcolor="{_colour(index)}"];'
            for node in graph.nodes
            if node.team == team
        ]
        lines.append("  }")
    lines += [f'  "{need}" -> "{node.name}";' for node in graph.nodes for need in node.needs]
    return "\n".join([*lines, "}"])


def as_json(graph: Graph) -> str:
    """Write the graph in its versioned JSON shape; see docs/cli-reference.md."""
    shape = {
        "format": GRAPH_FORMAT,
        "parent": graph.parent,
        "environment": graph.environment,
        "release": graph.release,
        "waves": [[node.name for node in wave] for wave in graph.waves],
        "children": [
            {
                "name": node.name,
                "type": node.type,
                "team": node.team,
                "version": node.version,
                "wave": node.wave,
                "dependsOn": list(node.needs),
                "waitsFor": list(node.waits_for),
            }
            for node in graph.nodes
        ],
    }
    return json.dumps(shape, indent=2)


FORMATS: Mapping[str, Callable[[Graph], str]] = {"tree": tree, "mermaid": mermaid, "dot": dot, "json": as_json}

_COLOURS = ("#cfe3ff", "#d8f0d0", "#ffe3bf", "#f3d3ec", "#d5efef", "#f7ecb5", "#e0d8f8", "#f5cfcb")


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _label(node: Node, newline: str) -> str:
    version = f" {node.version}" if node.version else ""
    return f"{node.name}{version}{newline}{node.type} · {node.team}"


def _id(name: str) -> str:
    # Mermaid reads some words ("end") as its own; a prefix makes every name harmless.
    return f"c_{name.replace('-', '_')}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
