"""Who speaks to the service, and what the parent lets them do. Pure: claims and the manifest in, yes or no out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app_of_apps.errors import AppOfAppsError
from app_of_apps.manifest.access_checks import included
from app_of_apps.service.operation import Who

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.manifest.access import Grant
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.manifest.service import Agent
    from app_of_apps.service.settings import Login


class Denied(AppOfAppsError):
    """Somebody known may not do what they asked for."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose token was checked."""

    kind: Literal["person", "agent"]
    subject: str
    name: str
    groups: frozenset[str]
    agent: str | None = None
    """The name that the parent has for an agent."""

    @property
    def who(self) -> Who:
        """As operations and denials name them."""
        return Who(kind=self.kind, name=self.agent or self.name, subject=self.subject)

    def shape(self) -> dict[str, Any]:
        """Return plain data for a session."""
        return {"subject": self.subject, "name": self.name, "groups": sorted(self.groups)}


def principal_of(claims: Mapping[str, Any], login: Login, manifest: Manifest) -> Principal:
    """Return whose claims these are. One whom the parent names as an agent is that, whatever groups it has."""
    subject = str(claims[login.subject_claim])
    given = claims.get(login.groups_claim) or ()
    groups = frozenset(
        str(one).removeprefix(login.groups_prefix) for one in ([given] if isinstance(given, str) else given)
    )
    return told(subject, str(claims.get(login.name_claim) or subject), groups, manifest)


def told(subject: str, name: str, groups: frozenset[str], manifest: Manifest) -> Principal:
    """Return a principal as the manifest sees it now."""
    for known, agent in manifest.parent.service.agents.items():
        if agent.subject == subject or (agent.group is not None and agent.group in groups):
            return Principal("agent", subject, name, frozenset(), known)
    return Principal("person", subject, name, groups)


class Rights:
    """What principals may do by one manifest. What is not granted is denied."""

    def __init__(self, manifest: Manifest, children: Mapping[str, frozenset[str]]) -> None:
        """Take the manifest and, by environment, the children of its release."""
        self._manifest, self._children = manifest, children

    @property
    def environments(self) -> tuple[str, ...]:
        """All there are."""
        return tuple(self._children)

    def visible(self, principal: Principal, environment: str) -> frozenset[str]:
        """Return the children of an environment that somebody sees; none where they see nothing of it."""
        there = self._children.get(environment, frozenset())
        if (agent := self._agent(principal)) is not None:
            if environment not in agent.environments:
                return frozenset()
            return there if agent.children is None else there & frozenset(agent.children)
        found: set[str] = set()
        for grant in self._grants(principal, environment):
            found |= self._covered(grant, there)
        return frozenset(found)

    def seen(self, principal: Principal) -> tuple[str, ...]:
        """Return the environments of which somebody sees something."""
        return tuple(name for name in self._children if self.visible(principal, name))

    def allowed(self, principal: Principal, right: str, environment: str) -> frozenset[str]:
        """Return the children for which somebody has a right."""
        there = self._children.get(environment, frozenset())
        if (agent := self._agent(principal)) is not None:
            return self.visible(principal, environment) if right in agent.may else frozenset()
        found: set[str] = set()
        for grant in self._grants(principal, environment):
            roles = included(self._manifest.parent.access, grant.role)
            if any(right in self._manifest.parent.service.roles.get(role, ()) for role in roles):
                found |= self._covered(grant, there)
        return frozenset(found)

    def check(self, principal: Principal, right: str, environment: str, children: frozenset[str] | None = None) -> None:
        """Raise Denied unless somebody has a right for these children, or for all of the environment."""
        there = self._children.get(environment, frozenset())
        wanted = there if children is None else children
        # Whoever sees nothing of an environment does not learn that it is there.
        if not self.visible(principal, environment):
            msg = f"there is no environment {environment} for {principal.who.name}"
            raise Denied(msg)
        missing = wanted - self.allowed(principal, right, environment)
        if missing:
            names = ", ".join(sorted(missing & self.visible(principal, environment))) or "children that you do not see"
            msg = (
                f"{principal.who.kind} {principal.who.name} may not {right} {names} in {environment}; "
                "`service` and `access` of the parent manifest say who may"
            )
            raise Denied(msg)

    def agent(self, principal: Principal) -> Agent | None:
        """Return what the parent says of an agent; None for people."""
        return self._agent(principal)

    def _agent(self, principal: Principal) -> Agent | None:
        if principal.kind != "agent":
            return None
        return self._manifest.parent.service.agents.get(principal.agent or "") or _NOBODY

    def _grants(self, principal: Principal, environment: str) -> Iterator[Grant]:
        held = self._manifest.parent.access.environments.get(environment)
        for grant in held.grants if held is not None else ():
            if grant.group in principal.groups:
                yield grant

    def _covered(self, grant: Grant, there: frozenset[str]) -> frozenset[str]:
        if grant.all:
            return there
        if grant.children is not None:
            return there & frozenset(grant.children)
        children = self._manifest.children
        return frozenset(name for name in there if name in children and children[name].team in (grant.teams or ()))


def _nobody() -> Agent:
    from app_of_apps.manifest.service import Agent  # noqa: PLC0415 - a constant's maker

    return Agent.model_construct(owner="none", environments=(), children=(), may=(), calls_per_hour=1)


_NOBODY = _nobody()
