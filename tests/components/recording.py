"""Runs a program against a monitor that records what it registers, options included.

Stands in for the engine where only registrations matter. It resolves what it records at once or, for chosen names,
late, so that a test can see who waits for whom. The engine itself runs in tests/integration.
"""

# ruff: noqa: N802 - methods are named by the gRPC service

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROJECT = "app-of-apps"
STACK = "staging"


@dataclass(frozen=True)
class Registration:
    """One RegisterResource request, and when it came and was answered."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    request: Any
    began: float
    ended: float = field(compare=False)

    @property
    def kind(self) -> str:
        return self.type.rpartition(":")[2]


class RecordingMonitor(mocks.MockMonitor):
    """Records each registration, also one whose URN was there before, of which the stock monitor keeps the last."""

    def __init__(self, slow: Iterable[str] = (), delay: float = 0.15) -> None:
        super().__init__(None)  # no mocks: each method is answered here
        self.registrations: list[Registration] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self.error_hooks: list[str] = []
        self.repeated: list[str] = []
        self._slow, self._delay = frozenset(slow), delay
        self._lock = threading.Lock()
        self._urns: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        # As the engine does it: the types of all ancestors, of which the stock monitor keeps only the last.
        qualified = f"{parent.split('::')[2]}${type_}" if parent and "pulumi:pulumi:Stack" not in parent else type_
        return f"urn:pulumi:{STACK}::{PROJECT}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        began = time.monotonic()
        urn = self.make_urn(request.parent, request.type, request.name)
        with self._lock:
            if urn in self._urns:
                self.repeated.append(urn)
            self._urns.add(urn)
        if request.name in self._slow:
            time.sleep(self._delay)
        # The stock monitor opens an event loop in each of its threads and leaves it open.
        answer = resource_pb2.RegisterResourceResponse(
            urn=urn, id=f"{request.name}-id" if request.custom else "", object=request.object
        )
        with self._lock:
            self.registrations.append(
                Registration(
                    urn=urn,
                    type=request.type,
                    name=request.name,
                    parent=request.parent,
                    inputs=rpc.deserialize_properties(request.object),
                    dependencies=frozenset(request.dependencies),
                    request=request,
                    began=began,
                    ended=time.monotonic(),
                )
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        msg = f"the program must not call {request.tok}"
        raise AssertionError(msg)

    def RegisterErrorHook(self, request: Any) -> None:
        self.error_hooks.append(request.name)

    def named(self, name: str) -> Registration:
        """Return the registration of that logical name."""
        (found,) = [one for one in self.registrations if one.name == name]
        return found

    def below(self, name: str) -> list[Registration]:
        """Return everything below the component of that name, at any depth."""
        urns = {self.named(name).urn}
        found: list[Registration] = []
        while more := [one for one in self.registrations if one.parent in urns and one not in found]:
            found += more
            urns |= {one.urn for one in more}
        return found


def record(
    program: Callable[[], None],
    *,
    preview: bool = False,
    slow: Iterable[str] = (),
    delay: float = 0.15,
    seen: Callable[[RecordingMonitor], None] = lambda _: None,
) -> RecordingMonitor:
    """Run a program to its end in an event loop of its own and return what it registered.

    ``seen`` gets the monitor before the program runs, for programs that fail. Raises what the program raises, and
    AssertionError when a URN came twice, as the engine would.
    """
    monitor = RecordingMonitor(slow, delay)
    seen(monitor)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        settings.configure(
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
                engine=mocks.MockEngine(None),
                project=PROJECT,
                stack=STACK,
                dry_run=preview,
            )
        )
        loop.run_until_complete(_run(program, monitor))
    finally:
        _end(loop)
        _CallbackServicer._servicers.clear()
        settings.reset_options()
        loop.close()
        asyncio.set_event_loop(None)
    assert not monitor.repeated, f"registered twice: {monitor.repeated}"
    return monitor


async def _run(program: Callable[[], None], monitor: RecordingMonitor) -> None:
    # The runtime makes its server for hooks and transforms only for the real monitor's class.
    callbacks = _CallbackServicer(monitor)
    await callbacks.serve()
    settings.SETTINGS.callbacks = callbacks
    await run_in_stack(program)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what a failed program has left waiting, and forget what nobody will ask for any more."""
    # As pulumi-language-python-exec does it: a program that fails leaves futures that nobody looks at.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
