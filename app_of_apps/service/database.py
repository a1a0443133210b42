"""The tables of the service, on SQLite and on PostgreSQL alike, and the one clock that leases go by.

The queue's own tables belong to its engine. What stands here is what people and programs are told: operations with
their events, who may run one now (leases), proposals, sessions of browsers, what was denied, budgets.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

METADATA: Final = sa.MetaData()
_TEXT, _TIME = sa.Text, sa.Float

OWNER: Final = sa.Table(
    "aoa_owner",
    METADATA,
    sa.Column("parent", _TEXT, primary_key=True),
    # What the workers of one service seal a login with that has begun: it may end at another one.
    sa.Column("login_key", _TEXT, nullable=False),
)
OPERATIONS: Final = sa.Table(
    "aoa_operations",
    METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("environment", _TEXT, nullable=False),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("who", sa.JSON, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("created", _TIME, nullable=False),
    sa.Column("started", _TIME),
    sa.Column("ended", _TIME),
    sa.Column("release", _TEXT),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("exit_code", sa.Integer),
    sa.Column("message", _TEXT, nullable=False, default=""),
    sa.Column("proposal", _TEXT),
    sa.Column("report", sa.JSON),
    sa.Column("trace", _TEXT),
    sa.Index("aoa_operations_environment", "environment", "number"),
    sa.Index("aoa_operations_state", "state"),
)
EVENTS: Final = sa.Table(
    "aoa_events",
    METADATA,
    # SQLite counts only plain integers up by itself.
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("operation", _TEXT, nullable=False),
    sa.Column("time", _TIME, nullable=False),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("aoa_events_operation", "operation", "number"),
    sqlite_autoincrement=True,
)
LEASES: Final = sa.Table(
    "aoa_leases",
    METADATA,
    sa.Column("environment", _TEXT, primary_key=True),
    sa.Column("operation", _TEXT, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("expires", _TIME, nullable=False),
)
WORKERS: Final = sa.Table(
    "aoa_workers",
    METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("host", _TEXT, nullable=False),
    sa.Column("seen", _TIME, nullable=False),
)
ONCE: Final = sa.Table(
    "aoa_once",
    METADATA,
    sa.Column("subject", _TEXT, primary_key=True),
    sa.Column("key", _TEXT, primary_key=True),
    sa.Column("body", _TEXT, nullable=False),
    sa.Column("answer", _TEXT, nullable=False),
    sa.Column("time", _TIME, nullable=False),
)
PROPOSALS: Final = sa.Table(
    "aoa_proposals",
    METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("environment", _TEXT, nullable=False),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("who", sa.JSON, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("created", _TIME, nullable=False),
    sa.Column("decided", _TIME),
    sa.Column("decided_by", sa.JSON),
    sa.Column("words", _TEXT, nullable=False, default=""),
    sa.Column("patch", _TEXT, nullable=False, default=""),
    sa.Column("operation", _TEXT),
)
SESSIONS: Final = sa.Table(
    "aoa_sessions",
    METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("principal", sa.JSON, nullable=False),
    sa.Column("expires", _TIME, nullable=False),
)
DENIALS: Final = sa.Table(
    "aoa_denials",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("time", _TIME, nullable=False),
    sa.Column("who", sa.JSON, nullable=False),
    sa.Column("what", _TEXT, nullable=False),
    sa.Column("environment", _TEXT),
    sa.Column("why", _TEXT, nullable=False),
    sqlite_autoincrement=True,
)
SPENT: Final = sa.Table(
    "aoa_spent",
    METADATA,
    sa.Column("subject", _TEXT, primary_key=True),
    sa.Column("what", _TEXT, primary_key=True),
    sa.Column("window", sa.Integer, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)


class Database:
    """One database, by its address. Its own clock says when leases end, so hosts need not agree about the time."""

    def __init__(self, url: str, *, pool: int = 20, patience: float = 20.0) -> None:
        """Prepare to connect; nothing is asked yet. ``patience`` is how many seconds an answer may take."""
        self.sqlite = url.startswith("sqlite")
        more: dict[str, Any] = {"connect_args": {"timeout": patience}, "poolclass": QueuePool}
        if not self.sqlite:
            wait = max(1, int(patience))
            # A host that is gone says nothing: without the last one, the kernel would wait for minutes.
            limits = {"connect_timeout": wait, "tcp_user_timeout": wait * 1000}
            more = {
                "pool_pre_ping": True,
                "connect_args": {**limits, "options": f"-c statement_timeout={wait * 1000}"},
            }
        self.engine = sa.create_engine(url, pool_size=pool, max_overflow=pool, **more)
        if self.sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

        self._reading = self.engine.execution_options(aoa_reads=True)

    def create(self) -> None:
        """Make the tables that are not there; raises Unavailable where the database does not answer."""
        try:
            with self.engine.begin() as connection:
                if not self.sqlite:  # several workers may start at once
                    connection.execute(sa.text("select pg_advisory_xact_lock(7263108)"))
                METADATA.create_all(connection)
        except sa.exc.OperationalError as error:
            where = self.engine.url.render_as_string(hide_password=True)
            msg = f"the database {where} does not answer ({type(error.orig).__name__}); nothing was started"
            raise Unavailable(msg) from None

    def claim(self, parent: str) -> bytes:
        """Note whose service this is and return the key of its logins; raises Refused where it is another parent's.

        Environments of two parents may have the same name, and their operations must never meet.
        """
        with self.begin() as connection:
            if not self.sqlite:
                connection.execute(sa.text(f"lock table {OWNER.name} in share row exclusive mode"))
            found = connection.execute(sa.select(OWNER)).one_or_none()
            if found is None:
                key = secrets.token_hex(32)
                connection.execute(OWNER.insert().values(parent=parent, login_key=key))
                return bytes.fromhex(key)
            if (owner := found.parent) != parent:
                where = self.engine.url.render_as_string(hide_password=True)
                msg = f"the database {where} is that of the service of {owner}, not of {parent}; name another one"
                raise Refused(msg)
            return bytes.fromhex(found.login_key)

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection in a transaction of its own."""
        return self.engine.begin()

    def read(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection that only reads, and waits for no writer."""
        return self._reading.begin()

    def now(self, connection: sa.Connection) -> float:
        """Return seconds since the epoch, by the database's clock."""
        if self.sqlite:
            return time.time()  # one machine
        return float(connection.execute(sa.text("select extract(epoch from clock_timestamp())")).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare_sqlite(connection: object, _: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined] # transactions begin as below
    cursor = connection.cursor()  # type: ignore[attr-defined] # of the DB-API
    for line in _pragmas():
        cursor.execute(line)
    cursor.close()


def _pragmas() -> Iterator[str]:
    yield "pragma journal_mode=wal"
    yield "pragma synchronous=full"


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin as a writer at once: a reader that becomes one could find that somebody else has written meanwhile."""
    reads = connection.get_execution_options().get("aoa_reads")
    connection.exec_driver_sql("begin" if reads else "begin immediate")
