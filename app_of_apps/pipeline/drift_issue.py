"""What the issue about an environment's drift says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.drift_report import render
from app_of_apps.review.defuse import markdown, markdown_block, marker

if TYPE_CHECKING:
    from app_of_apps.deploy.drift import Drift
    from app_of_apps.deploy.drift_deployed import Deployed

_ROOM: Final = 60_000
"""Characters for what was found; an issue at GitHub has 65,536."""


def title(deployed: Deployed) -> str:
    """Return the issue's title; both names are of letters, digits and hyphens."""
    return f"Drift of {deployed.release.parent} in {deployed.release.environment}"


def body(deployed: Deployed, found: Drift, run: str) -> str:
    """Return the issue's text; ``run`` is a checked address of the run that looked, or empty."""
    release = deployed.release
    name = f"{release.parent} in {release.environment}"
    if found.clean:
        said = f"{markdown(name)} is as it was deployed again."
    else:
        said = (
            f"{markdown(name)} is not as it was deployed. Declare what should stay, or bring the rest back: "
            f"{markdown(f'aoa drift {release.environment} --fix')}"
        )
    lines = [marker(release.parent, release.environment, "drift"), said, ""]
    lines += [markdown_block(render(deployed, found), _ROOM)]
    if run:
        lines += ["", f"Last looked at by <{run}>"]
    return "\n".join(lines) + "\n"
