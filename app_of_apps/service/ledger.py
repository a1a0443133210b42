"""Operations as they are kept: asked for, begun under a lease, followed, ended. One row, one lease, one fence.

A lease is the right to run something on one environment. Each time it is taken its fence grows, and whatever an
operation's process writes is taken only with the fence that it began with, in the transaction that looks at it (the
scheme of M. Kleppmann, "How to do distributed locking", 2016). The engine's state backend knows no fences; there a
process ends itself before its lease does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from app_of_apps.errors import AppOfAppsError
from app_of_apps.service.database import EVENTS, LEASES, ONCE, OPERATIONS, WORKERS, Database
from app_of_apps.service.operation import OPEN, Asked, Operation, State, Who, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Fenced(AppOfAppsError):
    """Somebody else has the lease by now; what was to be written was not."""


class AskedDifferently(AppOfAppsError):
    """The same idempotency key with another request."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened while an operation ran. ``number`` grows, so that a reader can go on where it was."""

    number: int
    time: float
    kind: str
    """``state``, ``child`` or ``line``."""
    data: dict[str, Any]


class Ledger:
    """The operations of one service."""

    def __init__(self, database: Database) -> None:
        """Keep them in a database whose tables are there."""
        self._database = database

    def add(
        self,
        environment: str,
        asked: Asked,
        who: Who,
        *,
        release: str | None,
        key: str | None = None,
        proposal: str | None = None,
        trace: str | None = None,
    ) -> tuple[Operation, bool]:
        """Note what is asked for; return it and whether it is new.

        ``trace`` is where this is in a trace. With an idempotency ``key``, a second time gives what the first one
        made. Raises AskedDifferently when that was something else.
        """
        try:
            return self._add(environment, asked, who, key=key, release=release, proposal=proposal, trace=trace)
        except sa.exc.IntegrityError:  # the same key a moment ago: now it can be seen
            return self._add(environment, asked, who, key=key, release=release, proposal=proposal, trace=trace)

    def _add(
        self, environment: str, asked: Asked, who: Who, *, key: str | None, **more: str | None
    ) -> tuple[Operation, bool]:
        body = f"{environment} {asked.model_dump_json()}"
        identity = secrets.token_hex(8)
        with self._database.begin() as connection:
            now = self._database.now(connection)
            if key is not None:
                found = connection.execute(
                    sa.select(ONCE).where(ONCE.c.subject == who.subject, ONCE.c.key == key)
                ).one_or_none()
                if found is not None:
                    if found.body != body:
                        msg = f"the idempotency key {key!r} was used for something else"
                        raise AskedDifferently(msg)
                    return self._get(connection, found.answer), False
                connection.execute(
                    ONCE.insert().values(subject=who.subject, key=key, body=body, answer=identity, time=now)
                )
            self._lock(connection, OPERATIONS)
            number = connection.execute(sa.select(sa.func.coalesce(sa.func.max(OPERATIONS.c.number), 0))).scalar_one()
            connection.execute(
                OPERATIONS.insert().values(
                    id=identity,
                    number=number + 1,
                    turn=self._turn(connection, environment),
                    environment=environment,
                    asked=asked.model_dump(mode="json"),
                    who=who.model_dump(mode="json"),
                    state=State.QUEUED,
                    created=now,
                    attempt=0,
                    cancel_requested=False,
                    message="",
                    **more,
                )
            )
            self._note(connection, identity, now, "state", {"state": State.QUEUED})
            return self._get(connection, identity), True

    def get(self, identity: str) -> Operation | None:
        """Return an operation; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(OPERATIONS).where(OPERATIONS.c.id == identity)).one_or_none()
            return None if row is None else _operation(row)

    def state(self, identity: str) -> State | None:
        """Return how an operation stands; None when there is none."""
        with self._database.read() as connection:
            query = sa.select(OPERATIONS.c.state).where(OPERATIONS.c.id == identity)
            found = connection.execute(query).scalar_one_or_none()
            return None if found is None else State(found)

    def trace(self, identity: str) -> str | None:
        """Return where an operation was asked for in a trace."""
        with self._database.read() as connection:
            query = sa.select(OPERATIONS.c.trace).where(OPERATIONS.c.id == identity)
            found: str | None = connection.execute(query).scalar_one_or_none()
            return found

    def listed(
        self,
        environments: Iterable[str],
        *,
        state: State | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[tuple[Operation, ...], int | None]:
        """Return operations, newest first and without their reports, and where the next page begins."""
        columns = [column for column in OPERATIONS.c if column.name not in {"report", "trace"}]
        query = sa.select(*columns).where(OPERATIONS.c.environment.in_(tuple(environments)))
        if state is not None:
            query = query.where(OPERATIONS.c.state == state)
        if before is not None:
            query = query.where(OPERATIONS.c.number < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(OPERATIONS.c.number.desc()).limit(limit + 1)).all()
        more = rows[limit - 1].number if len(rows) > limit else None
        return tuple(_operation(row) for row in rows[:limit]), more

    def ahead(self, environment: str) -> int:
        """Return how many operations of an environment wait already."""
        query = sa.select(sa.func.count()).where(
            OPERATIONS.c.environment == environment, OPERATIONS.c.state == State.QUEUED
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def begin(self, lease: float) -> tuple[Operation, int] | None:
        """Begin the operation whose turn it is; return it and its fence, or None while nothing can begin.

        It gets the lease of its environment for so many seconds. What had begun and was left has its turn again.
        """
        with self._database.begin() as connection:
            now = self._database.now(connection)
            found = connection.execute(_next(now)).one_or_none()
            if found is None:
                return None
            identity, environment = found.id, found.environment
            fence = self._lease(connection, environment, identity, now, lease)
            if fence is None:
                return None
            done = connection.execute(
                OPERATIONS.update()
                .where(OPERATIONS.c.id == identity, OPERATIONS.c.state.in_(OPEN))
                .values(
                    state=State.RUNNING,
                    attempt=OPERATIONS.c.attempt + 1,
                    started=sa.func.coalesce(OPERATIONS.c.started, now),
                )
            )
            if done.rowcount != 1:  # cancelled a moment ago
                self._hold(connection, environment, identity, fence, expires=now)
                return None
            begun = self._get(connection, identity)
            self._note(connection, identity, now, "state", {"state": State.RUNNING, "attempt": begun.attempt})
            return begun, fence

    def overdue(self, seconds: float) -> Operation | None:
        """Return the operation whose turn it is when that was asked for so long ago and nothing holds it up."""
        with self._database.read() as connection:
            now = self._database.now(connection)
            row = connection.execute(_next(now)).one_or_none()
            return _operation(row) if row is not None and row.created < now - seconds else None

    def renew(self, environment: str, identity: str, fence: int, lease: float) -> bool:
        """Prolong a lease and return whether the operation is to be cancelled; raises Fenced when it is gone."""
        with self._database.begin() as connection:
            now = self._database.now(connection)
            self._hold(connection, environment, identity, fence, expires=now + lease)
            query = sa.select(OPERATIONS.c.cancel_requested).where(OPERATIONS.c.id == identity)
            return bool(connection.execute(query).scalar_one())

    def note(self, environment: str, identity: str, fence: int, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Note what an operation does; raises Fenced when its lease is gone."""
        if not events:
            return
        with self._database.begin() as connection:
            now = self._database.now(connection)
            self._hold(connection, environment, identity, fence)
            rows = [{"operation": identity, "time": now, "kind": kind, "data": data} for kind, data in events]
            connection.execute(EVENTS.insert(), rows)

    def end(
        self,
        operation: Operation,
        fence: int,
        state: State,
        *,
        exit_code: int | None = None,
        message: str = "",
        report: dict[str, Any] | None = None,
    ) -> None:
        """End an operation and give its lease back; raises Fenced when that is gone, or it has ended already."""
        identity = operation.id
        with self._database.begin() as connection:
            now = self._database.now(connection)
            self._hold(connection, operation.environment, identity, fence, expires=now)
            done = connection.execute(
                OPERATIONS.update()
                .where(OPERATIONS.c.id == identity, OPERATIONS.c.state.in_(OPEN))
                .values(state=state, ended=now, exit_code=exit_code, message=message, report=report)
            )
            if done.rowcount != 1:
                raise Fenced(identity)
            self._note(connection, identity, now, "state", {"state": state, "message": message})

    def cancel(self, identity: str) -> Operation:
        """Ask for the end of an operation: one that waits ends at once, one that runs when its process has stopped."""
        with self._database.begin() as connection:
            now = self._database.now(connection)
            done = connection.execute(
                OPERATIONS.update()
                .where(OPERATIONS.c.id == identity, OPERATIONS.c.state == State.QUEUED)
                .values(state=State.CANCELLED, ended=now, message="cancelled before it began", cancel_requested=True)
            )
            if done.rowcount == 1:
                self._note(connection, identity, now, "state", {"state": State.CANCELLED})
            else:
                connection.execute(
                    OPERATIONS.update()
                    .where(OPERATIONS.c.id == identity, OPERATIONS.c.state == State.RUNNING)
                    .values(cancel_requested=True)
                )
            return self._get(connection, identity)

    def events(self, identity: str, after: int = 0, limit: int = 500) -> tuple[Event, ...]:
        """Return what happened after an event, in order."""
        query = (
            sa.select(EVENTS)
            .where(EVENTS.c.operation == identity, EVENTS.c.number > after)
            .order_by(EVENTS.c.number)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(Event(row.number, row.time, row.kind, row.data) for row in connection.execute(query))

    def news(self, after: int | None) -> tuple[int, frozenset[str]]:
        """Return the number of the newest event of any operation, and the operations with events after a number.

        With None, no operations. Somebody's event may become visible after one with a higher number: who has to see
        every one looks once in a while without being told, too.
        """
        latest = sa.select(sa.func.coalesce(sa.func.max(EVENTS.c.number), 0))
        with self._database.read() as connection:
            number = int(connection.execute(latest).scalar_one())
            if after is None or number == after:
                return number, frozenset()
            changed = sa.select(EVENTS.c.operation).where(EVENTS.c.number > after, EVENTS.c.number <= number).distinct()
            return number, frozenset(connection.execute(changed).scalars())

    def present(self, worker: str, host: str) -> None:
        """Say that a worker lives."""
        with self._database.begin() as connection:
            now = self._database.now(connection)
            done = connection.execute(WORKERS.update().where(WORKERS.c.id == worker).values(seen=now))
            if done.rowcount != 1:
                connection.execute(WORKERS.insert().values(id=worker, host=host, seen=now))

    def leave(self, worker: str) -> None:
        """Say that a worker ends: others may take at once what it has not begun."""
        with self._database.begin() as connection:
            connection.execute(WORKERS.update().where(WORKERS.c.id == worker).values(seen=0))

    def gone(self, silence: float) -> tuple[str, ...]:
        """Return the workers that have said nothing for so many seconds. Each is told to one caller alone."""
        with self._database.begin() as connection:
            late = WORKERS.c.seen < self._database.now(connection) - silence
            return tuple(
                worker
                for worker in connection.execute(sa.select(WORKERS.c.id).where(late)).scalars().all()
                if connection.execute(WORKERS.delete().where(WORKERS.c.id == worker, late)).rowcount == 1
            )

    def counts(self) -> dict[tuple[str, str], int]:
        """Return (environment, state) → how many operations."""
        query = sa.select(OPERATIONS.c.environment, OPERATIONS.c.state, sa.func.count()).group_by(
            OPERATIONS.c.environment, OPERATIONS.c.state
        )
        with self._database.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def forget(self, days: int) -> None:
        """Remove operations that ended so many days ago, with their events."""
        with self._database.begin() as connection:
            before = self._database.now(connection) - days * 86400
            old = sa.select(OPERATIONS.c.id).where(OPERATIONS.c.ended < before)
            connection.execute(EVENTS.delete().where(EVENTS.c.operation.in_(old)))
            connection.execute(OPERATIONS.delete().where(OPERATIONS.c.ended < before))
            connection.execute(ONCE.delete().where(ONCE.c.time < before))

    def _hold(
        self, connection: sa.Connection, environment: str, identity: str, fence: int, *, expires: float | None = None
    ) -> None:
        """Raise Fenced unless the lease is this one's; give it a new end."""
        changed = {"expires": LEASES.c.expires if expires is None else expires}
        held = connection.execute(
            LEASES.update()
            .where(LEASES.c.environment == environment, LEASES.c.operation == identity, LEASES.c.fence == fence)
            .values(**changed)
        )
        if held.rowcount != 1:
            raise Fenced(identity)

    def _lease(
        self, connection: sa.Connection, environment: str, identity: str, now: float, lease: float
    ) -> int | None:
        """Give an environment's lease to an operation and return the fence; None when another has it."""
        mine = {"operation": identity, "expires": now + lease}
        query = sa.select(LEASES).where(LEASES.c.environment == environment).with_for_update()
        held = connection.execute(query).one_or_none()
        if held is None:
            self._lock(connection, LEASES)
            if connection.execute(query).first():
                return None
            connection.execute(LEASES.insert().values(environment=environment, fence=1, **mine))
            return 1
        if held.expires > now:
            return None
        connection.execute(
            LEASES.update().where(LEASES.c.environment == environment).values(fence=held.fence + 1, **mine)
        )
        return int(held.fence) + 1

    @staticmethod
    def _turn(connection: sa.Connection, environment: str) -> int:
        """Return the turn of a new operation: after all of its environment, and after the last one that has begun.

        So an environment with many that wait does not hold up the first ones of others, and none of them overtakes
        another (start-time fair queueing; Goyal, Vin and Cheng, 1996).
        """
        highest = sa.select(sa.func.coalesce(sa.func.max(OPERATIONS.c.turn), 0))
        own = highest.where(OPERATIONS.c.environment == environment)
        begun = highest.where(OPERATIONS.c.started.is_not(None))
        return 1 + max(int(connection.execute(query).scalar_one()) for query in (own, begun))

    def _lock(self, connection: sa.Connection, table: sa.Table) -> None:
        """Let nobody else write to a table until the end of the transaction."""
        if not self._database.sqlite:
            connection.execute(sa.text(f"lock table {table.name} in share row exclusive mode"))

    def _get(self, connection: sa.Connection, identity: str, *, lock: bool = False) -> Operation:
        query = sa.select(OPERATIONS).where(OPERATIONS.c.id == identity)
        return _operation(connection.execute(query.with_for_update() if lock else query).one())

    @staticmethod
    def _note(connection: sa.Connection, identity: str, now: float, kind: str, data: dict[str, Any]) -> None:
        connection.execute(EVENTS.insert().values(operation=identity, time=now, kind=kind, data=data))


def _next(now: float) -> sa.Select[Any]:
    """Select the operation whose turn it is, of those that no lease holds up."""
    busy = sa.select(LEASES.c.environment).where(LEASES.c.expires > now)
    return (
        sa.select(OPERATIONS)
        .where(OPERATIONS.c.state.in_(OPEN), OPERATIONS.c.environment.not_in(busy))
        .order_by(OPERATIONS.c.turn, OPERATIONS.c.number)
        .limit(1)
    )


def _operation(row: Any) -> Operation:  # noqa: ANN401 - a row
    asked, given = Asked.model_validate(row.asked), row._mapping  # noqa: SLF001 - SQLAlchemy's public name
    return Operation(
        id=row.id,
        environment=row.environment,
        operation=asked.operation,
        source=asked.source,
        to=asked.to,
        children=asked.children,
        reason=asked.reason,
        state=State(row.state),
        asked_by=Who.model_validate(row.who),
        created=_time(row.created),
        started=moment(row.started),
        ended=moment(row.ended),
        release=row.release,
        attempt=row.attempt,
        cancel_requested=row.cancel_requested,
        exit_code=row.exit_code,
        message=row.message,
        proposal=row.proposal,
        report=given.get("report"),
    )


def _time(value: float) -> Any:  # noqa: ANN401 - a datetime
    return moment(value)
