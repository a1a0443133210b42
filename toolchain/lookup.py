"""Look for fitting tools on PATH.

Asking a binary for its version takes up to a second (some contact a daemon first), so answers are
remembered in the cache folder by the file's path, size and modification time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .catalogue import Tool

_PROBE_SECONDS = 20
_MEMORY = "versions.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A copy of a tool on PATH."""

    path: Path
    version: str
    """What it says; empty when it could not be read."""
    fits: bool


@dataclass(slots=True)
class Lookup:
    """PATH as it is now, without the cache's own folders."""

    cache_root: Path
    search: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    _memory: dict[str, str] = field(default_factory=dict)
    _changed: bool = False

    def __post_init__(self) -> None:
        """Forget folders of the cache (or what is there would stand in for itself)."""
        own = self.cache_root.resolve()
        self.search = os.pathsep.join(
            folder
            for folder in self.search.split(os.pathsep)
            if folder and not Path(folder).resolve().is_relative_to(own)
        )
        with suppress(OSError, ValueError):
            self._memory = json.loads((self.cache_root / _MEMORY).read_bytes())

    def find(self, tool: Tool) -> Found | None:
        """The first copy on PATH; None when there is none or PATH is not asked for this tool.

        Only the first copy counts: it is the one that the user's own commands run.
        """
        if tool.probe is None or tool.fits is None:
            return None
        name = shutil.which(tool.name, path=self.search)
        if name is None:
            return None
        path = Path(name).absolute()
        said = self._version(tool, path)
        try:
            version = Version.parse(said)
        except ValueError:
            return Found(path, "", fits=False)
        return Found(path, said, fits=version in tool.fits)

    def find_beside(self, tool: Tool, other: Path) -> Found | None:
        """A copy in the folder of ``other``, or in the folder that ``other`` is a link into."""
        for folder in dict.fromkeys((other.parent, other.resolve().parent)):
            candidate = folder / tool.name
            if os.access(candidate, os.X_OK):
                return Found(candidate, "", fits=True)
        return None

    def remember(self) -> None:
        """Keep new answers for the next run; a cache that cannot be written is no error here."""
        if not self._changed:
            return
        with suppress(OSError):
            self.cache_root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.cache_root, prefix=".versions-", delete=False) as file:
                json.dump(self._memory, file)
            Path(file.name).replace(self.cache_root / _MEMORY)

    def _version(self, tool: Tool, path: Path) -> str:
        status = path.stat()
        key = f"{path}|{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        if key not in self._memory:
            self._memory[key] = _ask(tool, path)
            self._changed = True
        return self._memory[key]


def _ask(tool: Tool, path: Path) -> str:
    if tool.probe is None:
        return ""
    try:
        told = subprocess.run(
            [path, *tool.probe.arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(tool.probe.pattern, told.stdout, re.MULTILINE)
    return found.group(1) if found else ""


def names(tools: Iterable[Tool]) -> str:
    """Names of tools for a message."""
    return ", ".join(tool.name for tool in tools)
