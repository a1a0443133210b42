"""Asks Vault and git what the gate needs, and refuses in words that say who could approve and how. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from app_of_apps.approval.authors import Change, identities, read_change
from app_of_apps.approval.freeze import words as freeze_words
from app_of_apps.approval.gate import Action, Case, Given, Person, Verdict, Why, judge_all, needed
from app_of_apps.approval.store import ApprovalVault, with_keys
from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from app_of_apps.approval.gate import Rejected
    from app_of_apps.environment.settings import Environment, Gates

    Connect = Callable[[str, str | None, Mapping[str, str]], ApprovalVault]

LOUD: Final = "BREAK-GLASS"
"""How the warning about a way around the gate begins."""
_NAMED: Final = 12
"""Files or people in one line before the rest is counted."""
# What was about another release says nothing about this one.
_PAST: Final = frozenset({Why.OTHER_DIGEST, Why.OTHER_BASE, Why.OTHER_KIND, Why.USED, Why.OTHER_ENVIRONMENT})


@dataclass(frozen=True, slots=True)
class Standing:
    """The release that stands, as far as the gate is concerned."""

    digest: str
    commit: str | None
    """The commit that it was deployed from; None where nobody knows, and then everybody is an author."""
    gates: Gates | None = None
    """The rules under which it was deployed."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be done, and what is known about it without asking Vault or git."""

    settings: Environment
    parent: str
    digest: str
    standing: Standing | None = None
    action: Action = "up"
    deletions: frozenset[str] = frozenset()
    """Children whose deletion has to be agreed to by name."""
    used: frozenset[str] = frozenset()
    """Nonces that earlier releases have used up."""
    runners: frozenset[str] = frozenset()
    """Names of whoever runs it, beside the owner of the Vault token."""
    gone: bool = False
    """Whether what stood was removed since, so that its release is a new one again."""

    @property
    def rules(self) -> tuple[Gates, ...]:
        """The rules of the environment's file, and those of the release that stands."""
        before = self.standing.gates if self.standing is not None else None
        return (self.settings.gates,) if before is None else (self.settings.gates, before)

    @property
    def base(self) -> str | None:
        """Digest of the release that stands."""
        return self.standing.digest if self.standing is not None and not self.gone else None

    @property
    def is_gated(self) -> bool:
        """Whether any of the rules asks for approvals, or freezes."""
        return any(gates.approvals.required or gates.freeze for gates in self.rules)

    def case(self, now: datetime) -> Case:
        """Return what the gate is asked, before anything is known about authors."""
        return Case(
            parent=self.parent,
            environment=self.settings.name,
            digest=self.digest,
            base=self.base,
            now=now,
            mount=self.settings.evidence.mount,
            action=self.action,
            deletions=self.deletions,
            runners=self.runners,
            used=self.used,
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """What opened the gate."""

    approvals: tuple[Given, ...] = ()
    break_glass: Given | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Who has approved or broken the glass, sorted."""
        every = (*self.approvals, *([self.break_glass] if self.break_glass else []))
        return tuple(sorted({one.statement.approver.name for one in every}))

    @property
    def deletions(self) -> frozenset[str]:
        """Children whose deletion everybody who approved has agreed to."""
        every = [set(one.statement.deletions) for one in (*self.approvals, *filter(None, [self.break_glass]))]
        return frozenset(set.intersection(*every)) if every else frozenset()

    @property
    def warning(self) -> str | None:
        """What has to be said aloud; None where people have approved."""
        if self.break_glass is None:
            return None
        said = self.break_glass.statement
        return (
            f"{LOUD}: {said.approver.name} went around the gate of {said.environment} of {said.parent} with "
            f"{said.digest}: {said.reason} (valid until {said.expires}, on the record)"
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """What Vault and git said, and what the gate made of it."""

    case: Case
    change: Change | None
    """None where nobody has to know."""
    verdicts: tuple[Verdict, ...]
    people: Mapping[str, Person]
    """Everybody who keeps a statement or is in a group that counts, by entity ID."""
    unknown_groups: tuple[str, ...] = ()
    """Groups that count and that Vault has never seen in a login."""

    @property
    def passed(self) -> Passed | None:
        """What opened the gate; None while it is shut."""
        if not all(verdict.allowed for verdict in self.verdicts):
            return None
        given = {one.signed: one for verdict in self.verdicts for one in verdict.given}
        glass = [verdict.break_glass for verdict in self.verdicts if verdict.break_glass]
        return Passed(tuple(given.values()), glass[0] if glass else None)


def demands(question: Question) -> bool:
    """Whether anything has to be asked at all: approvals, or a freeze that could hold."""
    case_digest = question.action == "up" and question.digest == question.base
    return not case_digest and any(
        gates.approvals.required or gates.freeze or question.deletions for gates in question.rules
    )


def check_gate(
    question: Question, *, project: Path, environ: Mapping[str, str], connect: Connect = ApprovalVault
) -> Passed:
    """Return what opened the gate; raise Refused, with who could approve and how, while it is shut.

    Raises Unavailable when Vault cannot be asked. An environment that demands nothing is not asked about.
    """
    if not demands(question):
        return Passed()
    found = look(question, project=project, environ=environ, connect=connect)
    if found.change is not None and found.change.dirty:
        raise Refused(dirty(question.settings.name, question.parent, found.change.dirty))
    passed = found.passed
    if passed is None:
        raise Refused("\n  ".join(refusal(question, found)))
    return passed


def look(
    question: Question, *, project: Path, environ: Mapping[str, str], connect: Connect = ApprovalVault
) -> Findings:
    """Ask Vault for statements, people and groups, git for authors, and the gate for its verdict."""
    settings = question.settings
    mount = settings.identity.oidc_mount if settings.identity is not None else None
    with connect(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        case = question.case(vault.now())
        counts = any(needed(gates, case) for gates in question.rules)
        change = read_change(project, question.standing.commit if question.standing else None) if counts else None
        if mount is None:
            return Findings(case, change, judge_all(question.rules, case, (), {}), {})
        accessor = vault.accessor(mount)
        if accessor is None:
            msg = f"Vault at {vault.address} has no auth method at {mount}, where approvers log in (docs/approvals.md)"
            raise Unavailable(msg)
        asked = sorted({group for gates in question.rules for group in groups_of(gates)})
        members = {group: vault.members(group, accessor) for group in asked}
        known = {group: found for group, found in members.items() if found is not None}
        statements = vault.statements(settings.vault.mounts.kv, question.parent)
        entities = {one.entity for one in statements}.union(*known.values())
        people = [one for entity in sorted(entities) if (one := vault.person(entity, accessor, known)) is not None]
        keyed = with_keys(vault, case.mount, people)
        login = vault.login(accessor)
    case = replace(
        case,
        authors=change.authors if change is not None else frozenset(),
        runners=frozenset({*case.runners, login.entity, login.name} - {""}),
    )
    verdicts = judge_all(question.rules, case, statements, keyed)
    return Findings(case, change, verdicts, keyed, tuple(group for group in asked if members[group] is None))


def groups_of(gates: Gates) -> tuple[str, ...]:
    """Return every group whose members' statements may count."""
    return tuple(dict.fromkeys((*gates.approvals.groups, *gates.break_glass.groups)))


def refusal(question: Question, found: Findings) -> list[str]:
    """Return why the gate is shut, who could open it and how, one line each."""
    env, verdict = question.settings.name, next(one for one in found.verdicts if not one.allowed)
    gates = question.rules[found.verdicts.index(verdict)] if len(found.verdicts) > 1 else question.rules[0]
    what = "removing everything" if question.action == "destroy" else "this release"
    lines = []
    if verdict.freeze is not None:
        lines.append(f"{env} of {question.parent} is frozen ({freeze_words(verdict.freeze)}); nothing was touched.")
    if len(verdict.given) < verdict.needed:
        asks = f"{env} of {question.parent} asks for {_count(verdict.needed, 'approval')} of {what} and has"
        lines.append(f"{asks} {len(verdict.given)}; nothing was touched.")
        lines += _who(question, found, verdict, gates)
    lines.append(f"release {question.digest}")
    lines += [f"counts: {_signed(one)}" for one in verdict.given]
    lines += [f"does not count: {_rejected(one)}" for one in verdict.rejected if one.why not in _PAST]
    if question.action == "up" and gates.break_glass.groups:
        some = " or ".join(gates.break_glass.groups)
        lines.append(f"in an emergency, as a member of {some}: aoa approve {env} --break-glass REASON")
    return lines


def _who(question: Question, found: Findings, verdict: Verdict, gates: Gates) -> list[str]:
    """Say who could still approve, and how."""
    env, groups = question.settings.name, gates.approvals.groups
    if not groups:
        return [f"nobody can approve: gates.approvals.groups of Pulumi.{env}.yaml is empty"]
    gone = {one.statement.approver.entity for one in verdict.given}
    writers, runs = identities(found.case.authors), identities(found.case.runners)
    able = sorted(
        person.name
        for person in found.people.values()
        if person.enabled
        and person.entity not in gone
        and person.groups.intersection(groups)
        and not identities([person.name, *person.emails]) & (writers | runs)
        and (not gates.approvals.keys or person.name in gates.approvals.keys)
    )
    missing = verdict.needed - len(verdict.given)
    lines = [f"{_count(missing, 'approval')} missing, of {' or '.join(groups)}: {_listed(able) or 'nobody known'}"]
    if unknown := [group for group in groups if group in found.unknown_groups]:
        remedy = f"`aoa approvals {env} --prepare`, and then its members log in"
        lines.append(f"Vault knows no group {' and '.join(unknown)} yet: {remedy}")
    if found.case.authors:
        lines.append(f"not of its authors: {_listed(sorted(found.case.authors))}")
    if question.deletions:
        lines.append(f"it deletes, and an approval has to name: {_listed(sorted(question.deletions))}")
    commit = found.change.commit[:12] if found.change is not None else "the same commit"
    option = " --destroy" if question.action == "destroy" else ""
    lines.append(f"how: log in to Vault as yourself, and at {commit} run `aoa approve {env}{option}`")
    if len(found.verdicts) > 1:
        lines.append("the change alters the gate itself, so the rules before it and after it both have to be met")
    return lines


def dirty(env: str, parent: str, files: tuple[str, ...]) -> str:
    """Say why uncommitted files keep the gate shut."""
    return (
        f"{env} of {parent} takes approvals, and these files are not committed, so nobody can say whose they "
        f"are; nothing was touched: {_listed(files)}. Commit them, or put them back"
    )


def _signed(one: Given) -> str:
    return f"{one.statement.approver.name}, signed {one.statement.issued}, until {one.statement.expires}"


def _rejected(one: Rejected) -> str:
    name = one.name or f"entity {one.stored.entity}"
    return f"{name} ({one.stored.nonce[:8]}): {one.why}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")
