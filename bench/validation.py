"""(d) `aoa validate` of 500 children."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import worlds
from bench.measure import Result, Row, best_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 1.0
CHILDREN = 500


def measure(environ: Mapping[str, str], *, quick: bool) -> Result:
    """Validate in a process of its own each time, as a user does."""
    runs = 3 if quick else 7
    with tempfile.TemporaryDirectory(prefix="aoa-bench-") as folder:
        project = worlds.many(Path(folder) / "many", CHILDREN)

        def command(*arguments: str) -> None:
            subprocess.run(
                [sys.executable, *arguments], cwd=project, env=dict(environ), check=True, stdout=subprocess.DEVNULL
            )

        ours, start = best_of(
            runs, lambda: command("-m", "app_of_apps", "validate"), lambda: command("-m", "app_of_apps", "--help")
        )
    result = Result("Validation")
    limit = f"≤ {LIMIT:g} s"
    result.rows.append(Row(f"`aoa validate`, {CHILDREN} children", ours, runs, limit=limit, met=ours <= LIMIT))
    result.notes.append(f"Of this, {start:.2f} s is the start of the command itself (`aoa --help`).")
    return result
