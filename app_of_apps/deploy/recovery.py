"""Takes over from an operation that was killed: its lock, and what it was in the middle of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app_of_apps.deploy.backend import checkpoint, mend_attributes
from app_of_apps.deploy.drift import Thing
from app_of_apps.deploy.drift_read import path_of
from app_of_apps.deploy.locks import recover_locks
from app_of_apps.deploy.pending import created, is_unsettled, settle, unseen
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app_of_apps.deploy.engine import Engine
    from app_of_apps.deploy.ledger import Identity, Ledger
    from app_of_apps.release.model import Release

# How the provider's field managers begin; the rest is made up for each object.
_MANAGER = "pulumi-kubernetes"


def take_over(
    operation: str, engine: Engine, release: Release, project: Path, *, ledger: Ledger, say: Callable[[str], None]
) -> None:
    """Make the stack of a release ready for an operation, whatever an earlier one was killed in.

    ``ledger`` knows what the operation declares. Raises Unavailable when somebody alive holds the stack's lock, or the
    state cannot be put right; the world is only read.
    """
    stack, context = release.environment, release.cluster.context
    file = checkpoint(project, stack, os.environ)
    if operation == "preview":  # which takes no lock and writes no state
        mend_attributes(file)
        return
    from app_of_apps.deploy.engine import EngineFailed  # noqa: PLC0415 - takes a fifth of a second to import

    recover_locks(project, stack, os.environ, say)
    mend_attributes(file)
    if operation == "refresh" or file is None or not is_unsettled(file):
        return
    destroys = operation == "destroy"
    try:
        exported = engine.export()
        if urns := unseen(exported["deployment"]):
            engine.run("refresh", lambda _: None, options={"target": list(urns)})
            exported = engine.export()
        found = settle(
            exported["deployment"],
            frozenset() if destroys else frozenset(ledger.identities.values()),
            managers=_managers(context, created(exported["deployment"])),
            open_children=frozenset() if destroys else ledger.open,
        )
        engine.replace_state({**exported, "deployment": found.deployment})
    except EngineFailed as error:
        msg = f"what an earlier operation was killed in cannot be settled in the state:\n{error.output}"
        raise Unavailable(msg) from error
    say("An earlier operation was cut short; what it had begun is settled in the state.")
    for name in found.removed:
        say(f"{name} was created by it and is declared no longer: it is removed.")
    for name in found.lost:
        say(f"{name} may have been created by it and is declared no longer; look for it and remove it by hand.")


def _managers(context: str, objects: Sequence[tuple[str, Identity]]) -> dict[Identity, str]:
    """Return those of the objects that are there, with the field manager under which the provider has applied them."""
    found = {}
    with KubeReader(context) as kube:
        for version, one in objects:
            path = path_of(kube, Thing("kubernetes", one.kind, one.namespace, one.name, version))
            item = kube.get(path) if path is not None else None
            if item is not None:
                fields = item["metadata"].get("managedFields") or []
                names = [each["manager"] for each in fields if str(each.get("manager", "")).startswith(_MANAGER)]
                found[one] = names[-1] if names else _MANAGER
    return found
