"""What happens while an operation runs, as server-sent events (HTML Living Standard, 9.2)."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from app_of_apps.service.operation import ENDED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

    from app_of_apps.service.front import Front
    from app_of_apps.service.operation import Operation
    from app_of_apps.service.principal import Principal

_BEAT: Final = 10.0
"""Seconds after which a stream without news says that it lives."""
_LOOK: Final = 0.1
_SURE: Final = 1.0
"""Seconds after which a stream looks without having been told that there is something."""


async def stream(
    request: Request, front: Front, who: Principal, operation: Operation, after: int
) -> AsyncIterator[str]:
    """Yield the events of an operation after one, until it has ended or nobody listens."""
    gauge, pulse = request.app.state.metrics.streams, request.app.state.pulse
    gauge.inc()
    try:
        yield "retry: 2000\n\n"
        looked, mark, said = 0.0, None, time.monotonic()
        while not await request.is_disconnected():
            now, told = time.monotonic(), pulse.of(operation.id)
            if told == mark and now - looked < _SURE:
                if now - said >= _BEAT:
                    said = now
                    yield ": still there\n\n"
                await asyncio.sleep(_LOOK)
                continue
            looked = now
            # The state first: what was written before it is read after it.
            state = await run_in_threadpool(front.ledger.state, operation.id)
            found = await run_in_threadpool(front.events, who, operation, after)
            for one in found:
                after, said = one.number, now
                data = json.dumps({"time": one.time, **one.data})
                yield f"id: {one.number}\nevent: {one.kind}\ndata: {data}\n\n"
            if not found and (state is None or state in ENDED):
                yield "event: end\ndata: {}\n\n"
                return
            mark = None if found else told  # there may be more than were read at once
    finally:
        gauge.dec()
