"""Whether somebody may, and that it is written down when they may not. Every question to the service goes through it.

Somebody who sees nothing of an environment is told that there is none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from app_of_apps.service.principal import Denied

if TYPE_CHECKING:
    from collections.abc import Collection

    from app_of_apps.errors import Refused
    from app_of_apps.service.desk import Desk
    from app_of_apps.service.principal import Principal, Rights
    from app_of_apps.service.world import World

HOUR: Final = 3600
DAY: Final = 24 * HOUR


class NotThere(Denied):
    """There is no such thing, or nothing that this principal sees."""


class Spent(Denied):
    """A budget is used up for now."""

    def __init__(self, message: str, seconds: int) -> None:
        """Say in how many seconds there is one again."""
        super().__init__(message)
        self.seconds = seconds


@dataclass(slots=True)
class Door:
    """The checks of one service, by the rights that the manifest grants now."""

    world: World
    desk: Desk
    requests_per_minute: int = 1200
    _minute: int = 0
    _calls: dict[str, int] = field(default_factory=dict)

    @property
    def rights(self) -> Rights:
        """What the manifest grants now."""
        return self.world.files.rights

    def admit(self, principal: Principal) -> None:
        """Count a call; raises Spent when there were too many. People are counted by each process for itself."""
        agent = self.rights.agent(principal)
        if agent is not None:
            self.spend(principal, "calls", seconds=HOUR, most=agent.calls_per_hour)
            return
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._calls = minute, {}
        count = self._calls[principal.subject] = self._calls.get(principal.subject, 0) + 1
        if count > self.requests_per_minute:
            msg = f"{self.requests_per_minute} requests in a minute are used up"
            raise Spent(msg, 60)

    def person(self, principal: Principal, env: str, what: str) -> None:
        """Raise Denied for an agent."""
        if principal.kind != "person":
            raise self.deny(principal, what, env, "only people decide")

    def check(self, principal: Principal, right: str, env: str, what: str, children: Collection[str] = ()) -> None:
        """Raise Denied for whoever lacks a right on one of the children; NotThere where they see none."""
        self.seen(principal, env)
        try:
            self.rights.check(principal, right, env, frozenset(children) or None)
        except Denied as error:
            raise self.deny(principal, what, env, str(error)) from None

    def whole(self, principal: Principal, env: str, what: str) -> None:
        """Raise Denied for whoever does not see all children of an environment."""
        self.seen(principal, env)
        if not self.sees_all(principal, env):
            raise self.deny(principal, what, env, "that is about all children, and not all of them can be seen")

    def sees_all(self, principal: Principal, env: str) -> bool:
        """Return whether somebody sees all children of an environment."""
        there = self.world.files.project.releases[env].children
        return len(self.rights.visible(principal, env)) == len(there)

    def seen(self, principal: Principal, env: str) -> frozenset[str]:
        """Return the children that somebody sees; raises NotThere where there are none."""
        found = self.rights.visible(principal, env)
        if not found:
            raise self.absent(principal, "look at", env)
        return found

    def spend(self, principal: Principal, what: str, *, seconds: int, most: int) -> None:
        """Count a use of a budget; raises Spent when there is none left."""
        wait = self.desk.spend(principal.subject, what, seconds=seconds, most=most)
        if wait:
            msg = f"{most} {what} in {seconds // 60} minutes are used up; again in {wait} seconds"
            self.desk.deny(principal.who, what, None, msg)
            raise Spent(msg, wait)

    def absent(self, principal: Principal, what: str, env: str | None) -> NotThere:
        """Write down that somebody asked for what they do not see, and return what to raise."""
        where = f" in {env}" if env else ""
        msg = (
            f"there is no environment {env} that you see"
            if what == "look at"
            else f"there is no {what}{where} that you see"
        )
        self.desk.deny(principal.who, what, env, msg)
        return NotThere(msg)

    def deny(
        self, principal: Principal, what: str, env: str | None, why: str, *, kind: type[Denied | Refused] = Denied
    ) -> Exception:
        """Write down that somebody was denied something, and return what to raise."""
        self.desk.deny(principal.who, what, env, why)
        return kind(why)
