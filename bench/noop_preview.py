"""(a) A preview with nothing to do, against a flat program of the same objects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench import baseline
from bench.laboratory import ENVIRONMENT, CommandFailedError
from bench.measure import Result, Row, best_of

if TYPE_CHECKING:
    from bench.laboratory import Laboratory

LIMIT = 1.2


def measure(lab: Laboratory, *, quick: bool) -> Result:
    """Deploy both programs once, then preview them in turns."""
    flat = lab.folder / "flat"
    shutil.copytree(Path(__file__).parent / "flat", flat)
    release = baseline.release_of(lab.shop, ENVIRONMENT, lab.sandbox.layout.overlay)
    described = baseline.described(release, rename=(f"{release.parent}-", "flat-"))
    (flat / "objects.json").write_text(json.dumps(described))
    lab.make_stack(flat)
    for project in (lab.shop, flat):
        lab.pulumi(project, "up", "--yes", "--skip-preview")
    runs = 3 if quick else 10
    ours, theirs = best_of(runs, lambda: preview(lab, lab.shop), lambda: preview(lab, flat))
    ratio = ours / theirs
    count = sum(len(child["objects"]) + len(child["policies"]) + len(child["roles"]) for child in described["children"])
    result = Result("No-op preview of the example")
    result.rows.append(
        Row("`pulumi preview`, nothing to do", ours, runs, "flat Pulumi program", theirs, f"≤ {LIMIT}×", ratio <= LIMIT)
    )
    result.notes.append(
        f"{count} objects of {len(described['children'])} children on both sides. Ours also resolves and checks the "
        "manifests, asks the cluster who it is and Vault whether every referenced key exists; the flat program has no "
        "components and asks nobody."
    )
    for project, parent in ((flat, "flat"), (lab.shop, release.parent)):
        shutil.copy(lab.checkpoint(project), lab.folder / f"{parent}.json")
        lab.delete_namespaces(parent)
    return result


def preview(lab: Laboratory, project: Path) -> None:
    """Preview, and refuse to count a run that found something to do."""
    said = lab.pulumi(project, "preview", "--expect-no-changes")
    if "unchanged" not in said:
        message = f"the preview of {project.name} does not say what is unchanged:\n{said}"
        raise CommandFailedError(message)
