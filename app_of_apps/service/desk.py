"""What the service keeps beside operations: proposals, browsers' sessions, what was denied, and what was spent."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from app_of_apps.errors import AppOfAppsError
from app_of_apps.service.database import DENIALS, PROPOSALS, SESSIONS, SPENT, Database
from app_of_apps.service.operation import Asked, Who, moment
from app_of_apps.service.proposal import Asking, Denial, Proposal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SESSION: Final = 8 * 3600
"""Seconds that a browser's login lasts."""


class Decided(AppOfAppsError):
    """Somebody has decided already."""


class Desk:
    """Keeps them in a database whose tables are there."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def deny(self, who: Who, what: str, environment: str | None, why: str) -> None:
        """Write down that somebody was denied something."""
        with self._database.begin() as connection:
            connection.execute(
                DENIALS.insert().values(
                    time=self._database.now(connection),
                    who=who.model_dump(mode="json"),
                    what=what[:300],
                    environment=environment[:63] if environment else None,
                    why=why[:1000],
                )
            )

    def denials(self, *, before: int | None = None, limit: int = 50) -> tuple[tuple[Denial, ...], int | None]:
        """Return what was denied, newest first, and where the next page begins."""
        query = sa.select(DENIALS).order_by(DENIALS.c.number.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(DENIALS.c.number < before)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = tuple(
            Denial.model_validate({**row._mapping, "time": moment(row.time)})  # noqa: SLF001 - public of SQLAlchemy
            for row in rows[:limit]
        )
        return found, rows[limit - 1].number if len(rows) > limit else None

    def spend(self, subject: str, what: str, *, seconds: int, most: int) -> int:
        """Count one use in this window of time; return 0, or in how many seconds there is one again."""
        with self._database.begin() as connection:
            now = self._database.now(connection)
            window = int(now // seconds)
            place = (SPENT.c.subject == subject, SPENT.c.what == what)
            connection.execute(SPENT.delete().where(*place, SPENT.c.window < window))
            done = connection.execute(
                SPENT.update()
                .where(*place, SPENT.c.window == window, SPENT.c.count < most)
                .values(count=SPENT.c.count + 1)
            )
            if done.rowcount == 1:
                return 0
            if (
                most > 0
                and not connection.execute(sa.select(SPENT.c.count).where(*place, SPENT.c.window == window)).first()
            ):
                connection.execute(SPENT.insert().values(subject=subject, what=what, window=window, count=1))
                return 0
            return max(1, int((window + 1) * seconds - now))

    def propose(self, asking: Asking, who: Who) -> Proposal:
        """Keep a proposal."""
        with self._database.begin() as connection:
            now, identity = self._database.now(connection), secrets.token_hex(8)
            last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(PROPOSALS.c.number), 0))).scalar_one()
            connection.execute(
                PROPOSALS.insert().values(
                    id=identity,
                    number=last + 1,
                    environment=asking.environment,
                    asked=asking.asked.model_dump(mode="json"),
                    patch=asking.patch,
                    who=who.model_dump(mode="json"),
                    state="open",
                    created=now,
                    words="",
                )
            )
            return self._proposal(connection, identity)

    def proposal(self, identity: str) -> Proposal | None:
        """Return a proposal; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(PROPOSALS).where(PROPOSALS.c.id == identity)).one_or_none()
            return None if row is None else _proposal(row)

    def proposals(
        self, environments: Iterable[str], *, state: str | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[tuple[Proposal, ...], int | None]:
        """Return proposals, newest first, and where the next page begins."""
        query = sa.select(PROPOSALS).where(PROPOSALS.c.environment.in_(tuple(environments)))
        if state is not None:
            query = query.where(PROPOSALS.c.state == state)
        if before is not None:
            query = query.where(PROPOSALS.c.number < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(PROPOSALS.c.number.desc()).limit(limit + 1)).all()
        return tuple(map(_proposal, rows[:limit])), rows[limit - 1].number if len(rows) > limit else None

    def decide(
        self, identity: str, who: Who, *, accepted: bool, words: str = "", operation: str | None = None
    ) -> Proposal:
        """Decide an open proposal; raises Decided when somebody has."""
        with self._database.begin() as connection:
            done = connection.execute(
                PROPOSALS.update()
                .where(PROPOSALS.c.id == identity, PROPOSALS.c.state == "open")
                .values(
                    state="accepted" if accepted else "rejected",
                    decided=self._database.now(connection),
                    decided_by=who.model_dump(mode="json"),
                    words=words,
                    operation=operation,
                )
            )
            if done.rowcount != 1:
                msg = f"the proposal {identity} is not open any more"
                raise Decided(msg)
            return self._proposal(connection, identity)

    def begun(self, identity: str, operation: str) -> None:
        """Note which operation an accepted proposal has become."""
        with self._database.begin() as connection:
            connection.execute(PROPOSALS.update().where(PROPOSALS.c.id == identity).values(operation=operation))

    def open_session(self, principal: Mapping[str, Any]) -> str:
        """Return the secret of a new browser's session; only its hash is kept."""
        secret = secrets.token_urlsafe(32)
        with self._database.begin() as connection:
            now = self._database.now(connection)
            connection.execute(SESSIONS.delete().where(SESSIONS.c.expires < now))
            connection.execute(
                SESSIONS.insert().values(id=_hash(secret), principal=dict(principal), expires=now + SESSION)
            )
        return secret

    def session(self, secret: str) -> dict[str, Any] | None:
        """Return whose session it is; None when it is nobody's, or over."""
        with self._database.read() as connection:
            now = self._database.now(connection)
            row = connection.execute(
                sa.select(SESSIONS.c.principal).where(SESSIONS.c.id == _hash(secret), SESSIONS.c.expires > now)
            ).one_or_none()
        return None if row is None else dict(row.principal)

    def close_session(self, secret: str) -> None:
        """Forget a session."""
        with self._database.begin() as connection:
            connection.execute(SESSIONS.delete().where(SESSIONS.c.id == _hash(secret)))

    def _proposal(self, connection: sa.Connection, identity: str) -> Proposal:
        return _proposal(connection.execute(sa.select(PROPOSALS).where(PROPOSALS.c.id == identity)).one())


def _proposal(row: Any) -> Proposal:  # noqa: ANN401 - a row
    return Proposal(
        id=row.id,
        environment=row.environment,
        asked=Asked.model_validate(row.asked),
        patch=row.patch,
        proposed_by=Who.model_validate(row.who),
        state=row.state,
        created=moment(row.created),
        decided=moment(row.decided),
        decided_by=Who.model_validate(row.decided_by) if row.decided_by else None,
        words=row.words,
        operation=row.operation,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
