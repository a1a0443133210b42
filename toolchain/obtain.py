"""Make sure that the wanted tools are there, building what is missing, and say where they are."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

from .build import Builder
from .cache import LINKS_PREFIX, Cache
from .catalogue import CRDS_FOLDER, CRDS_GROUP, GROUPS, PLUGIN_PREFIX, Binary, Group
from .errors import NotReadyError
from .progress import Progress, Step
from .resolve import MODULES, Plan, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

_MEASURED_CORES = 2
_LEAST_SHARE = 0.3
"""More cores help until linking and the longest packages remain."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Tools that are there, and where."""

    tools: Mapping[str, Path]
    """Path of each tool by name."""
    bin_dir: Path
    """A folder with a symbolic link to each tool, to put first on PATH; provider plugins are left
    out, because Pulumi prefers one on PATH to the right version in its own folder."""
    pulumi_plugins: Mapping[str, Path]
    """Folder of each built provider, by the name it must have under ``$PULUMI_HOME/plugins``. Pulumi
    passes over a link to a folder there: use `install_plugins`."""
    crds_folder: Path | None

    def path(self, name: str) -> Path:
        """Path of one tool.

        Raises:
            NotReadyError: the tool was not among those asked for.
        """
        try:
            return self.tools[name]
        except KeyError:
            have = ", ".join(self.tools)
            msg = (
                f"the tool {name!r} is not in this toolchain (it has: {have}).\n"
                f"  Ask for it: toolchain.ensure([..., {name!r}])"
            )
            raise NotReadyError(msg) from None

    @property
    def crds(self) -> Path:
        """Folder with the custom resource definitions of the Vault Secrets Operator.

        Raises:
            NotReadyError: the operator was not among the tools asked for.
        """
        if self.crds_folder is None:
            msg = f"the operator's CRDs come with the operator.\n  Ask for it: toolchain.ensure([..., {CRDS_GROUP!r}])"
            raise NotReadyError(msg)
        return self.crds_folder

    def install_plugins(self, pulumi_home: Path) -> None:
        """Make the built providers known to a Pulumi home; what is there already stays.

        Each gets a real folder with a link to its binary. An older link that points elsewhere is
        replaced; a plugin that Pulumi installed itself is left alone.
        """
        for name, built in self.pulumi_plugins.items():
            folder = pulumi_home / "plugins" / name
            if folder.is_symlink():
                folder.unlink()
            folder.mkdir(parents=True, exist_ok=True)
            for binary in built.iterdir():
                link = folder / binary.name
                if link.is_symlink() and link.readlink() != binary:
                    link.unlink()
                if not link.exists():
                    link.symlink_to(binary)


def ensure(names: Sequence[str] | None = None, *, quiet: bool = False, stream: TextIO | None = None) -> Toolchain:
    """Find or build tools; returns at once when everything is there.

    Args:
        names: names of tools or groups; None means all.
        quiet: write nothing while building.
        stream: where progress goes, standard error by default.

    Raises:
        ToolchainError: see the tree in `toolchain.errors`.
    """
    decided = plan(names)
    if decided.missing:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            _build(names, decided, nowhere if quiet else stream or sys.stderr)
        decided = plan(names)
    return assemble(decided)


def assemble(decided: Plan) -> Toolchain:
    """The toolchain of a plan in which nothing is missing.

    Raises:
        NotReadyError: something is missing.
    """
    if decided.missing:
        missing = ", ".join(group.name for group in decided.missing)
        msg = f"not built yet: {missing}.\n  Run: python3 -m toolchain ensure"
        raise NotReadyError(msg)
    tools = {r.tool.name: r.path for r in decided.resolutions if r.path is not None}
    crds = decided.entries.get(CRDS_GROUP)
    return Toolchain(
        tools=MappingProxyType(tools),
        bin_dir=_links(
            decided.cache,
            {name: path for name, path in tools.items() if not name.startswith(PLUGIN_PREFIX)},
        ),
        pulumi_plugins=MappingProxyType(
            {
                group.plugin: decided.entries[group.name] / "bin"
                for group in GROUPS
                if group.plugin and group.name in decided.entries
            }
        ),
        crds_folder=crds / CRDS_FOLDER if crds else None,
    )


def _build(names: Sequence[str] | None, decided: Plan, out: TextIO) -> None:
    """Build what is missing, one group after the other, as the only builder of this cache."""

    def waiting(holder: str) -> None:
        out.write(f"toolchain: process {holder} is building in {decided.cache.root}; waiting\n")
        out.flush()

    with decided.cache.lock(waiting):
        decided = plan(names)  # whoever held the lock may have built it
        go = decided.go
        if go is None or not decided.missing:
            return
        for group in decided.missing:
            go.require(MODULES / group.name, group.name)
        steps = [Step(binary.name, binary.seconds * _share()) for group in decided.missing for binary in group.binaries]
        progress = Progress(steps, out)
        progress.announce(str(decided.cache.root))
        first = 0
        for group in decided.missing:
            began = time.monotonic()
            with decided.cache.staging(group) as staging:
                scratch = staging / "scratch"
                scratch.mkdir()
                builder = Builder(go.path, go.environment(scratch))
                log = decided.cache.log(group)
                reporter = _reporter(progress, first, group)
                output = builder.build(group, MODULES / group.name, staging, log, reporter)
                facts = {
                    "group": group.name,
                    "go": go.identity,
                    "seconds": round(time.monotonic() - began, 1),
                }
                decided.cache.publish(output, decided.entries[group.name], facts)
            first += len(group.binaries)
        progress.finish()


def _reporter(
    progress: Progress, first: int, group: Group
) -> Callable[[Binary, Callable[[], str]], AbstractContextManager[None]]:
    def report(binary: Binary, detail: Callable[[], str]) -> AbstractContextManager[None]:
        return progress.step(first + group.binaries.index(binary), detail)

    return report


def _share() -> float:
    """How much of the measured seconds this machine needs, roughly."""
    return max(_LEAST_SHARE, min(1.0, _MEASURED_CORES / (os.cpu_count() or 1)))


def _links(cache: Cache, tools: Mapping[str, Path]) -> Path:
    """A folder of links named by what it links to, so that it never changes once it is there."""
    text = json.dumps({name: str(path) for name, path in sorted(tools.items())})
    folder = cache.root / f"{LINKS_PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    cache.root.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".bin-", dir=cache.root))
    fresh.chmod(0o755)
    for name, path in tools.items():
        (fresh / name).symlink_to(path)
    try:
        fresh.rename(folder)
    except OSError:  # somebody else was first, with the same content
        for link in fresh.iterdir():
            link.unlink()
        fresh.rmdir()
        if not folder.is_dir():
            raise
    return folder
