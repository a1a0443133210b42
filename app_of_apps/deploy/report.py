"""The parent's report: what an operation did, told once, beginning with the root cause.

Pure: data in, text out. ``diagnose`` makes a report from a cluster alone, ``outcome`` from the engine's events and the
cluster together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

REPORT_FORMAT = "app-of-apps/report/v1"


class State(StrEnum):
    """How one child stands at the end of an operation."""

    UP = "up"
    """Healthy at the version of this release, changed by this operation or looked at in the cluster."""
    UNCHANGED = "unchanged"
    """Nothing of it differed; it was left alone."""
    CHANGED = "changed"
    """Its objects were changed, and it has no workload that could be healthy or not."""
    FAILED = "failed"
    """The operation ended on it."""
    UNFINISHED = "unfinished"
    """Its own objects were being changed when the operation ended for another reason."""
    BLOCKED = "blocked"
    """Not started, because a child that it needs is not healthy."""
    NOT_STARTED = "not started"
    """Not started, and nothing that it needs is to blame."""
    REMOVED = "removed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the operation did not end well."""

    message: str
    """The words of the container, the Job, the event or the engine; one line."""
    child: str | None = None
    """None when it is not about one child: the guard, the manifest, the engine."""
    team: str | None = None
    contact: str | None = None
    kind: str | None = None
    """Kubernetes' or Vault's kind of the object, such as ``Job``."""
    namespace: str | None = None
    name: str | None = None
    details: tuple[str, ...] = ()
    """Further lines: the engine's message, events."""
    next_steps: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say who, what and why in one sentence."""
        where = "/".join(part for part in (self.namespace, self.name) if part)
        thing = f"{self.kind} {where}" if self.kind else ""
        if self.child is None:
            return f"{thing}: {self.message}" if thing else self.message
        team = ", ".join(part for part in (f"team {self.team}" if self.team else "", self.contact) if part)
        whose = f"{self.child} ({team})" if team else self.child
        return f"{whose}: {thing + ': ' if thing else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class ChildOutcome:
    """What an operation did to one child."""

    child: str
    team: str
    """Empty, like ``type``, for a child that the release no longer has."""
    type: str
    state: State
    version: str | None = None
    standing: str | None = None
    """The version that runs in the cluster where it is not the release's one."""
    because: tuple[str, ...] = ()
    """For a blocked child: what it waits for, the root first."""
    changes: tuple[tuple[str, int], ...] = ()
    """How many of its objects were created, updated, replaced, deleted; in this order."""
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CameBack:
    """How a failed update was taken back by itself (`onFailure: rollback`), or why it was not."""

    number: int = 0
    """The number of the release that came back."""
    release: str = ""
    """Its short digest."""
    ok: bool = False
    children: tuple[str, ...] = ()
    """What came back of what the update had begun, in words."""
    causes: tuple[Cause, ...] = ()
    """Why the rollback failed, too."""
    seconds: float | None = None
    interrupted: bool = False
    refused: str = ""
    """Why it was not begun."""


@dataclass(frozen=True, slots=True)
class Report:
    """One operation on one environment. ``children`` are in dependency order."""

    operation: str
    parent: str
    environment: str
    ok: bool
    causes: tuple[Cause, ...] = ()
    children: tuple[ChildOutcome, ...] = ()
    release: str | None = None
    notes: tuple[str, ...] = field(default=())
    """What could not be found out, and why."""
    seconds: float | None = None
    interrupted: bool = False
    came_back: CameBack | None = None
    deletions: tuple[str, ...] = ()
    """What the release removes from what stood before, a line per child (`app_of_apps.release.deletions`)."""
    warnings: tuple[str, ...] = ()
    """What has to be said aloud: that somebody went around the gate."""


_VERBS = {
    "explain": ("is healthy", "is NOT healthy"),
    "preview": ("can be done", "FAILED"),
}
_LINE = {
    State.UP: "up",
    State.CHANGED: "changed",
    State.UNCHANGED: "stands unchanged",
    State.UNFINISHED: "begun, not finished",
    State.BLOCKED: "blocked, not started",
    State.NOT_STARTED: "not started",
    State.REMOVED: "removed",
    State.UNKNOWN: "not known",
}
_ORDER = (
    State.BLOCKED,
    State.NOT_STARTED,
    State.UNFINISHED,
    State.UP,
    State.CHANGED,
    State.UNCHANGED,
    State.REMOVED,
    State.UNKNOWN,
)


_PREVIEW_LINE = {
    State.CHANGED: "would change",
    State.UNCHANGED: "would stay as they are",
    State.REMOVED: "would be removed",
}


def render(report: Report) -> str:
    """Write the report as plain text, the root cause first; ends without a newline."""
    lines = [_headline(report), *report.warnings]
    if report.causes:
        lines += ["", _causes_heading(report)]
        for cause in report.causes:
            lines.append(f"  {cause.sentence}")
            lines += [f"    {line}" for detail in cause.details for line in detail.splitlines()]
    lines += _came_back(report)
    if report.deletions:
        heading = "WOULD BE DELETED" if report.operation == "preview" else "DELETED BY THIS RELEASE"
        lines += ["", heading, *(f"  {line}" for line in report.deletions)]
    for state in _ORDER:
        found = [child for child in report.children if child.state is state]
        if found:
            words = _LINE | (_PREVIEW_LINE if report.operation == "preview" else {})
            lines += ["", f"{words[state].upper()} ({len(found)})"]
            lines += [f"  {_child_line(child)}" for child in found]
    steps = next_steps(report)
    if steps:
        lines += ["", "WHAT TO DO NEXT", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))]
    if report.notes:
        lines += ["", "NOT KNOWN", *(f"  {note}" for note in report.notes)]
    return "\n".join(lines)


def next_steps(report: Report) -> tuple[str, ...]:
    """Return what a person can do now, most useful first; nothing after a success."""
    if report.ok:
        return ()
    steps = [step for cause in report.causes for step in cause.next_steps]
    if report.came_back is not None and not report.came_back.ok and not report.came_back.refused:
        steps.append(f"Bring all children back to the last healthy release: `aoa rollback {report.environment}`.")
    blocked = [child.child for child in report.children if child.state in {State.BLOCKED, State.NOT_STARTED}]
    again = f"Run `aoa {'up' if report.operation == 'explain' else report.operation} {report.environment}` again"
    if report.interrupted:
        steps.append(f"{again}: it goes on from where it was stopped.")
    elif any(cause.child for cause in report.causes):
        teams = dict.fromkeys(
            f"{cause.team} ({cause.contact})" if cause.contact else str(cause.team)
            for cause in report.causes
            if cause.team
        )
        steps.append(f"Have team {' and team '.join(teams)} mend it; nothing else has to be undone.")
        rest = f"; what was held back goes on by itself ({', '.join(blocked)})" if blocked else ""
        steps.append(f"{again}{rest}.")
    elif report.causes:
        steps.append(f"{again} when the cause is gone.")
    return tuple(dict.fromkeys(steps))


def to_json(report: Report) -> dict[str, Any]:
    """Return the report in its versioned JSON shape; see docs/cli-reference.md."""
    return {
        "format": REPORT_FORMAT,
        "operation": report.operation,
        "parent": report.parent,
        "environment": report.environment,
        "release": report.release,
        "ok": report.ok,
        "interrupted": report.interrupted,
        "seconds": report.seconds,
        "causes": [
            {
                "sentence": cause.sentence,
                "child": cause.child,
                "team": cause.team,
                "contact": cause.contact,
                "object": {"kind": cause.kind, "namespace": cause.namespace, "name": cause.name},
                "message": cause.message,
                "details": list(cause.details),
            }
            for cause in report.causes
        ],
        "deletions": list(report.deletions),
        "children": [
            {
                "name": child.child,
                "team": child.team,
                "type": child.type,
                "state": str(child.state),
                "version": child.version,
                "standing": child.standing,
                "because": list(child.because),
                "changes": dict(child.changes),
                "detail": child.detail,
                "seconds": child.seconds,
            }
            for child in report.children
        ],
        "next": list(next_steps(report)),
        "notes": list(report.notes),
        "warnings": list(report.warnings),
        "cameBack": _came_back_json(report.came_back),
    }


def _came_back_json(found: CameBack | None) -> dict[str, Any] | None:
    return (
        None
        if found is None
        else {
            "ok": found.ok,
            "number": found.number or None,
            "release": found.release or None,
            "children": list(found.children),
            "causes": [cause.sentence for cause in found.causes],
            "seconds": found.seconds,
            "interrupted": found.interrupted,
            "refused": found.refused or None,
        }
    )


def _came_back(report: Report) -> list[str]:
    """Return the lines about what came back by itself."""
    found = report.came_back
    if found is None:
        return []
    if found.refused:
        return ["", "NOT ROLLED BACK", *(f"  {line.strip()}" for line in found.refused.splitlines())]
    took = f" after {duration(found.seconds)}" if found.seconds is not None else ""
    what = f"release {found.number} ({found.release})"
    if found.ok:
        return ["", f"ROLLED BACK to {what}{took}", *(f"  {line}" for line in found.children)]
    verdict = "WAS INTERRUPTED" if found.interrupted else "FAILED, TOO"
    lines = [f"  {line}" for cause in found.causes for line in (cause.sentence, *(f"  {one}" for one in cause.details))]
    return ["", f"THE ROLLBACK to {what} {verdict}{took}", *lines]


def _untouched(report: Report) -> bool:
    """Whether the program or the engine said no before anything of a child was begun."""
    states = {child.state for child in report.children}
    return states <= {State.NOT_STARTED, State.UNCHANGED} and all(cause.child is None for cause in report.causes)


def _causes_heading(report: Report) -> str:
    if report.interrupted:
        return "WHAT IT WAITED FOR WHEN IT WAS INTERRUPTED"
    return "ROOT CAUSE" if len(report.causes) == 1 else f"ROOT CAUSES ({len(report.causes)}, independent)"


def _headline(report: Report) -> str:
    good, bad = _VERBS.get(report.operation, ("succeeded", "FAILED"))
    verdict = good if report.ok else "was INTERRUPTED" if report.interrupted else bad
    if not report.ok and report.causes and _untouched(report):
        verdict = "did NOT begin, nothing was touched"
    took = f" after {duration(report.seconds)}" if report.seconds is not None else ""
    if report.came_back is not None and report.came_back.ok:
        took += " and was rolled back"
    release = f" · release {short(report.release)}" if report.release else ""
    what = "" if report.operation == "explain" else f"{report.operation} of "
    return f"{what}{report.parent} in {report.environment} {verdict}{took}{release}"


def _child_line(child: ChildOutcome) -> str:
    # Of a child that the release no longer has only the name is known.
    words = [child.child, f"(team {child.team})", child.type] if child.team else [child.child]
    if child.version:
        words.append(child.version)
    line = " ".join(words)
    if child.standing and child.standing != child.version:
        line += f", {child.standing} keeps running"
    if child.because:
        line += f": waits for {' → '.join(child.because)}"
    if child.changes:
        line += ": " + ", ".join(f"{count} {what}" for what, count in child.changes)
    return line + (f": {child.detail}" if child.detail else "")


def duration(seconds: float) -> str:
    """Write seconds as people do: ``4s``, ``3m20s``, ``2h05m``."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"  # noqa: PLR2004


def short(digest: str) -> str:
    """Return the first twelve hexadecimal digits of a digest, which is how records are named."""
    return digest.rpartition(":")[2][:12]
