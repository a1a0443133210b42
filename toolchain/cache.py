"""The cache of built groups: one folder per group and content, trusted only when complete.

    <root>/<group>-<16 hex>/      an entry: bin/…, further files, and manifest.json
    <root>/bin-<16 hex>/          symbolic links to one choice of tools
    <root>/staging/<group>-…/     a build under way; whatever is there without a builder is litter
    <root>/logs/<group>.log       the last build's output
    <root>/lock                   held while building, with the builder's process id in it

An entry appears by one rename after everything in it was written, so no reader sees a half.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .catalogue import Group

ENVIRONMENT_VARIABLE = "AOA_TOOLCHAIN_CACHE"
LINKS_PREFIX = "bin-"
RECIPE = 1
"""Raised when the builder itself changes what comes out of a build."""

_MANIFEST = "manifest.json"
_POLL_SECONDS = 0.5


def root(environment: Mapping[str, str] = os.environ) -> Path:
    """The cache folder: ours by variable, else the user's cache folder; outside any checkout."""
    if chosen := environment.get(ENVIRONMENT_VARIABLE):
        return Path(chosen).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "app-of-apps" / "toolchain"


def key(group: Group, folder: Path, go_identity: str) -> str:
    """First 16 hex digits of SHA-256 over the group's files, its recipe and the Go that builds.

    Every file below ``folder`` counts with its relative path; paths and sizes are hashed before
    contents, so moving bytes between files changes the key.
    """
    digest = hashlib.sha256()

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "big") + part)

    recipe = asdict(group)
    for binary in recipe["binaries"]:
        del binary["seconds"]  # an estimate, not an ingredient
    add(json.dumps([RECIPE, recipe, go_identity], sort_keys=True).encode())
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            add(file.relative_to(folder).as_posix().encode())
            add(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache folder."""

    root: Path

    def entry(self, group: Group, content_key: str) -> Path:
        """Where an entry is, or would be."""
        return self.root / f"{group.name}-{content_key}"

    def log(self, group: Group) -> Path:
        """The log file of the group's last build."""
        return self.root / "logs" / f"{group.name}.log"

    def complete(self, entry: Path) -> bool:
        """Whether an entry can be trusted: its manifest lists every file with the size it has."""
        try:
            manifest = json.loads((entry / _MANIFEST).read_bytes())
            return bool(manifest["files"]) and all(
                (entry / name).stat().st_size == file["size"] for name, file in manifest["files"].items()
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def damaged(self, entry: Path) -> list[str]:
        """Names of files whose content is not what was built; reads every byte."""
        files = json.loads((entry / _MANIFEST).read_bytes())["files"]
        return [
            name
            for name, file in files.items()
            if not (entry / name).is_file() or _sha256(entry / name) != file["sha256"]
        ]

    def entries(self) -> list[Path]:
        """Every folder that a build or a choice of tools left, sorted by name."""
        if not self.root.is_dir():
            return []
        known = {"staging", "logs"}
        return sorted(p for p in self.root.iterdir() if p.is_dir() and p.name not in known)

    @contextmanager
    def lock(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the cache for building. The kernel lets go when the process ends, however it ends.

        Args:
            waiting: called once, with the holder's process id, when somebody else builds.

        Raises:
            CacheError: the folder cannot be created or the lock file not opened.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / "lock").open("a+", encoding="ascii")
        except OSError as error:
            msg = (
                f"cannot use the cache folder {self.root}: {error.strerror}\n"
                f"  Set {ENVIRONMENT_VARIABLE} to a folder that you may write."
            )
            raise CacheError(msg) from error
        with file:
            told = False
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not told:
                        file.seek(0)
                        waiting(file.read().strip() or "unknown")
                        told = True
                    time.sleep(_POLL_SECONDS)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    @contextmanager
    def staging(self, group: Group) -> Iterator[Path]:
        """A new folder to build in, on the same file system; removed again, built or not.

        The caller holds the lock, so whatever else is in the staging folder was left by a builder
        that died, and goes.
        """
        litter = self.root / "staging"
        with suppress(FileNotFoundError):
            shutil.rmtree(litter)
        folder = litter / f"{group.name}-{os.getpid()}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(litter, ignore_errors=True)

    def publish(self, output: Path, entry: Path, facts: Mapping[str, object]) -> None:
        """Seal ``output`` with a manifest and make it the entry, in one rename.

        Args:
            output: the finished folder, inside a staging folder.
            entry: its final place; an untrusted folder there is replaced.
            facts: what the manifest says besides the files (group, versions, seconds, Go).
        """
        files = {
            file.relative_to(output).as_posix(): {
                "size": file.stat().st_size,
                "sha256": _sha256(file),
            }
            for file in sorted(output.rglob("*"))
            if file.is_file()
        }
        manifest = output / _MANIFEST
        with manifest.open("w", encoding="utf-8") as file:
            json.dump({**facts, "files": files}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if entry.exists():
            entry.rename(output.parent / "untrusted")
        output.rename(entry)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
