"""What the figures were taken on: without it they say nothing."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GIB = 1024**3


def describe(environ: Mapping[str, str]) -> dict[str, str]:
    """Facts about machine and versions, in the order in which they are written down; `environ` finds the tools."""
    return {
        "date": dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": _revision(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / _GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "pulumi": _first_line(["pulumi", "version"], environ).removeprefix("v"),
        "providers": ", ".join(f"{name} {version(f'pulumi-{name}')}" for name in ("kubernetes", "vault")),
        "kubectl": _first_line(["kubectl", "version", "--client"], environ).rpartition("v")[2],
    }


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _revision() -> str:
    """The commit, with a mark when the working tree has something else in it."""
    folder = Path(__file__).parent
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - the PATH's git is the one the user wants
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def _first_line(command: list[str], environ: Mapping[str, str]) -> str:
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        return "not used"
    found = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    return found.stdout.strip().partition("\n")[0] or "unknown"
