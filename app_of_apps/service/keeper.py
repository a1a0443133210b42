"""The process around one operation: runs ``aoa``, keeps the lease, writes down what happens, and stops it in time.

``python -m app_of_apps.service.keeper`` reads what to do as JSON from standard input. It belongs to no worker: a worker
that dies leaves it running, and whoever comes next finds the operation ended or its lease held. When the lease cannot
be prolonged (the database does not answer, somebody else has it) the engine is asked to end at half of the lease's time
and made to before all of it has passed, so that two never run on one environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

from app_of_apps.deploy.processes import as_nice_as_this
from app_of_apps.progress_events import VARIABLE
from app_of_apps.service.environ import own_environ

if TYPE_CHECKING:
    from app_of_apps.service.ledger import Ledger

_BEAT: Final = 0.05
_TRIES: Final = 20
_SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of prctl(2)
_LONGEST_ANSWER: Final = 8 * 2**20
_LINES_KEPT: Final = 30
_GRACE: Final = 600.0
"""Seconds that a cancelled operation may take to finish what it has begun, before it is stopped at once."""


@dataclass(slots=True)
class _Heard:
    """What the process has said and nobody has written down yet."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: bytearray = field(default_factory=bytearray)
    lines: list[str] = field(default_factory=list)

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the events and forget them."""
        with self.lock:
            taken, self.events = self.events, []
        return taken

    def put_back(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        """Keep events that could not be written down, before those that came since."""
        with self.lock:
            self.events = [*events, *self.events]

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Keep an event."""
        with self.lock:
            self.events.append((kind, data))


def main() -> None:
    """Run one operation to its end."""
    told = json.load(sys.stdin)
    # A worker's signals are not this process's; nor is its terminal.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    heard = _Heard()
    process, threads = _start(told, heard)
    # Imported while the program already starts.
    from app_of_apps.service.database import Database  # noqa: PLC0415
    from app_of_apps.service.ledger import Ledger  # noqa: PLC0415

    # Whatever the database does not answer within this is tried again as long as the lease lasts.
    database = Database(told["database"], pool=1, patience=float(told["lease"]) / 6)
    keeper = _Keeper(told, Ledger(database), heard)
    try:
        while process.poll() is None:
            keeper.look(_Stop.of(process))
            if stop.is_set():
                _Stop.of(process).ask(_GRACE)
            _Stop.of(process).press()
            time.sleep(_BEAT)
        for thread in threads:
            thread.join(timeout=5)
        keeper.end(process.returncode)
    finally:
        database.close()


def _start(told: dict[str, Any], heard: _Heard) -> tuple[subprocess.Popen[bytes], list[threading.Thread]]:
    reading, writing = os.pipe()
    libc = ctypes.CDLL(None)

    def with_parent() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.nice(int(told["nice"]))
        as_nice_as_this(os.getpid())
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)

    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app_of_apps", *told["arguments"]],
        cwd=told["project"],
        env={**own_environ(), **told["environ"], VARIABLE: str(writing)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(writing,),
        start_new_session=True,
        preexec_fn=with_parent,  # noqa: PLW1509 - no other thread runs yet
    )
    os.close(writing)
    assert process.stdout is not None  # noqa: S101 - asked for
    assert process.stderr is not None  # noqa: S101 - asked for
    threads = [
        threading.Thread(target=_read_events, args=(os.fdopen(reading, "rb"), heard), daemon=True),
        threading.Thread(target=_read_answer, args=(process.stdout, heard), daemon=True),
        threading.Thread(target=_read_lines, args=(process.stderr, heard), daemon=True),
    ]
    for thread in threads:
        thread.start()
    return process, threads


def _read_events(stream: IO[bytes], heard: _Heard) -> None:
    for line in stream:
        try:
            found = json.loads(line)
            heard.add(str(found.pop("kind")), found)
        except (ValueError, KeyError, AttributeError):
            continue


def _read_answer(stream: IO[bytes], heard: _Heard) -> None:
    while chunk := stream.read(65536):
        if len(heard.answer) < _LONGEST_ANSWER:
            heard.answer += chunk


def _read_lines(stream: IO[bytes], heard: _Heard) -> None:
    for line in stream:
        text = line.decode("utf-8", "replace").rstrip()[:2000]
        if text:
            heard.lines = [*heard.lines[-_LINES_KEPT:], text]
            heard.add("line", {"text": text})


class _Keeper:
    """Holds the lease of one operation and writes down what it does."""

    def __init__(self, told: dict[str, Any], ledger: Ledger, heard: _Heard) -> None:
        self._ledger, self._heard = ledger, heard
        self._lease, self._fence = float(told["lease"]), int(told["fence"])
        self._place = (str(told["environment"]), str(told["operation"]), self._fence)
        self._held, self._lost, self._next = time.monotonic(), False, 0.0

    def look(self, stop: _Stop) -> None:
        """Write down what there is, prolong the lease when it is time, and have the process end when it is lost."""
        now = time.monotonic()
        if not self._lost and (now >= self._next or self._heard.events):
            try:
                self._write(now, stop)
            except Exception as error:  # noqa: BLE001 - whatever the database has: the lease runs out meanwhile
                sys.stderr.write(f"keeper of {self._place[1]}: {type(error).__name__}\n")
                self._next = now + 0.5
        if self._lost or time.monotonic() - self._held > self._lease / 2:
            stop.ask(self._lease / 8)

    def _write(self, now: float, stop: _Stop) -> None:
        from app_of_apps.service.ledger import Fenced  # noqa: PLC0415 - see main

        try:
            if now >= self._next:
                # What is asked before it is answered counts: the lease ends no later than this clock says.
                if self._ledger.renew(*self._place, self._lease):
                    stop.ask(_GRACE)
                self._held, self._next = now, now + min(1.0, self._lease / 8)
            events = self._heard.take()
            try:
                self._ledger.note(*self._place, events)
            except Exception:
                self._heard.put_back(events)
                raise
        except Fenced:
            self._lost = True

    def end(self, code: int) -> None:
        """End the operation with the exit code of its process, unless somebody else has it by now."""
        from app_of_apps.service.ledger import Fenced  # noqa: PLC0415 - see main
        from app_of_apps.service.operation import ending  # noqa: PLC0415

        report = _report(bytes(self._heard.answer))
        for _ in range(_TRIES if not self._lost else 0):
            try:
                self._ledger.note(*self._place, self._heard.take())
                operation = self._ledger.get(self._place[1])
                assert operation is not None  # noqa: S101 - it has begun
                words = _message(report, self._heard.lines, code)
                state = ending(operation.operation, code)
                self._ledger.end(operation, self._fence, state, exit_code=code, message=words, report=report)
            except Fenced:
                return
            except Exception as error:  # noqa: BLE001 - the database may come back
                sys.stderr.write(f"keeper of {self._place[1]}: {type(error).__name__}\n")
                time.sleep(0.5)
            else:
                return


def _report(answer: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _message(report: dict[str, Any] | None, lines: list[str], code: int) -> str:
    """Return one sentence about the end: the root cause where there is one."""
    causes = (report or {}).get("causes") or ()
    if causes:
        return str(causes[0].get("sentence", ""))[:1000]
    if report is not None and "branch" in report:
        return f"{sum(bool(one['moves']) for one in report['children'])} versions move on branch {report['branch']}"
    if report is not None and report.get("differences"):
        return f"{len(report['differences'])} differences from what was deployed"
    if code == 0:
        return ""
    return " ".join(lines[-4:])[:1000] or f"aoa ended with code {code}"


class _Stop:
    """Asks a process to end: once, once more when the grace is over, and then without asking."""

    _known: ClassVar[dict[int, _Stop]] = {}

    @classmethod
    def of(cls, process: subprocess.Popen[bytes]) -> _Stop:
        """Return what stops a process."""
        return cls._known.setdefault(process.pid, cls(process))

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._at, self._step = process, 0.0, 0
        self._grace = 0.0

    def ask(self, grace: float) -> None:
        """Ask for the end; ``grace`` is in seconds, and a shorter one than before counts."""
        now = time.monotonic()
        if self._step == 0:
            self._signal(signal.SIGINT)
            self._step, self._at, self._grace = 1, now, grace
        elif grace < self._grace:
            self._at, self._grace = min(self._at + self._grace, now + grace) - grace, grace

    def press(self) -> None:
        """Go a step further where the time for the last one is over."""
        if self._step == 0 or time.monotonic() < self._at + self._grace:
            return
        if self._step == 1:
            self._signal(signal.SIGINT)
        else:
            self._signal(signal.SIGKILL)
        self._step += 1
        self._at, self._grace = time.monotonic(), min(self._grace, 2.0)

    def _signal(self, number: int) -> None:
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            return


if __name__ == "__main__":
    main()
