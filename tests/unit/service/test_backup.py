"""What docs/operating.md says of backups: the whole database in one dump, and what waits in it is run afterwards."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app_of_apps.service.operation import ENDED, Asked, State
from tests.postgres import postgres
from tests.unit.service.conftest import copy_project, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Kept = tuple[str, "Callable[[], str]"]
"""The address of a database, and what copies it and returns the address of the copy."""


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'service.db'}", lambda: copy_of_file(tmp_path)
        return
    with postgres() as server:
        asked = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "aoa"]

        def copy() -> str:
            dump, address = tmp_path / "service.dump", server.url("restored")
            for program, more in (
                ("pg_dump", ["--format=custom", f"--file={dump}", "service"]),
                ("pg_restore", ["--exit-on-error", "--dbname=restored", str(dump)]),
            ):
                subprocess.run([server.programs / program, *asked, *more], check=True, capture_output=True)
            return address

        yield server.url("service"), copy


def copy_of_file(folder: Path) -> str:
    """Copy while the service runs, as the command `.backup` of sqlite3 does."""
    copy = folder / "copy.db"
    with closing(sqlite3.connect(folder / "service.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return f"sqlite:///{copy}"


def test_a_copy_knows_what_was_asked_for_and_runs_what_waits(kept: Kept, issuer, tmp_path: Path) -> None:
    address, copy = kept
    project = copy_project(tmp_path / "project")
    with serving(project, issuer, database=address, workers=0) as before, before.client() as client:
        cancelled = client.cancel(client.begin("staging", Asked(operation="preview", reason="not this one")).id)
        waiting = client.begin("staging", Asked(operation="preview", reason="this one"))
        copied = copy()
    with serving(project, issuer, database=copied, workers=1) as after, after.client() as client:
        assert client.wait(waiting.id).state in ENDED - {State.CANCELLED, State.LOST}
        found = client.operation(cancelled.id)
        assert (found.state, found.reason, found.asked_by.name) == (State.CANCELLED, "not this one", "dora")
        assert client.begin("staging", Asked(operation="preview")).id not in {waiting.id, cancelled.id}
