"""Waits that the provider does not do, or does not do at the new generation.

The Kubernetes provider (4.25) judges a StatefulSet that it has just updated by the status of the generation before, and
a VaultStaticSecret, which has no conditions, by a MAC that is there since its first sync. A Deployment it judges by the
revision that its annotation names, and the controller may report the new generation before it writes the new revision:
always with the strategy Recreate, and where an update goes back to a template of before. Then the old pods pass for the
new ones. So the program asks the cluster itself, once these objects are declared, and what comes after depends on the
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pulumi

if TYPE_CHECKING:
    from app_of_apps.release.model import ResolvedChild

# Returns when all objects of these kinds in the child's namespace are healthy at their generation; raises otherwise.
Settle = Callable[["ResolvedChild", Sequence[str]], None]

SECRET_KINDS: Final = ("VaultStaticSecret",)
WORKLOAD_KINDS: Final = ("Deployment", "StatefulSet", "DaemonSet")
# The default pool of asyncio has as many threads as the machine has cores and four more, and each of these waits.
_WAITERS: Final = ThreadPoolExecutor(max_workers=64, thread_name_prefix="settle")


def settled(
    settle: Settle, child: ResolvedChild, kinds: Sequence[str], resources: Sequence[pulumi.Resource]
) -> pulumi.Output[pulumi.Resource]:
    """Return one of `resources`, as soon as all are declared and ``settle`` has returned.

    Given as a dependency it holds back whatever depends on it. In a preview there is nothing to wait for. When
    ``settle`` raises, what depends on it is never registered and the program ends with the error.
    """

    async def wait(_: Sequence[Any]) -> pulumi.Resource:
        if not pulumi.runtime.is_dry_run():
            await asyncio.get_running_loop().run_in_executor(_WAITERS, settle, child, kinds)
        return resources[-1]

    return pulumi.Output.all(*(resource.urn for resource in resources)).apply(wait)
