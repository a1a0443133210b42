"""Everything that somebody can ask of the service, each with the check whether they may.

API, page and agents' tools are different spellings of this; none of them decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.progress import Doing
from app_of_apps.deploy.redact import without_credentials
from app_of_apps.errors import Refused
from app_of_apps.service import telemetry
from app_of_apps.service.desk import Decided
from app_of_apps.service.door import DAY, HOUR, Spent
from app_of_apps.service.operation import NEEDS, Asked, Operation, State
from app_of_apps.service.principal import Principal, told
from app_of_apps.service.signing import sign
from app_of_apps.service.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from app_of_apps.service.desk import Desk
    from app_of_apps.service.door import Door
    from app_of_apps.service.ledger import Event, Ledger
    from app_of_apps.service.principal import Rights
    from app_of_apps.service.proposal import Asking, Denial, Proposal
    from app_of_apps.service.queue import Queue
    from app_of_apps.service.world import World

_WAITING: Final = 50
"""How many operations of one environment may wait."""


@dataclass(slots=True)
class Front:
    """One service, asked by principals."""

    door: Door
    ledger: Ledger
    queue: Queue
    tell: Callable[[str, dict[str, Any]], None] = field(default=lambda *_: None)
    """Hears of what people want to be told: a kind of `settings.Webhook`, and what it is about."""

    @property
    def view(self) -> View:
        """What there is to see."""
        return View(self.door)

    @property
    def rights(self) -> Rights:
        """What the manifest grants now."""
        return self.door.rights

    @property
    def world(self) -> World:
        """The project's files, and how the clusters stand."""
        return self.door.world

    @property
    def desk(self) -> Desk:
        """Where proposals, sessions and denials are kept."""
        return self.door.desk

    # --- operations ----------------------------------------------------------------------------------------------

    def begin(self, principal: Principal, env: str, asked: Asked, *, key: str | None = None) -> tuple[Operation, bool]:
        """Queue an operation and return it, and whether it is new."""
        return self._begin(principal, env, asked, key=key)

    def operation(self, principal: Principal, identity: str) -> Operation:
        """Return an operation as far as somebody sees it."""
        found = self.ledger.get(identity)
        if found is None or found.environment not in self.rights.seen(principal):
            raise self.door.absent(principal, f"operation {identity}", None)
        return self._cut(principal, found)

    def operations(
        self, principal: Principal, *, env: str | None, state: State | None, before: int | None, limit: int
    ) -> tuple[tuple[Operation, ...], int | None]:
        """Return operations of the environments that somebody sees, newest first, and where the next page begins."""
        if env is not None:
            self.door.seen(principal, env)
        chosen = (env,) if env is not None else self.rights.seen(principal)
        found, more = self.ledger.listed(chosen, state=state, before=before, limit=limit)
        return tuple(self._cut(principal, one) for one in found), more

    def events(self, principal: Principal, operation: Operation, after: int) -> tuple[Event, ...]:
        """Return what happened after an event, of the children that somebody sees."""
        found = self.ledger.events(operation.id, after)
        if self.door.sees_all(principal, operation.environment):
            return found
        seen = self.rights.visible(principal, operation.environment)
        return tuple(kept for one in found if (kept := _without_others(one, seen)) is not None)

    def cancel(self, principal: Principal, identity: str) -> Operation:
        """Ask for the end of an operation."""
        found = self.operation(principal, identity)
        if principal.kind == "agent" and found.asked_by.subject != principal.subject:
            raise self.door.deny(principal, "cancel what others have begun", found.environment, "agents decide nothing")
        right = NEEDS[found.operation]
        self.door.check(principal, right, found.environment, f"cancel {found.operation} of", found.children)
        return self._cut(principal, self.queue.cancel(found))

    # --- proposals -----------------------------------------------------------------------------------------------

    def propose(self, principal: Principal, asking: Asking) -> Proposal:
        """Keep what somebody would have done, for a person to decide."""
        env = asking.environment
        seen = self.door.seen(principal, env)
        if (agent := self.rights.agent(principal)) is not None:
            if "propose" not in agent.may:
                raise self.door.deny(principal, "propose", env, "the parent does not let this agent propose")
            if not frozenset(asking.asked.children) <= seen:
                raise self.door.deny(principal, "propose for other children", env, "not among its children")
            if asking.asked.source is not None:
                self.door.seen(principal, asking.asked.source)
            self.door.spend(principal, "proposals", seconds=DAY, most=agent.proposals_per_day)
        clean = {"asked": _clean(asking.asked), "patch": without_credentials(asking.patch)}
        found = self.desk.propose(asking.model_copy(update=clean), principal.who)
        self.tell("proposed", {"environment": env, "proposal": found.id, "by": found.proposed_by.name})
        return found

    def proposals(
        self, principal: Principal, *, state: str | None, before: int | None, limit: int
    ) -> tuple[tuple[Proposal, ...], int | None]:
        """Return the proposals of the environments that somebody sees; an agent sees its own."""
        found, more = self.desk.proposals(self.rights.seen(principal), state=state, before=before, limit=limit)
        if principal.kind == "agent":
            found = tuple(one for one in found if one.proposed_by.subject == principal.subject)
        return found, more

    def accept(self, principal: Principal, identity: str) -> tuple[Proposal, Operation]:
        """Begin what was proposed, as the person who accepts it; the gate asks for approvals all the same."""
        found = self._open(principal, identity, "accept proposals")
        self.door.check(principal, NEEDS[found.asked.operation], found.environment, "accept", found.asked.children)
        if found.patch:
            raise self.door.deny(
                principal,
                "accept a patch",
                found.environment,
                "a change of files goes through the repository: apply it there, and ask for an `up`",
                kind=Refused,
            )
        decided = self.desk.decide(identity, principal.who, accepted=True)
        operation, _ = self._begin(principal, found.environment, found.asked, proposal=identity)
        self.desk.begun(identity, operation.id)
        return decided.model_copy(update={"operation": operation.id}), operation

    def reject(self, principal: Principal, identity: str, words: str) -> Proposal:
        """Decide against a proposal."""
        found = self._open(principal, identity, "reject proposals")
        self.door.check(principal, NEEDS[found.asked.operation], found.environment, "reject", found.asked.children)
        return self.desk.decide(identity, principal.who, accepted=False, words=without_credentials(words))

    def denials(self, principal: Principal, *, before: int | None, limit: int) -> tuple[tuple[Denial, ...], int | None]:
        """Return what was denied, to whoever may read the records of every environment."""
        for env in self.rights.environments:
            self.door.check(principal, "evidence", env, "read denials")
        return self.desk.denials(before=before, limit=limit)

    # --- approvals -----------------------------------------------------------------------------------------------

    def approve(
        self,
        principal: Principal,
        env: str,
        *,
        release: str,
        token: str,
        reason: str = "",
        valid_for: str | None = None,
    ) -> str:
        """Sign the release of an environment with the person's own key in Vault, and return what `aoa approve` says.

        ``token`` is the person's own token for this environment's login to Vault. It is used for this one signature,
        and the login that it gives is revoked. ``release`` is the digest that they have seen.
        """
        self.may_approve(principal, env, release)
        more = [*(["--reason", reason] if reason else []), *(["--valid-for", valid_for] if valid_for else [])]
        return self._sign(env, token, "approve", env, "--release", release, "--yes", "--no-preview", *more)

    def may_approve(self, principal: Principal, env: str, release: str) -> None:
        """Raise Denied for whoever signs nothing here, Refused when this is not what would be signed any more."""
        self.door.person(principal, env, "approve")
        self.door.whole(principal, env, "approve")
        now = self.world.release(env)
        if now != release:
            msg = f"what would be signed is {now} and not {release} any more; look again, nothing was signed"
            raise Refused(msg)

    def revoke(self, principal: Principal, env: str, nonce: str, *, token: str, reason: str = "") -> str:
        """Take back what somebody has signed."""
        self.may_revoke(principal, env)
        return self._sign(env, token, "revoke", env, nonce, *(["--reason", reason] if reason else []))

    def may_revoke(self, principal: Principal, env: str) -> None:
        """Raise Denied for whoever signs nothing here."""
        self.door.person(principal, env, "revoke")
        self.door.whole(principal, env, "revoke in")

    # --- inside --------------------------------------------------------------------------------------------------

    def _begin(
        self,
        principal: Principal,
        env: str,
        asked: Asked,
        *,
        key: str | None = None,
        proposal: str | None = None,
    ) -> tuple[Operation, bool]:
        seen = self.door.seen(principal, env)
        if principal.kind == "agent" and asked.operation not in {"preview", "drift"}:
            raise self.door.deny(principal, asked.operation, env, "an agent proposes, and a person begins it")
        children = frozenset(asked.children)
        if asked.source is not None:
            self.door.whole(principal, asked.source, "promote from")
        if not children <= seen:
            raise self.door.absent(principal, f"child {', '.join(sorted(children - seen))}", env)
        self.door.check(principal, NEEDS[asked.operation], env, asked.operation, asked.children)
        agent = self.rights.agent(principal)
        if agent is not None:
            self.door.spend(principal, "previews", seconds=HOUR, most=agent.previews_per_hour)
        self.world.valid()
        ahead = self.ledger.ahead(env)
        if ahead >= _WAITING:
            msg = f"{ahead} operations of {env} wait already; cancel some, or ask later"
            raise Spent(msg, 30)
        release = self.world.release(env) if asked.operation in {"up", "preview"} else None
        place = telemetry.here()
        operation, new = self.ledger.add(
            env, _clean(asked), principal.who, release=release, key=key, proposal=proposal, trace=place
        )
        if new or operation.state is State.QUEUED:
            self.queue.add(operation)
        return self._cut(principal, operation), new

    def _sign(self, env: str, token: str, *arguments: str) -> str:
        said = sign(self.world.project, self.world.files.project.settings[env], token, *arguments)
        self.world.soon()
        return said

    def _open(self, principal: Principal, identity: str, what: str) -> Proposal:
        found = self.desk.proposal(identity)
        if found is None or found.environment not in self.rights.seen(principal):
            raise self.door.absent(principal, f"proposal {identity}", None)
        self.door.person(principal, found.environment, what)
        if found.state != "open":
            msg = f"the proposal {identity} was {found.state} already"
            raise Decided(msg)
        return found

    def _cut(self, principal: Principal, operation: Operation) -> Operation:
        """Return an operation without what its reader does not see of it."""
        if self.door.sees_all(principal, operation.environment):
            return operation
        seen, report = self.rights.visible(principal, operation.environment), operation.report
        if report is not None:
            report = {
                key: value
                for key, value in report.items()
                if key in {"format", "operation", "parent", "environment", "release", "ok", "interrupted", "seconds"}
            } | {
                "children": [one for one in report.get("children", ()) if one.get("name") in seen],
                "causes": [one for one in report.get("causes", ()) if one.get("child") in seen],
                "differences": [one for one in report.get("differences", ()) if one.get("child") in seen],
            }
        message = "" if operation.state is State.SUCCEEDED else "not all of it is yours to see"
        return operation.model_copy(update={"report": report, "message": operation.message and message})


def _clean(asked: Asked) -> Asked:
    """Return what is asked for with a reason that can be kept: all who see the environment read it, agents too."""
    return asked.model_copy(update={"reason": without_credentials(asked.reason)})


def principal_in(front: Front, shape: dict[str, Any]) -> Principal:
    """Return the principal of a browser's session, as the manifest sees it now."""
    manifest = front.world.files.project.manifest
    return told(str(shape["subject"]), str(shape["name"]), frozenset(map(str, shape["groups"])), manifest)


def _without_others(event: Event, seen: frozenset[str]) -> Event | None:
    """Return an event without what it says of children that its reader does not see; None when nothing is left."""
    if event.kind == "state":
        return replace(event, data={name: value for name, value in event.data.items() if name != "message"})
    if event.kind != "child" or event.data.get("child") not in seen:
        return None
    if event.data.get("doing") in {Doing.WAITING, Doing.BLOCKED}:  # its text names what it waits for
        return replace(event, data={**event.data, "text": ""})
    return event
