"""What the rules of an environment said of a release that began: they stand in its record. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.evidence.record import PolicyVerdict

if TYPE_CHECKING:
    from app_of_apps.approval.check import Passed
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.deletions import Deletions


def verdicts(
    settings: Environment, passed: Passed, deletions: Deletions | None, *, references: int | None
) -> tuple[PolicyVerdict, ...]:
    """Return the verdict of every rule that an attempt passed, in order of name.

    ``deletions`` is None where nothing was asked about them, ``references`` the number of keys in Vault that were
    looked for, None where none was.
    """
    gates, glass = settings.gates, passed.break_glass
    around = None if glass is None else f"gone around by {glass.statement.approver.name}"
    said = {
        "environment-guard": "passed",
        "images-pinned": "passed" if settings.images.pinned else "not asked for",
        "approvals": around or _approvals(gates.approvals.required, passed),
        "freeze": (around or "passed") if gates.freeze else "no window",
    }
    if deletions is not None:
        said["deletion-budget"] = _deletions(deletions, gates.deletions.budget, passed)
    if references is not None:
        said["secret-references"] = f"passed: {references} looked for"
    return tuple(PolicyVerdict(policy=name, verdict=said[name]) for name in sorted(said))


def _approvals(required: int, passed: Passed) -> str:
    if passed.names:
        return f"passed: {', '.join(passed.names)}"
    return "passed: approved before" if required else "not asked for"


def _deletions(deletions: Deletions, budget: int, passed: Passed) -> str:
    if not deletions:
        return "passed: nothing goes"
    agreed = sorted(passed.deletions.intersection(deletions.children))
    allowed = f"agreed to: {', '.join(agreed)}" if agreed else f"budget {budget}"
    return f"passed: {', '.join(deletions.children)} ({allowed})"
