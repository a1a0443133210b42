"""Makes the engine refuse to remove a deployment without its program, and so without the guard.

A plain `pulumi destroy` works from the state alone: it runs no program, and deletes in whatever cluster answers. It
ends before it asks any provider, though, when a resource of the state has a delete hook, because the hook is in the
program: "You must run with the `--run-program` flag". With the flag the program runs, and with it guard and gate.

The parent's own namespace depends on every child, so it is what the engine deletes first when everything goes. An
update never deletes it but when the parent has another name, which would remove all that stands under the old one; and
a destroy that the program took for an update would have passed the gate of one. Both end here, and all stands.
"""

from __future__ import annotations

from typing import Final

import pulumi

# The name is kept in the state, and the engine says it when it refuses.
HOOK: Final = "app-of-apps guard (use `aoa destroy`, or `pulumi destroy --run-program`)"
PARENT_NAMESPACE: Final = "parent-namespace"
"""The logical name of the namespace of the records, see `app_of_apps.objects.record`."""


def guarded_delete(operation: str) -> pulumi.ResourceHook:
    """Return the hook that every namespace has; when it is called, guard and gate have passed for ``operation``."""

    def check(args: pulumi.ResourceHookArgs) -> None:
        check_deletion(operation, args.name)

    return pulumi.ResourceHook(HOOK, check)


def check_deletion(operation: str, name: str) -> None:
    """Raise RuntimeError when an operation that is no destroy would delete the parent's own namespace."""
    if name == PARENT_NAMESPACE and operation != "destroy":
        msg = (
            "this removes everything of this environment; nothing was removed. A parent that gets another name is "
            "another deployment: destroy the old one with `aoa destroy` first"
        )
        raise RuntimeError(msg)
