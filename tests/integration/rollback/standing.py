"""What stands of a world, and how long it took to bring it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.program.world import Run, World

BRIEF = {"deadline": "12s"}
BACK = {"onFailure": "rollback", **BRIEF}
CRASHES = {"behaviour": "crash", "message": "no route to the broker"}


def versions(world: World) -> dict[str, str]:
    """Return child → the version of its workload that runs, healthy or not; of a migration the newest Job's."""
    found = {}
    for child in world.children:
        items = [one for one in world.get("deployments,jobs", child) if one["kind"] in {"Deployment", "Job"}]
        if items:
            image = items[-1]["spec"]["template"]["spec"]["containers"][0]["image"]
            found[child] = image.rpartition(":")[2]
    return found


def healthy(world: World, child: str) -> bool:
    """Whether a child's Deployment is rolled out."""
    (item,) = world.get("deployments", child)
    status = item["status"]
    return (
        status.get("observedGeneration") == item["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("readyReplicas") == item["spec"]["replicas"]
        and status.get("replicas") == item["spec"]["replicas"]
    )


def numbers(world: World) -> list[int]:
    """Return the numbers of the releases that succeeded, in order."""
    return sorted(int(data["number"]) for data in world.records().values())


def last_children(world: World) -> dict[str, str | None]:
    """Return child → version of the last release that succeeded."""
    last = max(world.records().values(), key=lambda data: int(data["number"]))
    return {child: one["version"] for child, one in json.loads(last["children"]).items()}


def tell(what: str, run: Run) -> None:
    """Print how long a rollback took; run pytest with -s to see it."""
    print(f"\nrollback time: {what}: {run.seconds:.1f} s")  # noqa: T201 - a figure that people look for
