"""A Helm chart in a local folder: what it is called, and the digest of everything in it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput, Problem
from app_of_apps.manifest.folder import Outside
from app_of_apps.manifest.positions import shortened
from app_of_apps.manifest.source import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.folder import Folder
    from app_of_apps.manifest.reader import Parsed

MAX_FILES = 2_000
MAX_TOTAL_BYTES = 16 * 1024 * 1024
# What version control and editors leave behind; Helm's own list of ignored files begins the same way.
_JUNK_NAMES = frozenset(
    {".git", ".gitignore", ".bzr", ".bzrignore", ".hg", ".hgignore", ".svn", ".DS_Store", ".idea", ".vscode"}
)
_JUNK_SUFFIXES = (".swp", ".bak", ".tmp", ".orig", "~")


@dataclass(frozen=True, slots=True)
class Chart:
    """A local chart. ``path`` is relative to the parent manifest's folder, so that it is the same on every machine."""

    path: Path
    digest: str
    """`sha256:<hex>` over the names and contents of the chart's files."""
    name: str
    version: str


def load_chart(
    folder: Folder, child_file: str, reference: str, findings: Findings
) -> tuple[Chart | None, list[Problem]]:
    """Return the chart that a child refers to, and the problems in its Chart.yaml.

    Problems with the reference go to ``findings``, which speaks of the child's own file.
    """
    try:
        real, relative = folder.locate(reference, child_file)
        if not (Path(real) / "Chart.yaml").is_file():
            findings.at(
                ("chart",), "is no chart: there is no Chart.yaml in it", "name the folder that holds Chart.yaml"
            )
            return None, []
        digest = chart_digest(Path(real))
        file = folder.name(f"{relative}/Chart.yaml")
        parsed = parse(read_text(f"{real}/Chart.yaml", file), file)
    except (Outside, OSError) as error:
        findings.at(("chart",), str(error) if isinstance(error, Outside) else f"cannot be read: {error.strerror}")
        return None, []
    except InvalidInput as error:
        return None, list(error.problems)
    return _described(parsed, Path(real), Path(relative), digest, findings)


def _described(
    parsed: Parsed, real: Path, relative: Path, digest: str, findings: Findings
) -> tuple[Chart | None, list[Problem]]:
    """Return what Chart.yaml says about a chart."""
    if not parsed.documents or not isinstance(parsed.documents[0].data, dict):
        return None, parsed.problems or [Problem(parsed.documents[0].positions.at(()), "", "must be a mapping")]
    # A chart may come from elsewhere: of its own file only what is used here has to be exact.
    problems = [problem for problem in parsed.problems if problem.path in {"name", "version", "type"}]
    chart, positions = parsed.documents[0].data, parsed.documents[0].positions
    problems += [
        Problem(positions.key_at((key,)), key, f"`{key}` must be text", "put it in quotes")
        for key in ("name", "version")
        if not isinstance(chart.get(key), str)
    ]
    if chart.get("type") == "library":
        problems.append(Problem(positions.at(("type",)), "type", "a library chart installs nothing"))
    missing = _missing_dependency(chart, real)
    if missing:
        hint = "run `helm dependency build` there"
        findings.at(("chart",), f"its dependency {missing} is not in its folder charts/", hint)
    return None if problems else Chart(relative, digest, chart["name"], chart["version"]), problems


def _missing_dependency(chart: dict[str, Any], real: Path) -> str:
    """Return the name of a dependency that is not in the chart's folder: nothing is fetched while deploying."""
    dependencies = chart.get("dependencies")
    here = real / "charts"
    present = [entry.name for entry in here.iterdir()] if here.is_dir() else []
    for dependency in dependencies if isinstance(dependencies, list) else []:
        name = dependency.get("name") if isinstance(dependency, dict) else None
        if isinstance(name, str) and not any(entry == name or entry.startswith(f"{name}-") for entry in present):
            return shortened(name)
    return ""


def chart_digest(real: Path) -> str:
    """Return the digest of the chart in a folder. Raises Outside for a symlink and for a chart beyond the limits."""
    whole = hashlib.sha256()
    total = 0
    for count, relative in enumerate(sorted(_files(real)), start=1):
        path = real / relative
        total += path.stat().st_size
        if count > MAX_FILES or total > MAX_TOTAL_BYTES:
            msg = f"has more than {MAX_FILES:,} files or {MAX_TOTAL_BYTES // 1024 // 1024} MiB"
            raise Outside(msg)
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        name = relative.encode(errors="surrogateescape")
        # Each name has its length in front of it: no two lists of files give the same bytes.
        whole.update(len(name).to_bytes(4, "big") + name + content)
    return f"sha256:{whole.hexdigest()}"


def _files(real: Path) -> Iterator[str]:
    for at, folders, files in os.walk(real):
        folders[:] = [name for name in folders if not _is_junk(name)]
        for name in [*folders, *files]:
            path = Path(at, name)
            if _is_junk(name):
                continue
            relative = path.relative_to(real).as_posix()
            if path.is_symlink():
                msg = f"holds a symlink, {shortened(relative)}: the digest would not cover what it leads to"
                raise Outside(msg)
            if path.is_file():
                yield relative


def _is_junk(name: str) -> bool:
    return name in _JUNK_NAMES or name.endswith(_JUNK_SUFFIXES)
