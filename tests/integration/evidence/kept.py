"""What somebody with every right in the cluster can do to the records that are kept there."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.program.world import World


def kubectl(world: World, *arguments: str, stdin: Mapping[str, Any] | None = None) -> str:
    done = subprocess.run(
        ["kubectl", "--context", "staging", "--namespace", f"{world.name}-parent", *arguments],
        env=world.environ,
        input=json.dumps(stdin) if stdin else None,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def names(world: World) -> list[str]:
    return kubectl(world, "get", "configmap", "-l", "app-of-apps/evidence=record", "-o", "name").split()


@contextlib.contextmanager
def without(world: World, name: str, data: Mapping[str, str] | None = None) -> Iterator[None]:
    """Remove a record, or put another in its place; the one that was there comes back afterwards."""
    found = json.loads(kubectl(world, "get", name, "-o", "json"))
    found["metadata"] = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    kubectl(world, "delete", name)
    try:
        if data is not None:
            kubectl(world, "create", "-f", "-", stdin={**found, "data": {**found["data"], **data}})
        yield
    finally:
        if data is not None:
            kubectl(world, "delete", name)
        kubectl(world, "create", "-f", "-", stdin=found)
