"""A part of the sandbox: one process, how it is started and how its health is asked."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sandbox import processes
from sandbox.errors import PartFailedError
from sandbox.files import digest

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.processes import Process

Probe = Callable[[], str | None]
"""Asks a part for its health: ``None`` when healthy, otherwise why not."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the sandbox.

    `inputs` are files it reads only when it starts: their content belongs to the command, so that a change of
    either restarts it.
    """

    name: str
    """``<env>/<program>``, or the program alone where both environments share it."""
    argv: tuple[str, ...]
    port: int
    probe: Probe
    log: Path
    folder: Path
    """Working directory and home of the process."""
    environ: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    deadline: float = 60.0
    """Seconds it may take to become healthy on a loaded machine."""
    starts: int = 1
    """How often it is started before it counts as failed, for a program that now and then ends while it starts."""

    @property
    def spec(self) -> str:
        """Digest of what the process is started with."""
        variables = [f"{name}={value}" for name, value in sorted(self.environ.items())]
        return digest(*self.argv, *variables, paths=self.inputs)


class Outcome(StrEnum):
    """What `ensure` found and did."""

    RUNNING = "running"
    STARTED = "started"
    REVIVED = "had died: started again"
    REPLACED = "did not answer: restarted"
    CHANGED = "settings changed: restarted"

    @property
    def is_repair(self) -> bool:
        """Whether something was broken before."""
        return self in {Outcome.REVIVED, Outcome.REPLACED}


def ensure(root: Path, part: Part, *, wanted: bool, cancelled: threading.Event, patience: float = 5.0) -> Outcome:
    """Make sure `part` runs as specified and is healthy; returns what had to be done.

    `wanted` says that it was running when the sandbox was last brought up, so not finding it means that it died.
    A running part that does not answer for `patience` seconds is replaced. Raises `PartFailedError`.
    """
    found = [process for process in processes.running(root) if process.part == part.name]
    fitting = [process for process in found if process.spec == part.spec]
    outcome = Outcome.REVIVED if wanted else Outcome.STARTED
    if fitting:
        processes.stop(root, [process for process in found if process is not fitting[0]])
        if _wait(part, cancelled, patience, lambda: None) is None:
            return Outcome.RUNNING
        found, outcome = fitting[:1], Outcome.REPLACED
    elif found:
        outcome = Outcome.CHANGED
    processes.stop(root, found)
    _start(root, part, cancelled)
    return outcome


def _start(root: Path, part: Part, cancelled: threading.Event) -> None:
    part.folder.mkdir(parents=True, exist_ok=True)
    # A clean environment: nothing of the user's KUBECONFIG, VAULT_* or PULUMI_* reaches a part.
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(part.folder), "LANG": "C.UTF-8", **part.environ}
    for _ in range(part.starts):
        child = processes.start(
            root, part.name, part.argv, environ=environ, spec=part.spec, cwd=part.folder, log=part.log
        )
        reason = _wait(part, cancelled, part.deadline, child.poll)
        if reason is None:
            return
        ended = child.poll()
        if ended is None:
            break
    what = f"ended with code {ended}" if ended is not None else f"is not healthy after {part.deadline:.0f} s: {reason}"
    if ended is None:
        processes.stop(root, [found for found in processes.running(root) if found.part == part.name])
    message = f"{part.name} {what}. The end of {part.log}:\n{tail(part.log, 12)}"
    raise PartFailedError(message)


def _wait(part: Part, cancelled: threading.Event, seconds: float, ended: Callable[[], int | None]) -> str | None:
    """Ask until healthy; returns ``None``, or the last reason once the time is over or the process has ended."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        reason = part.probe()
        if reason is None or ended() is not None or time.monotonic() > deadline:
            return reason
        if cancelled.wait(pause):
            message = f"{part.name}: interrupted while waiting for it to become healthy"
            raise PartFailedError(message)
        pause = min(pause * 1.3, 0.25)


def tail(log: Path, lines: int) -> str:
    """The last `lines` lines of a log file, indented; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 400 * lines))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join("    " + line[:400] for line in text.splitlines()[-lines:])


def http_probe(
    port: int, path: str, *, authority: Path | None = None, accept: frozenset[int] = frozenset({200})
) -> Probe:
    """A probe that wants one of the statuses `accept` from GET `path`; TLS when `authority` is given."""

    def probe() -> str | None:
        try:
            status, body = _get(port, path, authority)
        except (OSError, http.client.HTTPException) as error:
            return f"no answer on 127.0.0.1:{port} ({error.__class__.__name__})"
        return None if status in accept else f"{path} says {status}: {body[:200]}"

    return probe


def _get(port: int, path: str, authority: Path | None) -> tuple[int, str]:
    if authority is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    else:
        context = ssl.create_default_context(cafile=str(authority))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=3, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(2000).decode(errors="replace").strip()
    finally:
        connection.close()


def state(process: Process | None, part: Part) -> tuple[str, str]:
    """``(health, detail)`` for a status table: ``healthy``, ``unhealthy`` or ``stopped``."""
    if process is None:
        return "stopped", ""
    if process.spec != part.spec:
        return "outdated", "runs with earlier settings; the next `up` restarts it"
    reason = part.probe()
    return ("healthy", "") if reason is None else ("unhealthy", reason)
