"""Runs one operation on one environment to its end and reports it. The report comes whatever happens."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.closing import close
from app_of_apps.deploy.interruptions import interruptions
from app_of_apps.deploy.ledger import Ledger
from app_of_apps.deploy.outcome import Ending, error_type, report_of
from app_of_apps.deploy.progress import Progress
from app_of_apps.deploy.recovery import take_over
from app_of_apps.deploy.standing import read_deletions
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import DeploymentFailed, Unavailable
from app_of_apps.evidence.front import new_run
from app_of_apps.objects.render import release_objects
from app_of_apps.release.deletions import describe_deletions
from app_of_apps.release.plan import plan as plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pulumi.automation import EngineEvent

    from app_of_apps.deploy.ahead import Ahead
    from app_of_apps.deploy.events import Event
    from app_of_apps.deploy.foretold import Foretelling
    from app_of_apps.deploy.prediction import Prediction
    from app_of_apps.deploy.progress import Row
    from app_of_apps.deploy.report import Report
    from app_of_apps.graph.order import Plan
    from app_of_apps.release.model import Release

_BEAT = 0.25
"""Seconds between two looks at the progress."""


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell after an operation."""

    report: Report
    output: str
    """All that the engine printed, when it failed."""
    exit_code: int
    """As in `app_of_apps.errors`; 0 after a success."""


@dataclass(slots=True)
class _Outcome:
    """What the engine's thread leaves behind."""

    ended: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


def operate(
    operation: str,
    release: Release,
    project: Path,
    *,
    show: Callable[[tuple[Row, ...]], None],
    say: Callable[[str], None],
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    watch: Callable[[EngineEvent], None] | None = None,
    ahead: Ahead | None = None,
    prediction: Prediction | None = None,
) -> Told:
    """Run ``preview``, ``up``, ``refresh`` or ``destroy`` and return what there is to tell, a failure too.

    ``show`` gets the children's rows a few times a second, ``say`` single lines; ``environ`` is added to the engine's
    variables, ``watch`` gets its events as it has them; ``ahead`` is a preview that has begun already. What an ``up``
    did is compared with ``prediction``, else with the one that a preview of this project has kept. An interruption
    (Ctrl-C) lets the engine finish what it has begun, a second one stops it at once; the report says so. A lock that a
    dead engine has left is removed. Raises Unavailable when somebody alive holds the lock, or the engine cannot be
    started.
    """
    from app_of_apps.deploy.engine import Engine, EngineFailed  # noqa: PLC0415 - takes a fifth of a second to import

    plan = plan_of(release)
    ledger = Ledger(release_objects(release))
    progress = Progress(operation, release, plan, ledger)
    run = new_run()
    engine: Engine | Ahead
    if ahead is None:
        engine = Engine(project, release.environment, {**run, **(environ or {})})
        take_over(operation, engine, release, project, ledger=ledger, say=say)
    else:
        engine = ahead
    deletions = _deletions(operation, release, say)
    foretold = _foretold(release, project, prediction, environ) if operation == "up" else None
    lock, outcome, started = threading.Lock(), _Outcome(), time.monotonic()

    def take(event: Event) -> None:
        with lock:
            ledger.take(event)
            if foretold is not None:
                foretold.taken.take(event)

    def work() -> None:
        try:
            engine.run(operation, take, options=options, watch=watch)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            outcome.error = error
        finally:
            outcome.ended.set()

    thread = threading.Thread(target=work, name=f"{operation} {release.environment}")
    interrupted = 0
    with interruptions(() if ahead is None else ahead.asked) as asked:
        thread.start()
        while not outcome.ended.wait(_BEAT):
            while interrupted < len(asked):
                interrupted += 1
                engine.interrupt()
                if interrupted == 1:
                    say("Interrupted: the engine finishes what it has begun. Press Ctrl-C again to stop it at once.")
            with lock:
                rows = progress.rows(time.monotonic())
            show(rows)
    thread.join()
    show(progress.rows(time.monotonic()))
    error = outcome.error
    if error is not None and not isinstance(error, EngineFailed):
        raise error
    ending = Ending(
        ok=error is None,
        seconds=time.monotonic() - started,
        output=error.output if error is not None else "",
        interrupted=error is not None and (bool(interrupted) or error.killed),
    )
    report = replace(_report(operation, release, plan, ledger, ending), deletions=deletions)
    _record(report, release, project, foretold=foretold, run=run, say=say)
    return Told(report, ending.output, 0 if report.ok else exit_code(ledger))


def _record(
    report: Report,
    release: Release,
    project: Path,
    *,
    foretold: Foretelling | None,
    run: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """End the run on the record where the program has not, and note how well it was foretold."""
    close(report.operation, report, release, project, run=run, say=say)
    if foretold is not None:
        foretold.keep(release, project, ok=report.ok, run=run, say=say)


def _foretold(
    release: Release, project: Path, prediction: Prediction | None, environ: Mapping[str, str] | None
) -> Foretelling | None:
    # Imported here, because only an update needs it.
    from app_of_apps.deploy.foretold import Foretelling  # noqa: PLC0415

    return Foretelling.of(release, project, given=prediction, environ=environ)


def exit_code(ledger: Ledger) -> int:
    """Return the exit code of a failed operation.

    Where the program ended before it had declared anything, its error says which one: the first word of its message
    is the error's type.
    """
    if not any(entry.begun for entry in ledger.entries.values()):
        for message in ledger.messages:
            kind = error_type(message.text)
            if kind is not None:
                return kind.exit_code
    return DeploymentFailed.exit_code


def _deletions(operation: str, release: Release, say: Callable[[str], None]) -> tuple[str, ...]:
    """Say what the release removes from what stands now; nothing where that cannot be read, or nothing is deployed."""
    if operation not in {"preview", "up"}:
        return ()
    try:
        with KubeReader(release.cluster.context) as kube:
            found = describe_deletions(read_deletions(kube, release))
    except Unavailable:  # the program asks again, and ends with that
        return ()
    if operation == "up":
        for line in found:
            say(f"This release deletes {line}")
    return found


def _report(operation: str, release: Release, plan: Plan, ledger: Ledger, ending: Ending) -> Report:
    if ending.ok:
        return report_of(operation, release, plan, ledger=ledger, ending=ending, kube=None)
    try:
        with KubeReader(release.cluster.context) as kube:
            return report_of(operation, release, plan, ledger=ledger, ending=ending, kube=kube)
    except Unavailable:  # no such context: the engine's own words have to do
        return report_of(operation, release, plan, ledger=ledger, ending=ending, kube=None)
