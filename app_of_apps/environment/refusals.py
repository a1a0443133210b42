"""Keeps a line about every refusal of the guard, so that an attempt on the wrong environment leaves a trace.

One JSON object per line is appended to ``refusals.jsonl`` in the folder that AOA_STATE_DIR names, else in ``.aoa`` of
the project: ``time`` (RFC 3339, UTC), ``environment``, ``stack``, ``project`` (its folder), ``user`` and ``host`` of
the process, ``reasons``. The guard's reasons are names, addresses and fingerprints; credentials in an address are cut
out before.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app_of_apps.errors import WrongEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE_VARIABLE: Final = "AOA_STATE_DIR"
FOLDER: Final = ".aoa"
FILE: Final = "refusals.jsonl"


def refusals_file(project: Path, environ: Mapping[str, str]) -> Path:
    """Return where refusals of a project are kept; it may not exist."""
    folder = environ.get(STATE_VARIABLE)
    return (Path(folder).expanduser() if folder else project / FOLDER) / FILE


@contextlib.contextmanager
def recorded(environment: str, stack: str, *, project: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Append a line for a WrongEnvironment that passes through, and let it pass.

    A refusal stays a refusal when it cannot be recorded; its message then says so.
    """
    try:
        yield
    except WrongEnvironment as error:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "environment": environment,
            "stack": stack,
            "project": str(project.resolve()),
            "user": _user(),
            "host": socket.gethostname(),
            "reasons": [reason.strip() for reason in str(error).splitlines()],
        }
        file = refusals_file(project, environ)
        try:
            _append(file, json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as cause:
            msg = f"{error}\n  (this refusal could not be recorded in {file}: {cause.strerror})"
            raise WrongEnvironment(msg) from error
        raise


def _append(file: Path, line: str) -> None:
    """Write one line in one call, so that lines of several processes do not mix; readable by the owner alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for the process's user ID, as in some containers
        return str(os.getuid())
