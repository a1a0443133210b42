"""A place at work begins what has its turn, until the operation that it came for has ended."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app_of_apps.errors import AppOfAppsError
from app_of_apps.service.database import Database
from app_of_apps.service.ledger import Ledger
from app_of_apps.service.operation import ENDED, Asked, State, Who
from app_of_apps.service.queue import Queue
from app_of_apps.service.settings import DATABASE
from tests.postgres import postgres
from tests.unit.service.conftest import copy_project, serving

ADA = Who(kind="person", name="ada", subject="ada")


class Deaf(Ledger):
    """A ledger whose database is away for a moment."""

    away = 1

    def state(self, identity: str) -> State | None:
        if self.away:
            self.away -= 1
            cause = ConnectionError("the secret is hunter2")
            raise sa.exc.OperationalError("select", {}, cause)  # noqa: EM101 - a statement, no message
        return super().state(identity)


class Ending(Queue):
    """A queue that refuses whatever it begins, and remembers the order."""

    order: list[str]

    def _unfit(self, operation: Any) -> str:
        self.order.append(operation.environment)
        return "no"


def queue(ledger: Ledger, database: Database) -> Ending:
    made = Ending(database, ledger, Path(), workers=1, lease=30, release=lambda _: "")
    made.order = []
    return made


def test_it_does_the_work_of_others_that_comes_first_and_outlives_its_database(tmp_path, capsys):
    database = Database(f"sqlite:///{tmp_path / 'service.db'}")
    database.create()
    ledger = Deaf(database)
    asked = [
        ledger.add(env, Asked(operation="up"), ADA, release=None)[0].id
        for env in ("staging", "staging", "prod", "staging")
    ]
    working = queue(ledger, database)
    assert working.carry_out(asked[1]) == State.REFUSED
    assert working.order == ["staging", "prod", "staging"]
    assert [ledger.state(one) for one in asked] == [*[State.REFUSED] * 3, State.QUEUED]
    assert working.carry_out(asked[1]) == State.REFUSED, "a second time it finds it ended"
    assert len(working.order) == 3
    assert working.carry_out("none") == State.LOST
    said = capsys.readouterr().err
    assert "OperationalError" in said
    assert "hunter2" not in said
    database.close()


def test_what_waits_goes_on_when_the_database_was_away(issuer, tmp_path):
    project = copy_project(tmp_path / "project")
    with (
        postgres() as server,
        serving(project, issuer, environ={DATABASE: server.url("service")}, workers=1, lease=2) as found,
        found.client() as client,
    ):
        preview = Asked(operation="preview")
        waiting = [client.begin(env, preview).id for env in ("staging", "prod")]
        server.stop()
        time.sleep(5)  # longer than a lease: whatever ran has lost it
        server.start()
        states: list[State] = []
        deadline = time.monotonic() + 120
        while len(states) < len(waiting):
            assert time.monotonic() < deadline, states
            time.sleep(0.5)
            with contextlib.suppress(AppOfAppsError):
                if (state := client.operation(waiting[len(states)]).state) in ENDED:
                    states.append(state)
        assert states == [State.REFUSED] * 2
