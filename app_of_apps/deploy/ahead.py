"""Begins a preview before it is known what it is about: the engine starts while the files are read and checked.

A preview takes no lock and writes nothing, so one that turns out to be for nothing is simply ended. The program that
the engine runs makes every check by itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.backend import checkpoint, mend_attributes
from app_of_apps.evidence.front import new_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pulumi.automation import EngineEvent

    from app_of_apps.deploy.engine import Engine
    from app_of_apps.deploy.events import Event

_PATIENCE: Final = 5.0
"""Seconds in which an engine that nobody wants any more may end by itself."""


class Ahead:
    """A preview that has begun. Take it up with `run`, or end it with `abandon`: one of the two must be called."""

    def __init__(
        self, project: Path, stack: str, options: Mapping[str, Any] | None = None, *, asked: Sequence[int] = ()
    ) -> None:
        """Begin it, in a thread of its own; whatever goes wrong is raised by `run`.

        ``asked`` are the signals that ask to end, as they come; whoever takes the preview up follows them.
        """
        self._version = _ask_version()
        from app_of_apps.deploy import engine  # noqa: F401, PLC0415 - imported here, so that the thread has it at hand

        self.asked = asked
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._interruptions = 0
        self._error: BaseException | None = None
        self._on_event: Callable[[Event], None] = lambda _: None
        self._watch: Callable[[EngineEvent], None] = lambda _: None
        self._thread = threading.Thread(
            target=self._work, args=(project, stack, dict(options or {})), name=f"preview {stack} ahead"
        )
        self._thread.start()

    def run(
        self,
        operation: str,
        on_event: Callable[[Event], None],
        *,
        options: Mapping[str, Any] | None = None,  # noqa: ARG002 - those that it was begun with hold
        watch: Callable[[EngineEvent], None] | None = None,
    ) -> None:
        """Pass on what has come and what comes, to the end; raises what `Engine` and its ``run`` raise."""
        assert operation == "preview", operation  # noqa: S101 - nothing else may begin before the checks
        self._on_event, self._watch = on_event, watch or self._watch
        while (pass_on := self._queue.get()) is not None:
            pass_on()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def interrupt(self) -> None:
        """Ask the engine to end, as `Engine.interrupt` does."""
        with self._lock:
            self._interruptions += 1
            if self._engine is not None:
                self._engine.interrupt()

    def abandon(self) -> None:
        """End the engine and forget what it said."""
        self.interrupt()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self.interrupt()
        self._thread.join()

    def _work(self, project: Path, stack: str, options: Mapping[str, Any]) -> None:
        from app_of_apps.deploy.engine import Engine  # noqa: PLC0415 - imports Pulumi

        try:
            mend_attributes(checkpoint(project, stack, os.environ))
            engine = Engine(project, stack, new_run(), version=self._version)
            with self._lock:
                self._engine = engine
                for _ in range(self._interruptions):
                    engine.interrupt()
            engine.run("preview", self._take_event, options=options, watch=self._take_raw)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that takes it up
            self._error = error
        finally:
            self._queue.put(None)

    def _take_event(self, event: Event) -> None:
        self._queue.put(lambda: self._on_event(event))

    def _take_raw(self, event: EngineEvent) -> None:
        self._queue.put(lambda: self._watch(event))


def _ask_version() -> subprocess.Popen[str] | None:
    """Start `pulumi version`, which takes as long as importing the Automation API; None where there is no engine."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        return subprocess.Popen(
            [found, "version"], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
    except OSError:  # whoever needs it says what is wrong
        return None
