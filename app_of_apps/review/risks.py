"""What a reviewer must not overlook, each with the rule that found it and the place in the files. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from app_of_apps.release.deletions import KEEPS_DATA
from app_of_apps.review.build import removal_words
from app_of_apps.review.drifted import words
from app_of_apps.review.model import GateState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app_of_apps.errors import Position
    from app_of_apps.objects.access_table import Change as AccessChange
    from app_of_apps.review.drifted import Drifted
    from app_of_apps.review.model import Child, Foreseen

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of risk."""

    id: str
    title: str
    level: Level
    help: str


FAILED: Final = Rule("preview-failed", "The preview failed", "error", "Nothing of it is deployed before it passes.")
MISSING: Final = Rule(
    "secret-missing", "A secret is missing in Vault", "error", "Write it to Vault before this is merged."
)
DATA: Final = Rule(
    "data-deleted", "Data would be deleted or let go of", "error", "Make sure that it is saved, or not needed."
)
DELETED: Final = Rule("child-removed", "A child would be removed", "warning", "Its namespace goes with all in it.")
WIDENED: Final = Rule("access-widened", "Somebody gains access", "warning", "Ask who needs it, and for how long.")
REPLACED: Final = Rule(
    "stateful-replaced", "What keeps data would be replaced", "error", "The old one goes, the new one is empty."
)
POLICY: Final = Rule("policy-violated", "A policy is violated", "error", "Change the manifest so that it holds.")
ADVICE: Final = Rule("policy-advice", "A policy advises against it", "warning", "See what the rule is for.")
INVALID: Final = Rule("invalid", "The files are not valid", "error", "Mend the file; `aoa validate` says the same.")
HALTED: Final = Rule("no-preview", "There is no preview", "error", "See the reason; nothing was touched.")
DRIFT: Final = Rule(
    "drift",
    "What stands is not what was deployed",
    "warning",
    "See who changed it (aoa drift), and whether it is meant to stay.",
)
RULES: Final = (FAILED, MISSING, DATA, DELETED, WIDENED, REPLACED, POLICY, ADVICE, INVALID, HALTED, DRIFT)

_NAMESPACE: Final = "Namespace"
_NAMED: Final = 3
"""Places of drift in one message."""


@dataclass(frozen=True, slots=True)
class Risk:
    """One thing that must not be overlooked."""

    rule: Rule
    about: str
    """What tells it from others of its rule, the same in every run."""
    message: str
    position: Position
    child: str | None = None


def risks(found: Foreseen) -> tuple[Risk, ...]:
    """Return every risk, errors first."""
    levels = ("error", "warning", "note")
    return tuple(sorted(_risks(found), key=lambda one: (levels.index(one.rule.level), RULES.index(one.rule))))


def access_words(one: AccessChange) -> str:
    """Say who gains or loses what."""
    children = ", ".join(one.children)
    return f"{one.subject} {one.change} {', '.join(one.verbs)} on {one.where} {one.target} of {children}"


def _risks(found: Foreseen) -> Iterator[Risk]:
    by_name = {child.name: child for child in found.children}
    yield from _failures(found, by_name)
    for child in found.children:
        for secret in child.secrets:
            if secret.change == "missing":
                yield Risk(
                    MISSING, secret.name, f"{child.name}: {secret.name} is not in Vault", secret.position, child.name
                )
        yield from _losses(child)
    for one in found.access:
        if one.change == "gains" and not _only_new(one, by_name):
            yield Risk(WIDENED, access_words(one), access_words(one), found.access_position)
    for broken in found.policies:
        whose = by_name.get(broken.child or "")
        rule, where = POLICY if broken.mandatory else ADVICE, whose.position if whose is not None else found.position
        yield Risk(rule, broken.words, f"policy {broken.words}", where, broken.child)
    for name, drifted in found.reality.counts if found.reality is not None else ():
        whose = by_name.get(name)
        where = whose.position if whose is not None else found.position
        yield Risk(DRIFT, name, _drift(name or found.parent, drifted), where, whose.name if whose is not None else None)


def _only_new(one: AccessChange, by_name: Mapping[str, Child]) -> bool:
    """Whether a gain is about new children alone: rules that stood before hold for them, too."""
    return all(name in by_name and by_name[name].change == "added" for name in one.children)


def _drift(name: str, drifted: Sequence[Drifted]) -> str:
    places = "; ".join(words(one) for one in drifted[:_NAMED])
    more = len(drifted) - _NAMED
    written = sum(one.touched for one in drifted)
    over = f"; {written} of them in what this release writes" if written else ""
    return f"{name}: {times(len(drifted), 'difference')}: {places}{f' and {more} more' if more > 0 else ''}{over}"


def times(number: int, thing: str) -> str:
    """Return ``1 difference``, ``2 differences``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _failures(found: Foreseen, by_name: Mapping[str, Child]) -> Iterator[Risk]:
    for cause in found.report.causes:
        child = by_name.get(cause.child or "")
        position = child.position if child is not None else found.position
        message = " ".join((cause.sentence, *cause.details))
        yield Risk(FAILED, cause.sentence, message, position, child.name if child is not None else None)


def _losses(child: Child) -> Iterator[Risk]:
    if child.change == "removed":
        keeps = child.removal is not None and child.removal.contents.keeps_data
        yield Risk(DATA if keeps else DELETED, child.name, removal_words(child), child.position, child.name)
        return
    for one in child.resources:
        if one.op == "replace" and one.kind in KEEPS_DATA | {_NAMESPACE}:
            why = ", ".join(one.reasons) or "the engine does not say why"
            yield Risk(REPLACED, one.where, f"{child.name}: {one.where} is replaced: {why}", child.position, child.name)
        elif one.op == "delete" and one.kind in KEEPS_DATA:
            fate = "let go of" if one.kept else "deleted"
            yield Risk(DATA, one.where, f"{child.name}: {one.where} is {fate}", child.position, child.name)


def headline(found: Foreseen) -> str:
    """Say in a few words whether it can be done."""
    if not found.report.ok:
        return "did not begin" if not any(child.resources for child in found.children) else "FAILED"
    if not found.touched and not found.around and not found.access:
        return "nothing to do"
    return "can be done" if found.gate.state is not GateState.SHUT else "could be done, and the gate is shut"
