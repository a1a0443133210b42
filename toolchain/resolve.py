"""Decide for each wanted tool where it comes from: PATH, the cache, or a build that is due."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache as caches
from . import go as gos
from .catalogue import GROUPS, TOOLS, Group, Tool
from .errors import UnknownToolError
from .lookup import Found, Lookup, names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOWNLOAD_PLUGINS = "AOA_TOOLCHAIN_DOWNLOAD_PLUGINS"
"""Set to 1, the provider plugins are left to the Pulumi CLI, which downloads the official ones."""

MODULES = Path(__file__).parent


class Source(StrEnum):
    """Where a tool comes from."""

    PATH = "path"
    CACHE = "cache"
    MISSING = "missing"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was decided for one tool."""

    tool: Tool
    source: Source
    path: Path | None
    """None when Pulumi downloads it; else where it is, or will be once it is built."""
    found: Found | None
    """The copy on PATH, if there is one, whether it fits or not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions for all wanted tools, in the catalogue's order."""

    cache: caches.Cache
    resolutions: tuple[Resolution, ...]
    entries: Mapping[str, Path]
    """Cache entry of each group that something is taken from, by group name."""
    go: gos.Go | None
    """None when nothing comes from the cache."""

    @property
    def missing(self) -> tuple[Group, ...]:
        """Groups that have to be built."""
        wanted = {r.tool.group for r in self.resolutions if r.source is Source.MISSING}
        return tuple(group for group in GROUPS if group.name in wanted)


def select(wanted: Sequence[str] | None) -> tuple[Tool, ...]:
    """Tools for names of tools or groups; None means all of them.

    Raises:
        UnknownToolError: with what was perhaps meant.
    """
    if wanted is None:
        return TOOLS
    groups = {group.name for group in GROUPS}
    tools = {tool.name for tool in TOOLS}
    for name in wanted:
        if name not in groups | tools:
            near = difflib.get_close_matches(name, sorted(groups | tools), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            msg = f"there is no tool or group {name!r}.{hint}\n  Tools: {names(TOOLS)}"
            raise UnknownToolError(msg)
    return tuple(
        tool
        for tool in TOOLS
        # A tool's name wins over the same name of a group: `pulumi` alone would otherwise mean
        # something else than `kwok` alone. What goes beside a tool comes with it.
        if tool.name in wanted or tool.beside in wanted or (tool.group in wanted and tool.group not in tools)
    )


def plan(wanted: Sequence[str] | None, environment: Mapping[str, str] = os.environ) -> Plan:
    """Decide for every wanted tool, without building or changing anything.

    Raises:
        UnknownToolError: a name that the catalogue does not list.
        GoMissingError: something comes from the cache, and without Go its key is unknown.
    """
    cache = caches.Cache(caches.root(environment))
    lookup = Lookup(cache.root, environment.get("PATH", os.defpath))
    download = environment.get(DOWNLOAD_PLUGINS) == "1"
    plugins = {group.name for group in GROUPS if group.plugin}
    chosen = select(wanted)
    on_path = _on_path(chosen, lookup)
    ours = [
        tool
        for tool in chosen
        if not (found := on_path.get(tool.name)) or not found.fits
        if not (download and tool.group in plugins)
    ]
    go = gos.find(names(ours), MODULES) if ours else None
    entries: dict[str, Path] = {}
    complete: dict[str, bool] = {}
    for group in GROUPS:
        if go is not None and any(tool.group == group.name for tool in ours):
            folder = MODULES / group.name
            entry = cache.entry(group, caches.key(group, folder, go.identity))
            entries[group.name] = entry
            complete[group.name] = cache.complete(entry)
    resolutions = []
    for tool in chosen:
        found = on_path.get(tool.name)
        if download and tool.group in plugins:
            resolutions.append(Resolution(tool, Source.DOWNLOAD, None, found))
        elif found and found.fits:
            resolutions.append(Resolution(tool, Source.PATH, found.path, found))
        else:
            source = Source.CACHE if complete[tool.group] else Source.MISSING
            path = entries[tool.group] / "bin" / tool.name
            resolutions.append(Resolution(tool, source, path, found))
    return Plan(cache, tuple(resolutions), entries, go)


def _on_path(chosen: Sequence[Tool], lookup: Lookup) -> dict[str, Found]:
    """Copies on PATH, with the tools that go together taken together or not at all."""
    found = {tool.name: copy for tool in chosen if (copy := lookup.find(tool))}
    for leader in chosen:
        followers = [tool for tool in chosen if tool.beside == leader.name]
        copy = found.get(leader.name)
        if not followers or copy is None or not copy.fits:
            continue
        beside = {tool.name: lookup.find_beside(tool, copy.path) for tool in followers}
        if all(beside.values()):
            found |= {name: follower for name, follower in beside.items() if follower}
        else:  # a lone CLI cannot run Python programs
            found[leader.name] = Found(copy.path, copy.version, fits=False)
    lookup.remember()
    return found
