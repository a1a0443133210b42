"""The queue: which operation runs when. DBOS gives out the places at work, and the ledger whose turn it is.

A workflow of DBOS stands for one operation, until that has ended. Meanwhile it begins whatever has its turn
(`Ledger.begin`: one per environment at a time, by leases), which may be the operation of another workflow: DBOS takes
environments in random order, and a workflow that is started twice does no harm. Whoever finds a worker silent puts its
workflows back into the queue.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from app_of_apps.deploy.report import short
from app_of_apps.errors import InvalidInput
from app_of_apps.evidence.front import ASKED_BY, FRONT_VARIABLE
from app_of_apps.service import telemetry
from app_of_apps.service.operation import ENDED, Asked, State, command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app_of_apps.service.database import Database
    from app_of_apps.service.ledger import Ledger
    from app_of_apps.service.operation import Operation

_QUEUE: Final = "aoa-operations"
_VERSION: Final = "1"
"""Of the workflow; an upgrade of this program goes on with what waits."""
ATTEMPTS: Final = 3
"""How many processes may run one operation before it is given up."""
_NAME: Final = "aoa-operation"
_YIELDS: Final = 15
"""By how much nicer operations are than the service when there are several of them."""
_PAUSE: Final = 0.25
"""Seconds until a place at work without a turn looks again."""
_CURRENT: list[Queue] = []


class Queue:
    """The operations of one service: those that wait, and the workers of this process."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        project: Path,
        *,
        workers: int,
        lease: float,
        release: Callable[[str], str],
        told: Callable[[Operation], None] = lambda _: None,
    ) -> None:
        """Prepare; ``release`` gives an environment's digest by the working tree, ``told`` hears of each begin and end.

        ``lease`` is in seconds. With no ``workers`` it only takes what others carry out.
        """
        self._database, self._ledger, self._project = database, ledger, project.absolute()
        self._workers, self._lease, self._release, self._told = workers, lease, release, told
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}
        self._watch = threading.Thread(target=self._look_after_others, name="workers", daemon=True)

    def start(self) -> None:
        """Begin to take work."""
        _CURRENT[:] = [self]
        url = self._database.engine.url.render_as_string(hide_password=False)
        DBOS(
            config={
                "name": "app-of-apps",
                "system_database_url": url,
                "executor_id": self.worker,
                "application_version": _VERSION,
                "log_level": "WARNING",
                "sys_db_pool_size": 8,
                "enable_otlp": False,
            }
        )
        if not self._workers:
            DBOS.listen_queues([])  # called before the launch, as it has to be
        self._ledger.present(self.worker, socket.gethostname())
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE,
            worker_concurrency=max(self._workers, 1),
            partition_concurrency=1,
            polling_interval_sec=0.1,
            on_conflict="always_update",
        )
        self._watch.start()

    def add(self, operation: Operation) -> None:
        """Queue an operation. Twice is once: its id is the queue's."""
        with SetWorkflowID(operation.id), SetEnqueueOptions(queue_partition_key=operation.environment):
            DBOS.enqueue_workflow(_QUEUE, _carry_out, operation.id)

    def cancel(self, operation: Operation) -> Operation:
        """Cancel an operation and return how it stands."""
        found = self._ledger.cancel(operation.id)
        if found.state is State.CANCELLED:
            self._told(found)
        return found

    def stop(self, grace: float) -> None:
        """Begin nothing new, let what runs go on for so many seconds, then ask it to end and wait for that.

        The process has to end then: what it had taken from the queue and not begun waits in it for somebody else.
        """
        self._stop.set()
        deadline = threading.Event()
        timer = threading.Timer(grace, deadline.set)
        timer.daemon = True
        timer.start()
        while (running := [one for one in self._keepers.values() if one.poll() is None]) and not deadline.wait(0.1):
            continue
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            one.wait()
        timer.cancel()
        self._ledger.leave(self.worker)

    def carry_out(self, identity: str) -> str:
        """Run what has its turn until an operation has ended, whoever runs that one, and return its state."""
        while not self._stop.is_set():
            try:
                state = self._ledger.state(identity)
                if state is None or state in ENDED:
                    return state or State.LOST
                if (turn := self._ledger.begin(self._lease)) is None:
                    self._stop.wait(_PAUSE)
                else:
                    self._run(*turn)
            except Exception as error:  # noqa: BLE001 - what had begun has its turn again when its lease has ended
                self._say(error)
                self._stop.wait(1)
        # To return would mean that it is done. Others take it, because this worker has said that it ends.
        threading.Event().wait()
        raise AssertionError

    def _run(self, begun: Operation, fence: int) -> None:
        if words := self._unfit(begun):
            self._ledger.end(begun, fence, State.LOST if begun.attempt > ATTEMPTS else State.REFUSED, message=words)
        else:
            self._told(begun)
            with telemetry.operation(begun, self._ledger.trace(begun.id)) as span:
                self._keep(begun, fence)
                telemetry.ended(span, self._ledger.get(begun.id))
        if (found := self._ledger.get(begun.id)) and found.state in ENDED:
            self._told(found)

    def _unfit(self, operation: Operation) -> str:
        """Return why an operation that has its turn is not run."""
        if operation.attempt > ATTEMPTS:
            return f"its process died {ATTEMPTS} times; look at the service's log, and ask again"
        if operation.release is None:
            return ""
        try:
            now = self._release(operation.environment)
        except InvalidInput as error:
            return f"the project is not valid any more; nothing was touched: {error}"[:1000]
        if now != operation.release:
            return (
                f"the project's release of {operation.environment} was {short(operation.release)} when this was asked "
                f"for and is {short(now)} now; nothing was touched, ask again"
            )
        return ""

    def _keep(self, operation: Operation, fence: int) -> None:
        asked = Asked(
            operation=operation.operation, source=operation.source, to=operation.to, children=operation.children
        )
        told: Mapping[str, Any] = {
            "database": self._database.engine.url.render_as_string(hide_password=False),
            "operation": operation.id,
            "environment": operation.environment,
            "fence": fence,
            "lease": self._lease,
            "nice": self._nice(),
            "arguments": command(asked, operation.environment, operation.id),
            "project": str(self._project),
            "environ": {
                FRONT_VARIABLE: "service",
                ASKED_BY: f"{operation.asked_by.kind}:{operation.asked_by.name}",
                **dict(telemetry.variables()),
            },
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app_of_apps.service.keeper"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd=self._project,
        )
        self._keepers[operation.id] = process
        assert process.stdin is not None  # noqa: S101 - asked for
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        process.wait()
        del self._keepers[operation.id]

    def _nice(self) -> int:
        """Return how nice an operation is to readers: not at all while it is alone, much when others run or wait."""
        counts = self._ledger.counts()
        busy = sum(count for (_, state), count in counts.items() if state in {State.QUEUED, State.RUNNING})
        return _YIELDS if busy > 1 else 0

    def _look_after_others(self) -> None:
        """Say that this worker lives, and queue again what a silent one had taken or has never queued."""
        while not self._stop.wait(self._lease / 5):
            try:
                self._ledger.present(self.worker, socket.gethostname())
                for worker in self._ledger.gone(self._lease):
                    for one in DBOS.list_workflows(status="PENDING", executor_id=worker, name=_NAME):
                        DBOS.resume_workflow(one.workflow_id, queue_name=_QUEUE)
                if (late := self._ledger.overdue(self._lease)) is not None:
                    self.add(late)
            except Exception as error:  # noqa: BLE001 - the database may come back
                self._say(error)

    def _say(self, error: Exception) -> None:
        sys.stderr.write(f"worker {self.worker}: {type(error).__name__}\n")


@DBOS.workflow(name=_NAME)
def _carry_out(identity: str) -> str:
    return DBOS.run_step({"name": "process"}, lambda: _CURRENT[0].carry_out(identity))
