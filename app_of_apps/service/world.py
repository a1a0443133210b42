"""What the service knows of the world without asking for each reader: the project's files, and how the clusters stand.

One thread looks again and again; readers get what it saw last, with the time of that look. What takes a look of its
own (history, records, approvals, access) is asked of ``aoa`` in a process and kept for a while, so that many readers
are one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.redact import Redactor
from app_of_apps.deploy.status import read_status
from app_of_apps.deploy.status import to_json as status_json
from app_of_apps.errors import AppOfAppsError, InvalidInput, Refused, Unavailable
from app_of_apps.release.plan import plan
from app_of_apps.release.project import known_environments, load_what_is_right, load_world
from app_of_apps.service.environ import own_environ
from app_of_apps.service.principal import Rights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app_of_apps.errors import Problem
    from app_of_apps.release.project import World as Project

_FRESH: Final = 10.0
"""Seconds for which an answer of ``aoa`` is given again without another look."""
_STALE: Final = 120.0
"""Seconds for which it is given while somebody looks again."""
_LONGEST: Final = 120.0
_AT_ONCE: Final = 2
"""How many processes look at the same time; the machine is there for operations."""


@dataclass(frozen=True, slots=True)
class Files:
    """The project's files as they were when they were valid last."""

    project: Project
    rights: Rights
    problems: tuple[Problem, ...] = ()
    """What is wrong with them now; they stay as they were then."""


@dataclass(slots=True)
class _Answer:
    value: dict[str, Any] | None = None
    at: float = -1e9
    looking: bool = False
    error: AppOfAppsError | None = None
    lock: threading.Condition = field(default_factory=threading.Condition)


class World:
    """One project and its clusters, for readers."""

    def __init__(self, project: Path, *, every: float, changed: Callable[[], None] = lambda: None) -> None:
        """Load the project; raises InvalidInput where it is not valid. ``changed`` is told when something differs."""
        self.project, self._every, self._changed = project.absolute(), every, changed
        self._stop, self._soon = threading.Event(), threading.Event()
        self._files = self._load()
        self._mark = self._stamp()
        self._standing: dict[str, Any] = {}
        self._looked: datetime | None = None
        self._answers: dict[tuple[str, ...], _Answer] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_AT_ONCE)
        self._thread = threading.Thread(target=self._run, name="looks", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._soon.set()

    def soon(self) -> None:
        """Look as soon as can be: something has happened."""
        with self._lock:
            for answer in self._answers.values():
                answer.at = min(answer.at, time.monotonic() - _FRESH)
        self._soon.set()

    @property
    def files(self) -> Files:
        """The project's files."""
        return self._files

    def valid(self) -> Files:
        """Return the project's files; raises InvalidInput where they are not valid right now.

        A look may have met them half written, so what it found wrong is read again before somebody is refused for it.
        """
        found = self._files
        if found.problems:
            found = self._reload()
        if found.problems:
            raise InvalidInput(found.problems)
        return found

    def release(self, environment: str) -> str:
        """Return the digest of an environment by the files as they are right now; raises InvalidInput."""
        return load_world(self.project, [environment]).releases[environment].digest

    def status(self, environment: str) -> tuple[dict[str, Any] | None, datetime | None]:
        """Return how an environment stood at the last look, and when that was."""
        return self._standing.get(environment), self._looked

    @property
    def ready(self) -> bool:
        """Whether there was a look, and none is overdue."""
        late = max(30.0, self._every * 6)
        return self._looked is not None and (datetime.now(UTC) - self._looked).total_seconds() < late

    def graph(self, environment: str) -> dict[str, Any]:
        """Return the children of an environment with what they wait for."""
        release = self._files.project.releases[environment]
        made = plan(release)
        return {
            "environment": environment,
            "release": release.digest,
            "waves": [list(wave) for wave in made.waves],
            "children": [
                {
                    "name": child.name,
                    "type": child.spec.type,
                    "team": child.spec.team,
                    "version": child.version,
                    "dependsOn": list(child.spec.depends_on),
                }
                for child in (release.child(name) for name in made.order)
            ],
        }

    def ask(self, *arguments: str, fresh: bool = False) -> tuple[dict[str, Any], float]:
        """Return what ``aoa`` answers in JSON and how many seconds old that is.

        Raises what the exit code stands for: InvalidInput, Refused, Unavailable.
        """
        with self._lock:
            answer = self._answers.setdefault(arguments, _Answer())
            if len(self._answers) > 512:  # noqa: PLR2004 - a reader cannot fill the memory
                self._answers.clear()
                self._answers[arguments] = answer
        with answer.lock:
            age = time.monotonic() - answer.at
            if answer.value is not None and not fresh:
                if age < _FRESH:
                    return answer.value, age
                if age < _STALE:
                    if not answer.looking:
                        answer.looking = True
                        threading.Thread(target=self._look, args=(arguments, answer), daemon=True).start()
                    return answer.value, age
            if answer.looking:
                answer.lock.wait(_LONGEST)
                return self._taken(answer)
            answer.looking = True
        self._look(arguments, answer)
        return self._taken(answer)

    def glance(self, *arguments: str, wait: float = 0.0) -> dict[str, Any] | None:
        """Return what ``aoa`` answered last, None when nobody has asked yet; look again where that is old.

        Waits for a first answer for so many seconds at most, and raises nothing: a page is shown with what there is.
        """
        with self._lock:
            answer = self._answers.setdefault(arguments, _Answer())
        with answer.lock:
            if time.monotonic() - answer.at > _FRESH and not answer.looking:
                answer.looking = True
                threading.Thread(target=self._look, args=(arguments, answer, True), daemon=True).start()
            if answer.value is None and answer.error is None and wait:
                answer.lock.wait(wait)
            return answer.value

    def _taken(self, answer: _Answer) -> tuple[dict[str, Any], float]:
        if answer.error is not None:
            raise answer.error
        if answer.value is None:
            msg = "that takes too long right now; try again"
            raise Unavailable(msg)
        return answer.value, time.monotonic() - answer.at

    def _look(self, arguments: tuple[str, ...], answer: _Answer, tell: bool = False) -> None:  # noqa: FBT001, FBT002
        value: dict[str, Any] | None = None
        error: AppOfAppsError | None = None
        try:
            with self._room:
                value = self._run_aoa(arguments)
        except AppOfAppsError as found:
            error = found
        except Exception as found:  # noqa: BLE001 - whoever waits has to hear
            error = Unavailable(f"that could not be looked at ({type(found).__name__})")
        with answer.lock:
            differs = error is None and value != answer.value
            answer.looking, answer.error = False, error
            if error is None:
                answer.value, answer.at = value, time.monotonic()
            elif tell:
                answer.at = time.monotonic()  # a glance does not press
            answer.lock.notify_all()
        if tell and differs:
            self._changed()

    def _run_aoa(self, arguments: tuple[str, ...]) -> dict[str, Any]:
        command = [sys.executable, "-P", "-m", "app_of_apps", *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self.project,
                env=own_environ(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            msg = f"aoa {arguments[0]} takes longer than {_LONGEST:.0f} s"
            raise Unavailable(msg) from None
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            words = Redactor()(done.stderr.decode("utf-8", "replace").strip())[:4000] or "it gave no answer"
            kind = {2: InvalidInput, 3: Refused}.get(done.returncode, Unavailable)
            raise _error(kind, words) from None
        return found

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._once()
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                sys.stderr.write(f"look: {type(error).__name__}: {Redactor()(str(error))[:300]}\n")
            self._soon.wait(self._every)
            self._soon.clear()

    def _once(self) -> None:
        stamp = self._stamp()
        if stamp != self._mark:
            self._mark = stamp
            self._reload()
        releases = self._files.project.releases
        found = {one["name"]: one for one in status_json(read_status(releases.values()))["environments"]}
        differs = found != self._standing
        self._standing, self._looked = found, datetime.now(UTC)
        if differs:
            self._changed()

    def _load(self) -> Files:
        return _files(load_world(self.project, None))

    def _reload(self) -> Files:
        found, problems = load_what_is_right(self.project, None)
        if problems or found is None:
            files = Files(self._files.project, self._files.rights, tuple(problems))
        else:
            files = _files(found)
        self._files = files
        self._changed()
        return files

    def _stamp(self) -> Mapping[str, tuple[int, int]]:
        """Return what tells that a file of the manifest was changed."""
        stamps = {str(self.project.resolve()): (0, 0)}  # a link may lead elsewhere now
        for pattern in ("parent.yaml", "Pulumi.*.yaml", "apps/**/*"):
            for file in self.project.glob(pattern):
                try:
                    about = file.stat()
                except OSError:
                    continue
                stamps[str(file)] = (about.st_mtime_ns, about.st_size)
        for name in known_environments(self.project):
            stamps.setdefault(name, (0, 0))
        return stamps


def _files(project: Project) -> Files:
    children = {name: frozenset(child.name for child in one.children) for name, one in project.releases.items()}
    return Files(project, Rights(project.manifest, children))


def _error(kind: type[AppOfAppsError], words: str) -> AppOfAppsError:
    from app_of_apps.errors import Position, Problem  # noqa: PLC0415 - seldom

    if kind is InvalidInput:
        return InvalidInput([Problem(Position("the project"), "", words)])
    return kind(words)
