"""Makes the engine refuse to remove a deployment without its program, and so without the guard.

A plain `pulumi destroy` works from the state alone: it runs no program, and deletes in whatever cluster answers. It
ends before it asks any provider, though, when a resource of the state has a delete hook, because the hook is in the
program: "You must run with the `--run-program` flag". With the flag the program runs, and with it the guard.
"""

from __future__ import annotations

from typing import Final

import pulumi

# The name is kept in the state, and the engine says it when it refuses.
HOOK: Final = "app-of-apps guard (use `aoa destroy`, or `pulumi destroy --run-program`)"


def guarded_delete() -> pulumi.ResourceHook:
    """Return the hook that every namespace has; when it is called the guard has passed, and it has nothing to do."""

    def pass_on(_: pulumi.ResourceHookArgs) -> None:
        pass

    return pulumi.ResourceHook(HOOK, pass_on)
