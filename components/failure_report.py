"""The parent's report when a child fails, with a plain `pulumi up` too.

The engine stops listening to the program as soon as a resource has failed, so nothing that the program does at its end
would be seen. An error hook is the one thing that the engine waits for: it calls back before it counts a failure. The
hook never asks for another try; that is where upstream loses resources (pulumi#24683).
"""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

import pulumi

if TYPE_CHECKING:
    from collections.abc import Callable

# The name is kept in the state with each resource. When a delete fails in a run without the program (`pulumi destroy`)
# the engine says that this hook is not registered instead of why the delete failed, so the name says what to do.
HOOK: Final = "app-of-apps report (pulumi destroy --run-program tells why)"


_CANCELLED: Final = "cancel"  # "Resource operation was cancelled for …", "context canceled"
_PAUSE = 1.0  # seconds in which further failures are taken into the same report


def failure_hook(report: Callable[[bool], str]) -> pulumi.ErrorHook:
    """Return the hook that logs ``report(cancelled)`` as an error of the stack after failures of resources.

    ``cancelled`` tells whether nothing failed by itself: the engine was interrupted, and gave up what it waited for.
    Failures that come together are one report. One that comes later, of a resource that was being changed already,
    gives a second and more complete one.
    """
    seen = 0
    told: str | None = None
    cancelled = True

    async def tell(args: pulumi.ErrorHookArgs) -> bool:
        nonlocal seen, told, cancelled
        seen += 1
        # The newest error stands first.
        cancelled = cancelled and any(_CANCELLED in error.lower() for error in args.errors[:1])
        mine = seen
        # Having failed, the engine interrupts the program; Python's words about that would bury the report.
        signal.signal(signal.SIGINT, _leave)
        # The engine waits for each call of the hook, so what the last one says is always heard.
        await asyncio.sleep(_PAUSE)
        if seen == mine:
            text = await _words(partial(report, cancelled))
            if text != told:
                told = text
                # Without a resource, because only then it is sent before this returns.
                pulumi.log.error(text)
        return False

    return pulumi.ErrorHook(HOOK, tell)


def _leave(*_: object) -> None:
    os._exit(1)


async def _words(report: Callable[[], str]) -> str:
    try:
        return await asyncio.to_thread(report)
    except Exception as error:  # noqa: BLE001 - the engine's own words must reach the user whatever happens here
        return f"the parent's report could not be made: {type(error).__name__}"
