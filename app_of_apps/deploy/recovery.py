"""Takes over from an operation that was killed: its lock, and what it was in the middle of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from app_of_apps.deploy.backend import checkpoint
from app_of_apps.deploy.locks import recover_locks
from app_of_apps.deploy.pending import has_pending, settle, unseen
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app_of_apps.deploy.engine import Engine
    from app_of_apps.deploy.ledger import Ledger


def take_over(
    operation: str, engine: Engine, project: Path, stack: str, *, ledger: Ledger, say: Callable[[str], None]
) -> None:
    """Make the stack ready for an operation, whatever an earlier one was killed in.

    ``ledger`` knows what the operation declares. Raises Unavailable when somebody alive holds the stack's lock, or the
    state cannot be put right; the world is only read.
    """
    from app_of_apps.deploy.engine import EngineFailed  # noqa: PLC0415 - takes a fifth of a second to import

    recover_locks(project, stack, os.environ, say)
    file = checkpoint(project, stack, os.environ)
    if operation == "refresh" or file is None or not has_pending(file):
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
            frozenset() if destroys else ledger.open,
        )
        engine.replace_state({**exported, "deployment": found.deployment})
    except EngineFailed as error:
        msg = f"what an earlier operation was killed in cannot be settled in the state:\n{error.output}"
        raise Unavailable(msg) from error
    say("An earlier operation was killed in the middle of its work; what it had begun is settled in the state.")
    for name in found.removed:
        say(f"{name} was created by it and is declared no longer: it is removed.")
    for name in found.lost:
        say(f"{name} may have been created by it and is declared no longer; look for it and remove it by hand.")
