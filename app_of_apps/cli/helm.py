"""Renders a chart with the ``helm`` that is on PATH, if any; for ``aoa render`` and ``aoa validate``."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEADLINE = 60


def template(chart: Mapping[str, Any], project: Path) -> str | None:
    """Return what ``helm template`` makes of a chart, None when there is no helm.

    ``chart`` holds the inputs of helm.sh/v4 Chart. Raises Unavailable with helm's own words when it fails.
    """
    helm = shutil.which("helm")
    if helm is None:
        return None
    with tempfile.TemporaryDirectory(prefix="aoa-") as folder:
        values = Path(folder, "values.json")
        values.write_text(json.dumps(chart.get("values") or {}))
        command = [helm, "template", str(chart["name"]), str(project / str(chart["chart"])), "--include-crds"]
        command += ["--namespace", str(chart["namespace"]), "--values", str(values)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            msg = f"helm template of {chart['name']} did not end: {type(error).__name__}"
            raise Unavailable(msg) from error
    if result.returncode:
        msg = f"helm template of {chart['name']} failed: {result.stderr.strip()}"
        raise Unavailable(msg)
    return result.stdout
