"""Find the Go command, and give it an environment that the user's settings cannot bend."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import GoMissingError
from .versions import Version

_MISSING = """\
Go is needed to build {what}, and there is no `go` on PATH.
  Install Go {needed} or later (https://go.dev/doc/install, or your system's package manager),
  or put fitting versions of these tools on PATH; `python3 -m toolchain status` lists them."""
_OLD = """\
Go {found} at {path} is too old to build {what}: {module} asks for Go {needed}.
  Install Go {needed} or later (https://go.dev/doc/install) and put it first on PATH.
  The newer Go is not downloaded silently: the version that builds is part of the cache key."""

# Where modules come from and where Go caches is the user's business (company proxies, private
# checksum databases), so these keep what `go env` says. Everything else is fixed below.
_KEPT = (
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GOPRIVATE",
    "GONOPROXY",
    "GOINSECURE",
    "GOVCS",
    "GOAUTH",
    "GOCACHE",
    "GOMODCACHE",
    "GOPATH",
)
_RELEASE = re.compile(r"go(\d+\.\d+(?:\.\d+)?)\S*\s+(\w+)/(\w+)")
_NEEDED = re.compile(r"^go (\d+\.\d+(?:\.\d+)?)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command on this machine."""

    path: Path
    version: Version
    system: str
    architecture: str

    @property
    def identity(self) -> str:
        """What of Go is part of a cache key: a patch release does not rebuild everything."""
        return f"go{self.version.major}.{self.version.minor} {self.system}/{self.architecture}"

    def environment(self, temporary: Path) -> dict[str, str]:
        """Environment of a build whose scratch files go below ``temporary``.

        ``GOENV=off`` keeps the user's ``go env -w`` settings out; without it an empty ``GOFLAGS``
        would fall back to them. GOOS, GOEXPERIMENT and their like are dropped: a tool is built for
        the machine that runs it.
        """
        told = subprocess.run([self.path, "env", "-json", *_KEPT], capture_output=True, text=True, check=True)
        kept = {name: value for name, value in json.loads(told.stdout).items() if value}
        rest = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
        return (
            rest
            | kept
            | {
                "CGO_ENABLED": "0",
                "GOENV": "off",
                "GOFLAGS": "",
                "GOTMPDIR": str(temporary),
                "GOTOOLCHAIN": "local",
                "GOWORK": "off",
            }
        )

    def require(self, folder: Path, what: str) -> None:
        """Refuse when a ``go.mod`` below ``folder`` asks for a newer Go than this one.

        Raises:
            GoMissingError: with the module, both versions and what to do.
        """
        for module in sorted(folder.rglob("go.mod")):
            needed = needed_version(module)
            if needed > self.version:
                raise GoMissingError(
                    _OLD.format(
                        found=self.version,
                        path=self.path,
                        what=what,
                        module=f"{folder.name}/{module.relative_to(folder)}",
                        needed=needed,
                    )
                )


def needed_version(module: Path) -> Version:
    """The Go version in the ``go`` line of a ``go.mod``."""
    line = _NEEDED.search(module.read_text(encoding="utf-8"))
    return Version.parse(line.group(1)) if line else Version(1, 21)


def find(what: str, folder: Path) -> Go:
    """Find Go on PATH.

    Args:
        what: the tools that want it, for the message.
        folder: the folder with the Go modules, to say which version would do.

    Raises:
        GoMissingError: no ``go``, or it does not answer ``go version``.
    """
    found = shutil.which("go")
    needed = max(needed_version(module) for module in folder.rglob("go.mod"))
    if found is None:
        raise GoMissingError(_MISSING.format(what=what, needed=needed))
    told = subprocess.run(
        [found, "version"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GOTOOLCHAIN": "local"},
    )
    release = _RELEASE.search(told.stdout)
    if release is None:
        detail = (told.stderr or told.stdout).strip() or f"exit code {told.returncode}"
        msg = f"`{found} version` does not answer as Go does: {detail}\n"
        raise GoMissingError(msg + _MISSING.format(what=what, needed=needed))
    version, system, architecture = release.groups()
    return Go(Path(found), Version.parse(version), system, architecture)
