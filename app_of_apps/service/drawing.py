"""The graph of an environment's children as SVG: waves from left to right, each child with version and state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _EDGE = 170, 52, 56, 18, 8
_LONGEST: Final = 20
_WORDS: Final = {
    "healthy": "healthy",
    "progressing": "in progress",
    "unhealthy": "unhealthy",
    "absent": "absent",
    "unknown": "not known",
}


def drawing(graph: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]], doing: Mapping[str, str]) -> Markup:
    """Return the picture; ``doing`` is what an operation that runs is doing with each child.

    The same is in the table beside it, so a reader who does not see it misses nothing.
    """
    places: dict[str, tuple[int, int]] = {}
    for column, wave in enumerate(graph["waves"]):
        for row, name in enumerate(wave):
            places[name] = (_EDGE + column * (_WIDTH + _GAP_X), _EDGE + row * (_HEIGHT + _GAP_Y))
    if not places:
        return Markup()
    width = max(x for x, _ in places.values()) + _WIDTH + _EDGE
    height = max(y for _, y in places.values()) + _HEIGHT + _EDGE
    parts = [
        Markup(
            '<svg class="graph" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
        ).format(w=width, h=height, label=_label(graph, states))
    ]
    for child in graph["children"]:
        x, y = places[child["name"]]
        for need in child["dependsOn"]:
            fx, fy = places[need]
            bx, by, ex, ey = fx + _WIDTH, fy + _HEIGHT // 2, x, y + _HEIGHT // 2
            middle = (bx + ex) // 2
            parts.append(
                Markup('<path class="edge" d="M{} {} C{} {} {} {} {} {}"/>').format(
                    bx, by, middle, by, middle, ey, ex, ey
                )
            )
    for child in graph["children"]:
        name = child["name"]
        x, y = places[name]
        state = str(states.get(name, {}).get("state", "unknown"))
        version = str(states.get(name, {}).get("version") or child["version"] or child["type"])
        words = doing.get(name) or _WORDS[state]
        kind = {"in progress": "progressing", "failed": "unhealthy", "blocked": "unknown"}.get(
            doing.get(name, ""), state
        )
        parts.append(
            Markup(
                '<g class="node {kind}"><rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6"/>'
                '<text x="{tx}" y="{ty}" class="name">{name}</text>'
                '<text x="{tx}" y="{sy}" class="more">{version} · {words}</text></g>'
            ).format(
                kind=kind,
                x=x,
                y=y,
                w=_WIDTH,
                h=_HEIGHT,
                tx=x + 12,
                ty=y + 22,
                sy=y + 40,
                name=_cut(name),
                version=_cut(version, 12),
                words=words,
            )
        )
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _label(graph: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]) -> str:
    said = [
        f"{child['name']} {_WORDS[str(states.get(child['name'], {}).get('state', 'unknown'))]}"
        + (f", after {' and '.join(child['dependsOn'])}" if child["dependsOn"] else "")
        for child in graph["children"]
    ]
    return f"Children of {graph['environment']}: {'; '.join(said)}"


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
