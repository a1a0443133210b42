"""The example that stands at the top of the checkout, copied for tests that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def copy_example(folder: Path) -> Path:
    """Copy the example's files into a folder, which is made when it is not there; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("parent.yaml", "Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml", "__main__.py"):
        shutil.copy(CHECKOUT / name, folder / name)
    shutil.copytree(CHECKOUT / "apps", folder / "apps")
    return folder
