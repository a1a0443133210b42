"""The binaries a sandbox runs, as the toolchain hands them over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.cluster import TOOLS as CLUSTER_TOOLS
from sandbox.errors import MissingToolError
from sandbox.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = (*CLUSTER_TOOLS, "vault", "pulumi")
"""Programs the sandbox starts itself."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Where things are: `paths` by program name, `crds` of the operator, `plugins` by plugin folder name."""

    paths: Mapping[str, Path]
    bin_dirs: tuple[Path, ...]
    crds: Path
    plugins: Mapping[str, Path]

    def save(self, path: Path) -> None:
        """Remember them, so that commands which build nothing need not ask the toolchain."""
        value: dict[str, Any] = {
            "paths": {name: str(tool) for name, tool in self.paths.items()},
            "bin_dirs": [str(folder) for folder in self.bin_dirs],
            "crds": str(self.crds),
            "plugins": {name: str(folder) for name, folder in self.plugins.items()},
        }
        write_json(path, value)

    @staticmethod
    def load(path: Path) -> Tools | None:
        """The tools of the last ``up``, or ``None`` before the first."""
        value = read_json(path)
        if value is None:
            return None
        return Tools(
            {name: Path(tool) for name, tool in value["paths"].items()},
            tuple(Path(folder) for folder in value["bin_dirs"]),
            Path(value["crds"]),
            {name: Path(folder) for name, folder in value["plugins"].items()},
        )


def ensure() -> Tools:
    """Ask the toolchain for everything; it builds what is missing and says so while it does.

    Raises `MissingToolError` with the toolchain's own words.
    """
    import toolchain  # noqa: PLC0415 - commands that build nothing do without it

    try:
        found = toolchain.ensure(None)
    except toolchain.ToolchainError as error:
        raise MissingToolError(str(error)) from error
    return Tools(
        {name: Path(found.path(name)) for name in NAMES},
        (Path(found.bin_dir),),
        Path(found.crds),
        {name: Path(folder) for name, folder in found.pulumi_plugins.items()},
    )
