"""Looks at one environment in this process, or at several in a process each.

The engine is told about its environment by variables of its process, and two of them would read each other's.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import AppOfAppsError, InvalidInput
from app_of_apps.release.project import PARENT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from pulumi.automation import EngineEvent

    from app_of_apps.deploy.ahead import Ahead
    from app_of_apps.deploy.prediction import Prediction
    from app_of_apps.deploy.run import Told
    from app_of_apps.errors import Position
    from app_of_apps.release.model import Release
    from app_of_apps.review.model import Outcome

INTERRUPTED = 130
_NAME = re.compile(r"^name:[ ]*[\"']?([a-z0-9-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Previewed:
    """What came of one environment."""

    outcome: Outcome
    exit_code: int
    output: str = ""
    """All that the engine printed, when it failed."""
    error: AppOfAppsError | None = None
    """Why there is no preview; never from another process."""


def preview_one(
    env: str, project: Path, *, parallel: int | None = None, packs: Sequence[Path] = (), alone: bool = True
) -> Previewed:
    """Preview one environment. ``alone`` shows its children while they are looked at; else there are single lines.

    ``packs`` are policy packs beside those of the environment.
    """
    try:
        told, found = _preview(env, project, parallel, packs, alone=alone)
    except AppOfAppsError as error:
        from app_of_apps.review.model import Halted

        problems = error.problems if isinstance(error, InvalidInput) else ()
        placed = tuple(replace(one, position=_near(one.position)) for one in problems)
        halted = Halted(_parent(project), env, error.exit_code, type(error).__name__, str(error), placed)
        return Previewed(halted, error.exit_code, error=error)
    return Previewed(found, INTERRUPTED if told.report.interrupted else told.exit_code, told.output)


def preview_all(
    envs: Sequence[str], project: Path, *, parallel: int | None = None, packs: Sequence[Path] = ()
) -> tuple[Previewed, ...]:
    """Preview several environments at once, in their order; an interruption reaches each of them once."""
    context = multiprocessing.get_context("spawn")
    ways, processes = [], []
    for env in envs:
        way, answers = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(env, project, parallel, tuple(packs), answers), name=f"preview {env}"
        )
        process.start()
        answers.close()
        ways.append(way)
        processes.append(process)
    with _passed_on(processes):
        found = tuple(_answer(env, project, way) for env, way in zip(envs, ways, strict=True))
        for process in processes:
            process.join()
    return found


def _preview(env: str, project: Path, parallel: int | None, packs: Sequence[Path], *, alone: bool) -> tuple[Told, Any]:
    with _begun(env, project, parallel, packs) as ahead:
        from app_of_apps.cli.output import note
        from app_of_apps.environment.guard import check_environment
        from app_of_apps.policy.packs import run_with
        from app_of_apps.release.project import load_world
        from app_of_apps.review.gather import foresee

        world = load_world(project, [env])
        release, settings = world.releases[env], world.settings[env]
        # The program asks the same again; asked here, a refusal has its own exit code.
        check_environment(settings, stack=env, environ=os.environ, project=project)

        judged, environ = run_with(settings, release, packs, project=project, say=note)
        taken_up = ahead
        if judged and ahead is not None:  # the packs are in an overlay, say; the engine has begun without them
            ahead.abandon()
            taken_up = None
        options = {**_options(parallel), **judged}

        def operate(watch: Callable[[EngineEvent], None]) -> Told:
            return _operate(release, project, watch, options=options, environ=environ, alone=alone, ahead=taken_up)

        def locate(child: str | None, loc: tuple[str | int, ...]) -> Position:
            return _near(world.manifest.position(child, loc))

        told, found = foresee(release, settings, project=project, environ=os.environ, operate=operate, locate=locate)
    if found.prediction is not None:
        _keep(found.prediction, project)
    return told, found


@contextmanager
def _begun(env: str, project: Path, parallel: int | None, packs: Sequence[Path]) -> Iterator[Ahead | None]:
    """Give a preview that the engine has begun, and end it where an error comes before it is through.

    None where nobody knows yet that there is such an environment, or policy packs have to be made ready first. A first
    interruption waits until the preview is taken up, a second one does not.
    """
    file = project / f"Pulumi.{env}.yaml"
    if packs or not file.is_file() or b"policy:" in file.read_bytes():
        yield None
        return
    from app_of_apps.deploy.ahead import Ahead
    from app_of_apps.deploy.interruptions import interruptions

    with interruptions(most=2) as asked:
        ahead = Ahead(project, env, _options(parallel), asked=asked)
        try:
            yield ahead
        except BaseException:
            ahead.abandon()
            raise


def _options(parallel: int | None) -> Mapping[str, Any]:
    return {"parallel": parallel} if parallel else {}


def _keep(prediction: Prediction, project: Path) -> None:
    """Keep what was foretold for the update that may follow; a folder that cannot be written to stops nothing."""
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.prediction_store import keep

    try:
        keep(prediction, project, os.environ)
    except OSError as error:
        what = f"{prediction.environment}: the prediction is not kept here ({error.strerror})"
        note(f"{what}; `aoa up --prediction FILE` takes it from this preview's JSON")


def _operate(
    release: Release,
    project: Path,
    watch: Callable[[EngineEvent], None],
    *,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    alone: bool,
    ahead: Ahead | None,
) -> Told:
    from app_of_apps.cli.output import note
    from app_of_apps.cli.progress_view import view
    from app_of_apps.deploy.run import operate

    begun: dict[str, Any] = {"options": options, "environ": environ, "watch": watch, "ahead": ahead}
    if alone:
        with view("preview", release, sys.stderr) as screen:
            return operate("preview", release, project, show=screen.show, say=screen.say, **begun)
    note(f"{release.environment}: {len(release.children)} children are looked at")
    return operate(
        "preview",
        release,
        project,
        show=lambda _: None,
        say=lambda text: note(f"{release.environment}: {text}"),
        **begun,
    )


def _work(env: str, project: Path, parallel: int | None, packs: tuple[Path, ...], answers: Connection) -> None:
    """Be the process of one environment: send one answer."""
    os.setpgrp()  # a terminal interrupts our parent, and that interrupts us
    try:
        found = preview_one(env, project, parallel=parallel, packs=packs, alone=False)
        answers.send(replace(found, error=None))
    except (KeyboardInterrupt, BrokenPipeError):  # nobody waits any more
        sys.exit(INTERRUPTED)


def _answer(env: str, project: Path, way: Connection) -> Previewed:
    from app_of_apps.review.model import Halted

    try:
        found: Previewed = way.recv()
    except EOFError:
        message = "its process ended before it had an answer; what it has printed says why"
        return Previewed(Halted(_parent(project), env, INTERRUPTED, "Interrupted", message), INTERRUPTED)
    return found


@contextmanager
def _passed_on(processes: Sequence[BaseProcess]) -> Iterator[None]:
    """Pass interruptions on to the processes as long as this lasts, and wait for their answers all the same."""

    def pass_on(*_: object) -> None:
        for process in processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGINT)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parent(project: Path) -> str:
    """Return the parent's name where its file says one, valid or not: by it a comment is found again."""
    try:
        found = _NAME.search((project / PARENT_FILE).read_text())
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""


def _near(position: Position) -> Position:
    """Return a position whose file is named from the current folder, where it is below it."""
    file = Path(position.file)
    if file.is_absolute() and file.is_relative_to(Path.cwd()):
        return replace(position, file=str(file.relative_to(Path.cwd())))
    return position
