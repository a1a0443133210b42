"""The status table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.sandbox import PartStatus

_COLORS = {"healthy": "32", "unhealthy": "31", "outdated": "33", "stopped": "31"}
_HEAD = ("PART", "HEALTH", "PID", "PORT", "UP", "MEMORY", "LOG")


def table(lines: Sequence[PartStatus], *, color: bool) -> str:
    """A table for people, one part per line, with a total; `color` marks the health."""
    if not lines:
        return "no sandbox yet: run `make up`"
    rows = [
        (
            line.name,
            line.health,
            str(line.pid or "-"),
            str(line.port or "-"),
            duration(line.uptime),
            f"{line.memory / 2**20:.0f} MiB" if line.memory else "-",
            line.log,
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    text = []
    for row in (_HEAD, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if color and row is not _HEAD:
            cells[1] = f"\033[{_COLORS[row[1]]}m{cells[1]}\033[0m"
        text.append("  ".join(cells).rstrip())
    text += [f"{line.name}: {line.detail}" for line in lines if line.detail]
    healthy = sum(line.health == "healthy" for line in lines)
    memory = sum(line.memory for line in lines) / 2**30
    text.append(f"{healthy} of {len(lines)} parts healthy, {memory:.1f} GiB")
    return "\n".join(text)


def duration(seconds: float | None) -> str:
    """``7s``, ``12m``, ``3h05m``, ``2d4h``; ``-`` for nothing."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m" if minutes else f"{rest}s"
