"""Takes a failed update back where a child that failed asks for it (`onFailure: rollback`).

What became healthy at the new release stays: each dependency is healthy at its new version before what needs it is
touched, so the older dependents have lived with it already. Everything else comes back as the last release had it: what
failed, what waits for it, and what was not reached, because taking back is no time for rolling out. A child that
failed with `onFailure: stop` is left as it is for a look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app_of_apps.deploy.past import digest_of
from app_of_apps.deploy.report import CameBack, State, short
from app_of_apps.deploy.rollback import VARIABLE
from app_of_apps.errors import AppOfAppsError, Refused
from app_of_apps.release.plan import plan
from app_of_apps.release.restore import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.deploy.past import Past
    from app_of_apps.deploy.report import Report
    from app_of_apps.deploy.rollback import Rollback
    from app_of_apps.deploy.run import Told
    from app_of_apps.release.model import Release

_HEALTHY = frozenset({State.UP, State.CHANGED, State.UNCHANGED})
_BEGUN = frozenset({State.FAILED, State.UNFINISHED, State.UP, State.CHANGED})


def wants_rollback(release: Release, report: Report) -> bool:
    """Say whether a failed update is to be taken back: a child that failed asks for it. An interruption is none."""
    return not report.ok and not report.interrupted and bool(_asking(release, report))


def to_bring_back(release: Release, last: Release, report: Report) -> tuple[str, ...]:
    """Return the children that come back as the last release had them, sorted."""
    asking, layout = _asking(release, report), plan(release)
    waiting = {name for failed in asking for name in layout.dependents(failed)}
    states = {child.child: child.state for child in report.children}
    back = {
        name
        for name in release.by_name.keys() | last.by_name.keys()
        if name in asking
        or name in waiting
        or not (states.get(name) in _HEALTHY or states.get(name) in {State.FAILED, State.REMOVED})
    }
    return tuple(sorted(back))


def take_back(
    told: Told,
    release: Release,
    *,
    past: Callable[[], Past],
    compose: Callable[[Order, Past], Rollback],
    run: Callable[[Release, Mapping[str, str]], Told],
) -> Told:
    """Bring back what a failed update of ``release`` asks for, and return one story of both.

    ``run`` deploys a release with further variables for the engine. Whatever stands in the way of the rollback becomes
    part of the story, and never hides the update's own failure.
    """
    try:
        known = past()
        order = _order(release, known, told.report)
        made = compose(order, known)
        second = run(made.release, {VARIABLE: str(order)})
    except AppOfAppsError as error:
        return replace(told, report=replace(told.report, came_back=CameBack(refused=str(error))))
    begun = {child.child for child in told.report.children if child.state in _BEGUN}
    came_back = CameBack(
        number=made.target.number,
        release=short(made.target.digest),
        ok=second.report.ok,
        children=tuple(str(one) for one in made.restored.returns if one.child in begun),
        causes=second.report.causes,
        seconds=second.report.seconds,
        interrupted=second.report.interrupted,
    )
    output = "\n".join(filter(None, (told.output, second.output)))
    return replace(told, report=replace(told.report, came_back=came_back), output=output)


def _asking(release: Release, report: Report) -> frozenset[str]:
    failed = (child.child for child in report.children if child.state is State.FAILED)
    return frozenset(
        name
        for name in failed
        if name in release.by_name and getattr(release.by_name[name].spec, "on_failure", None) == "rollback"
    )


def _order(release: Release, past: Past, report: Report) -> Order:
    """Return what is to come back of the last success; Refused where there is none, or the attempt is unknown."""
    last, attempt = past.last, past.unfinished
    if attempt is None or digest_of(attempt) != release.digest:
        msg = "the evidence does not know the attempt that failed; bring all children back with `aoa rollback`"
        raise Refused(msg)
    return Order(last.number, to_bring_back(release, last.release(), report), int(attempt["sequence"]))
