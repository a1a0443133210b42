"""Finds the folder of a chart as it was when a release was made: the release holds its digest, git has its files."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

from app_of_apps.environment.git import git
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.manifest.chart import chart_digest
from app_of_apps.manifest.child import ChartChild
from app_of_apps.manifest.folder import Outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from app_of_apps.release.model import Release


def chart_folders(release: Release, project: Path, commits: Iterable[str], into: Path) -> Mapping[str, Path]:
    """Return where the charts lie that are not the working tree's own: child → folder below ``into``.

    ``commits`` are looked through in their order. A folder counts when the digest of its files is the release's; raises
    Refused where no commit has one.
    """
    found: dict[str, Path] = {}
    known = tuple(dict.fromkeys(commits))
    for child in release.children:
        if not isinstance(child.spec, ChartChild) or _is(project / child.spec.chart, child.chart_digest):
            continue
        folder = next(
            (
                at
                for at in _checkouts(project, child.spec.chart, known, into / child.name)
                if _is(at, child.chart_digest)
            ),
            None,
        )
        if folder is None:
            looked = ", ".join(commit[:12] for commit in known) or "none"
            msg = (
                f"the chart of {child.name} cannot come back: neither the working tree nor a commit of the releases "
                f"that had it (looked at: {looked}) has {child.spec.chart} with {child.chart_digest}; nothing was "
                "touched. Fetch the history (`git fetch --all`) and run again"
            )
            raise Refused(msg)
        found[child.name] = folder
    return found


def _checkouts(project: Path, chart: str, commits: Iterable[str], into: Path) -> Iterable[Path]:
    """Yield the chart's folder as each commit has it; a commit that git does not know, or without it, is left out."""
    for commit in commits:
        try:
            archive = git(project, "archive", "--format=tar", "--end-of-options", commit, chart)
        except Unavailable:
            continue
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(into / commit, filter="data")
        yield into / commit / chart


def _is(folder: Path, digest: str | None) -> bool:
    try:
        return folder.is_dir() and chart_digest(folder) == digest
    except (Outside, OSError):
        return False
