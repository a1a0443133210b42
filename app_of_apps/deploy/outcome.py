"""Makes the parent's report of an operation from the engine's events and, where it can be read, the cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from app_of_apps import errors
from app_of_apps.approval.check import LOUD
from app_of_apps.deploy.diagnose import blockers, cause_of, look, read_facts, standing
from app_of_apps.deploy.events import name_of, type_of
from app_of_apps.deploy.redact import Redactor, one_line
from app_of_apps.deploy.report import Cause, ChildOutcome, Report, State
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.deploy.events import Policy
    from app_of_apps.deploy.facts import Facts, Reader
    from app_of_apps.deploy.health import Object
    from app_of_apps.deploy.ledger import Entry, Identity, Ledger
    from app_of_apps.graph.order import Plan
    from app_of_apps.release.model import Release, ResolvedChild

POLICY_CAUSE: Final = "policy "
"""How the message of a cause begins that is a rule of a policy pack."""

# The engine's own last words, which say that something failed and not what.
_EMPTY_WORDS = re.compile(
    r"^(error: )?(update|preview|destroy|refresh|resource operation|one or more operations?) (failed|is being|was)"
    r"|resource registration failed|step application failed|^error: preview failed"
    r"|operation was cancelled for|context canceled",
    re.IGNORECASE,
)
# What engine and providers wrap around the reason, one after the other.
_WRAPPING = tuple(
    re.compile(pattern)
    for pattern in (
        r"^\* ",
        r"^(?:\w+ing urn:pulumi:\S+: )?\d+ errors? occurred:$",
        r"^resource \"?urn:\S+ .*?failed to fully initialize or become live: ?",
        r"^sdk-v2/\S+: (?:sdk\.\w+: )?",
        r"^: provider=\S+$",
    )
)
_LAST_OF_TRACEBACK = re.compile(
    r"^(?:[\w.]+\.)?(?P<type>[A-Z]\w*(?:Error|Exception|[A-Z]\w*)): (?P<words>.+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the engine ended."""

    ok: bool
    seconds: float
    output: str = ""
    """The engine's own text, for when its events do not say why it failed."""
    interrupted: bool = False


def report_of(
    operation: str, release: Release, plan: Plan, *, ledger: Ledger, ending: Ending, kube: Reader | None
) -> Report:
    """Tell one operation as a report. ``kube`` is asked only when something failed; it may be None or unreachable."""
    facts, notes = None, []
    if not ending.ok and operation in {"up", "refresh"} and kube is not None:
        try:
            facts = read_facts(release, kube)
        except Unavailable as error:
            notes.append(f"The cluster cannot be read, so its own words are missing: {Redactor()(str(error))}")
    failed = {name for name, entry in ledger.entries.items() if entry.failed or entry.errors}
    unsettled = {} if failed or ending.ok or ending.interrupted else _unsettled(release, ledger, facts)
    failed.update(unsettled)
    children = [
        _child(child, ledger, plan, failed, operation=operation, ending=ending, facts=facts)
        for child in release.children
    ]
    children += _removed(release, ledger)
    causes = [
        cause_of(release, release.child(name), unsettled[name], facts, kube)
        if name in unsettled and facts is not None and kube is not None
        else _cause(release, name, ledger, facts, kube)
        for name in _in_order(plan, failed)
    ]
    causes += [_policy_cause(one, release, ledger) for one in dict.fromkeys(ledger.policies) if one.mandatory]
    if not ending.ok and not causes and not ending.interrupted:
        causes = [_program_cause(ledger, ending)]
    return Report(
        operation=operation,
        parent=release.parent,
        environment=release.environment,
        ok=ending.ok,
        causes=tuple(causes),
        children=tuple(children),
        release=release.digest,
        notes=tuple(notes),
        warnings=tuple(dict.fromkeys(one.text for one in ledger.messages if one.text.startswith(LOUD))),
        seconds=ending.seconds,
        interrupted=ending.interrupted,
    )


def _unsettled(release: Release, ledger: Ledger, facts: Facts | None) -> dict[str, Object | None]:
    """Return child → its object that is not healthy, of those that the program itself has waited for in vain.

    The provider may take old pods for new ones and report a success; then it is the program that finds out, and its own
    report is all that the engine knows.
    """
    told = f"of {release.parent} in {release.environment} FAILED"
    if facts is None or not any(told in message.text for message in ledger.messages):
        return {}
    looks = {child.name: look(child, facts) for child in release.children if ledger.entries[child.name].done}
    return {name: culprit for name, (state, culprit) in looks.items() if state is State.FAILED}


def _child(
    child: ResolvedChild,
    ledger: Ledger,
    plan: Plan,
    failed: set[str],
    *,
    operation: str,
    ending: Ending,
    facts: Facts | None,
) -> ChildOutcome:
    entry = ledger.entries[child.name]
    state = _state(child.name, ledger, operation=operation, ending=ending, failed=failed)
    because: tuple[str, ...] = ()
    stands = standing(child, facts) if facts else None
    if state is State.NOT_STARTED:
        because = blockers(plan, child.name, failed)
        if facts is not None and look(child, facts)[0] is State.UP:
            # Nothing of it differs from what stands: there was nothing to start.
            state, because = State.UNCHANGED, ()
        elif because:
            state = State.BLOCKED
    return ChildOutcome(
        child=child.name,
        team=child.spec.team,
        type=child.spec.type,
        state=state,
        version=child.version,
        standing=stands,
        because=because,
        changes=entry.counted(),
        detail=f"{entry.drifted} differed from the state" if entry.drifted else "",
        seconds=entry.seconds,
    )


def _state(name: str, ledger: Ledger, *, operation: str, ending: Ending, failed: set[str]) -> State:
    entry = ledger.entries[name]
    if name in failed:
        return State.FAILED
    if entry.working:
        return State.UNFINISHED
    if not entry.done:
        # Destroy and refresh have steps only for what is in the state.
        return State.UNCHANGED if ending.ok else State.NOT_STARTED
    if not ending.ok and operation != "destroy" and not ledger.complete(name):
        return State.UNFINISHED
    if not entry.counted() and not entry.drifted:
        return State.UNCHANGED
    return {"up": State.UP, "destroy": State.REMOVED}.get(operation, State.CHANGED)


def _removed(release: Release, ledger: Ledger) -> Iterable[ChildOutcome]:
    known = {child.name for child in release.children}
    for name, entry in ledger.entries.items():
        if name not in known and (entry.done or entry.failed):
            state = State.FAILED if entry.failed else State.REMOVED
            yield ChildOutcome(name, "", "", state, changes=entry.counted(), seconds=entry.seconds)


def _in_order(plan: Plan, names: set[str]) -> list[str]:
    return [name for name in plan.order if name in names] + sorted(names - set(plan.order))


def _cause(release: Release, name: str, ledger: Ledger, facts: Facts | None, kube: Reader | None) -> Cause:
    entry = ledger.entries[name]
    urn, said = _first_failure(entry)
    identity = ledger.identity(urn, urn.rpartition("::")[2])
    try:
        child = release.child(name)
    except KeyError:  # a child that this release no longer has
        return Cause(one_line(said), name, "", None, identity.kind, identity.namespace, identity.name)
    culprit = _find(identity, child, facts) if facts else None
    if culprit is not None and facts is not None and kube is not None:
        cause = cause_of(release, child, culprit, facts, kube)
        known = " ".join((cause.message, *cause.details))
        more = tuple(f"engine: {line}" for line in _engine_lines(said) if not _says(known, line))
        return replace(cause, details=(*cause.details, *more[:2]))
    team = child.spec.team
    contact = release.teams[team].contact if team in release.teams else None
    lines = _engine_lines(said)
    if lines and not type_of(urn).startswith("kubernetes:"):
        lines = [one_line(" ".join(lines), limit=400)]  # Vault's answer is spread over lines that mean nothing alone
    return Cause(
        lines[0] if lines else "the engine does not say why",
        name,
        team,
        contact,
        identity.kind,
        identity.namespace,
        identity.name,
        tuple(f"engine: {line}" for line in lines[1:]),
    )


def _first_failure(entry: Entry) -> tuple[str, str]:
    """Return the URN that failed first and everything that was said about it."""
    urns = [*entry.failed, *(message.urn for message in entry.errors)]
    urn = urns[0]
    return urn, "\n".join(message.text for message in entry.errors if message.urn == urn)


def _engine_lines(said: str) -> list[str]:
    lines = [one_line(line, limit=600) for line in said.splitlines()]
    for pattern in _WRAPPING:
        lines = [pattern.sub("", line) for line in lines]
    return [line for line in dict.fromkeys(lines) if line and not _EMPTY_WORDS.search(line)][:6]


def _says(known: str, line: str) -> bool:
    """Whether a line of the engine adds nothing: its last part was read from the cluster already."""
    return line.rpartition("]")[2].strip() in known


def _find(identity: Identity, child: ResolvedChild, facts: Facts) -> Object | None:
    """Return the object of a failed resource; where it has no health of its own, the first unhealthy one beside it."""
    for item in facts.of(identity.namespace or child.namespace):
        if item.get("kind") == identity.kind and item["metadata"]["name"] == identity.name:
            return item
    return None


def error_type(text: str) -> type[errors.AppOfAppsError] | None:
    """Return which of our errors a message of the program tells of: its first word names the type."""
    found = getattr(errors, text.partition(":")[0].strip(), None)
    return found if isinstance(found, type) and issubclass(found, errors.AppOfAppsError) else None


def _without_type(text: str) -> str:
    return text.partition(":")[2].strip() if error_type(text) else text


def _policy_cause(broken: Policy, release: Release, ledger: Ledger) -> Cause:
    """Say which rule of a policy pack does not hold, and for what."""
    name = ledger.family.child(broken.urn) if broken.urn else None
    team = release.by_name[name].spec.team if name is not None and name in release.by_name else None
    about = f"{type_of(broken.urn).rpartition(':')[2]} {name_of(broken.urn)}: " if broken.urn else ""
    return Cause(
        f"{POLICY_CAUSE}{broken.policy}: {about}{one_line(broken.text)}",
        child=name,
        team=team,
        contact=release.teams[team].contact if team is not None and team in release.teams else None,
        next_steps=("Change the manifest so that the policy holds; docs/policy.md tells of each rule.",),
    )


def _program_cause(ledger: Ledger, ending: Ending) -> Cause:
    """Say why the program or the engine itself ended: its error, without the traceback."""
    errors = [message for message in ledger.messages if message.severity == "error"]
    texts = [message.text for message in errors] + [
        message.text for message in ledger.messages if message not in errors
    ]
    texts.append("\n".join(line for line in ending.output.splitlines() if line.startswith("error:")))
    for text in texts:
        found = list(_LAST_OF_TRACEBACK.finditer(text)) if "Traceback" in text else []
        if found:
            last = found[-1]
            return Cause(last["words"], details=tuple(text[last.end() :].strip().splitlines()[:20]))
        lines = [line.strip() for line in text.splitlines() if line.strip() and not _EMPTY_WORDS.search(line.strip())]
        if lines:
            return Cause(_without_type(lines[0].removeprefix("error: ")), details=tuple(lines[1:20]))
    return Cause("the engine failed and does not say why; --engine-output shows all that it printed")
