"""Makes the parent's report from a release and its cluster alone, without a word from the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.deploy.explain import explain
from app_of_apps.deploy.facts import Facts, digest_of, read, warnings
from app_of_apps.deploy.health import Level, Object, health
from app_of_apps.deploy.redact import Redactor
from app_of_apps.deploy.report import Cause, ChildOutcome, Report, State
from app_of_apps.errors import Unavailable
from app_of_apps.release.plan import plan as plan_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.deploy.facts import Reader
    from app_of_apps.graph.order import Plan
    from app_of_apps.release.model import Release, ResolvedChild

_FOREIGN = ("chart", "manifests")
# The kind that a child of each type is; children of other types are whatever their authors wrote.
MAIN_KINDS: Mapping[str, tuple[str, ...]] = {
    "service": ("Deployment",),
    "worker": ("Deployment",),
    "migration": ("Job",),
    "cronjob": ("CronJob",),
}


def diagnose(release: Release, kube: Reader, *, operation: str = "up") -> Report:
    """Compare the cluster with the release and say who is to blame, who waits and who is well.

    Never raises because of the cluster: what cannot be read is a note in the report, so that a failure to diagnose
    never hides the failure itself.
    """
    plan = plan_of(release)
    try:
        facts = read_facts(release, kube)
    except Unavailable as error:
        return Report(
            operation=operation,
            parent=release.parent,
            environment=release.environment,
            ok=False,
            children=tuple(_outcome(child, State.UNKNOWN) for child in release.children),
            release=release.digest,
            notes=(f"The cluster cannot be read: {Redactor()(str(error))}",),
        )
    found = {child.name: look(child, facts) for child in release.children}
    states = _with_blocked(plan, found)
    failed = [child for child in release.children if states[child.name] is State.FAILED]
    return Report(
        operation=operation,
        parent=release.parent,
        environment=release.environment,
        ok=all(state in {State.UP, State.UNCHANGED, State.CHANGED} for state in states.values()),
        causes=tuple(cause_of(release, child, found[child.name][1], facts, kube) for child in failed),
        children=tuple(
            _outcome(
                child,
                states[child.name],
                standing=standing(child, facts),
                because=blockers(plan, child.name, {one.name for one in failed}),
            )
            for child in release.children
        ),
        release=release.digest,
    )


def read_facts(release: Release, kube: Reader) -> Facts:
    """Read what the cluster holds for a release; raises Unavailable."""
    return read(
        kube,
        release.parent,
        [child.namespace for child in release.children],
        foreign=[child.namespace for child in release.children if child.spec.type in _FOREIGN],
    )


def cause_of(release: Release, child: ResolvedChild, culprit: Object | None, facts: Facts, kube: Reader) -> Cause:
    """Put the reason why a child is not healthy into words: the object's, its pods', its events'."""
    redact, team = Redactor(), child.spec.team
    contact = release.teams[team].contact if team in release.teams else None
    if culprit is None:
        return Cause("one of its objects is not healthy", child.name, team, contact)
    try:
        events = warnings(kube, child.namespace)
    except Unavailable:
        events = ()
    words = explain(culprit, facts.pods.get(child.namespace, ()), events)
    kind, name = str(culprit.get("kind")), str(culprit["metadata"]["name"])
    context = release.cluster.context
    look = words.logs or f"describe {kind.lower()} -n {child.namespace} {name}"
    return Cause(
        redact(words.message),
        child.name,
        team,
        contact,
        kind,
        child.namespace,
        name,
        tuple(redact(line) for line in words.details),
        (f"Look: kubectl --context {context} {look}",),
    )


def blockers(plan: Plan, child: str, failed: set[str]) -> tuple[str, ...]:
    """Return the way from a failed child to what this one waits for directly; nothing when none of its needs failed."""
    if child in failed:
        return ()
    for need in plan.edges.get(child, ()):
        if need in failed:
            return (need,)
        way = blockers(plan, need, failed)
        if way:
            return (*way, need)
    return ()


def standing(child: ResolvedChild, facts: Facts) -> str | None:
    """Return the version that runs where it is not the release's; None when nothing runs or it is the same."""
    for item in facts.of(child.namespace):
        if item.get("kind") in {"Deployment", "CronJob", "StatefulSet", "DaemonSet"}:
            version = (item["metadata"].get("labels") or {}).get("app.kubernetes.io/version")
            if version and digest_of(item) != child.digest:
                return str(version)
    return None


def look(child: ResolvedChild, facts: Facts) -> tuple[State, Object | None]:
    """Say what one child looks like by itself, and the first of its objects that is not healthy."""
    items = facts.of(child.namespace)
    # What stands at another digest belongs to an earlier release: it was not reached, and is nobody's fault now.
    reached = [item for item in items if digest_of(item) == child.digest]
    for level in (Level.FAILED, Level.PROGRESSING):
        for item in reached:
            if health(item).level is level:
                return State.FAILED, item
    main = MAIN_KINDS.get(child.spec.type)
    if reached and (main is None or any(item.get("kind") in main for item in reached)):
        return State.UP, None
    if main is None and not items:
        return State.UNKNOWN, None  # a chart or plain YAML without a workload: nothing that could be asked
    return (State.UNFINISHED if reached else State.NOT_STARTED), None


def _with_blocked(plan: Plan, found: Mapping[str, tuple[State, Object | None]]) -> dict[str, State]:
    states = {name: state for name, (state, _) in found.items()}
    failed = {name for name, state in states.items() if state is State.FAILED}
    for name, state in states.items():
        if state is State.NOT_STARTED and blockers(plan, name, failed):
            states[name] = State.BLOCKED
    return states


def _outcome(
    child: ResolvedChild, state: State, *, standing: str | None = None, because: tuple[str, ...] = ()
) -> ChildOutcome:
    return ChildOutcome(
        child=child.name,
        team=child.spec.team,
        type=child.spec.type,
        state=state,
        version=child.version,
        standing=standing,
        because=because if state is State.BLOCKED else (),
    )
