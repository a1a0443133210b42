"""(e) `aoa preview` of one changed child, everything included, against plain `pulumi preview` of the same program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench import baseline
from bench.laboratory import ENVIRONMENT, CommandFailedError
from bench.measure import Result, Row, best_of

if TYPE_CHECKING:
    from bench.laboratory import Laboratory

LIMIT = 1.3
_STACK_FILE = f"Pulumi.{ENVIRONMENT}.yaml"
_BUMP = ("      mailer: 1.3.2\n", "      mailer: 1.3.3\n")


def measure(lab: Laboratory, *, quick: bool) -> Result:
    """Deploy the example, change one child's version, and look at it both ways in turns."""
    lab.keep_empty(lab.shop)
    lab.pulumi(lab.shop, "up", "--yes", "--skip-preview")
    file = lab.shop / _STACK_FILE
    before = file.read_text()
    if before.count(_BUMP[0]) != 1:
        message = f"{_STACK_FILE} does not name the version that is to be changed"
        raise CommandFailedError(message)
    runs = 3 if quick else 10
    file.write_text(before.replace(*_BUMP))
    try:
        ours, theirs = best_of(runs, lambda: _ours(lab), lambda: _plain(lab))
    finally:
        file.write_text(before)
    ratio = ours / theirs
    result = Result("Preview of one changed child")
    result.rows.append(
        Row(
            "`aoa preview`, Markdown and the whole page",
            ours,
            runs,
            "`pulumi preview` of the same program",
            theirs,
            f"≤ {LIMIT}×",
            ratio <= LIMIT,
        )
    )
    result.notes.append(
        "Ours runs the same engine and program, and beside it reads what stands, the records, the gate and what has "
        "drifted; both look at a new version of one child of the example."
    )
    lab.make_empty(lab.shop, baseline.release_of(lab.shop, ENVIRONMENT, lab.sandbox.layout.overlay).parent)
    return result


def _ours(lab: Laboratory) -> None:
    page = str(lab.folder / "preview.html")
    command = (sys.executable, "-m", "app_of_apps", "preview", ENVIRONMENT, "--format", "markdown", "--full", page)
    said = lab.run(*command, cwd=lab.shop)
    if _BUMP[1].split()[1] not in said:
        message = f"`aoa preview` does not tell of the new version:\n{said}"
        raise CommandFailedError(message)


def _plain(lab: Laboratory) -> None:
    said = lab.pulumi(lab.shop, "preview")
    if "to update" not in said:
        message = f"`pulumi preview` found nothing to update:\n{said}"
        raise CommandFailedError(message)
