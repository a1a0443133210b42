"""Makes plain records of what an environment has been through, as the chain of evidence keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

START = datetime(2026, 11, 16, 8, tzinfo=UTC)


def spelled(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


class Past:
    """A growing chain; each method adds records and returns the same."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []

    @property
    def records(self) -> tuple[dict[str, Any], ...]:
        return tuple(self._records)

    def deployed(
        self,
        took: dict[str, float] | None,
        *,
        result: str = "succeeded",
        operation: str = "up",
        release: str = "sha256:1",
        issued: tuple[timedelta, ...] = (),
        committed: bool = True,
        change: str = "changed",
        glass: bool = False,
    ) -> Self:
        """A deployment that changed the children of ``took``; ``issued`` is how long after the commit each signed."""
        now = START + timedelta(days=len(self._records))
        number = len(self._records) + 1
        approvals = [{"payload": {"issued": spelled(now + after)}} for after in issued]
        began = {
            "sequence": number,
            "kind": "began",
            "operation": operation,
            "time": spelled(now + timedelta(hours=9)),
            "release": {"digest": release},
            "changes": [{"child": name, "change": change, "words": []} for name in took or ()],
            "approvals": approvals,
            "breakGlass": {"payload": {}} if glass else None,
            "details": {"committed": spelled(now)} if issued and committed else {},
        }
        details = {} if took is None else {"took": took}
        ended = {"sequence": number + 1, "kind": "ended", "operation": operation, "attempt": number, "result": result}
        self._records += [began, {**ended, "details": details}]
        return self

    def refused(self, reason: str, *, release: str = "sha256:1", before: timedelta = timedelta()) -> Self:
        """A refusal, so long before the next deployment's commit."""
        time = spelled(START + timedelta(days=len(self._records) + 1) - before)
        number = len(self._records) + 1
        record = {"sequence": number, "kind": "refused", "operation": "up", "reason": reason, "time": time}
        self._records.append({**record, "release": {"digest": release}})
        return self
