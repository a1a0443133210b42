"""What there is to read about a change, in order, with its values apart from our own words (`page_model`). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.report import next_steps, short
from app_of_apps.review.model import Confidence, Foreseen, GateState
from app_of_apps.review.page_model import Page, Piece, Row, Section, Value
from app_of_apps.review.page_reality import drift_fact, drift_rows, waiting_fact, waiting_rows
from app_of_apps.review.risks import access_words, headline, risks, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.review.model import Child, Field, Halted, Outcome, Resource, Secret

_MARKS: Final = {"added": "+", "removed": "-", "changed": "~", "unchanged": "="}
_DONE: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
_SHOWN: Final = 15
"""Risks above the details; errors come first."""
_SIGNS: Final = {"gains": "+ ", "loses": "- "}


def page(outcome: Outcome) -> Page:
    """Return what there is to read."""
    return _page(outcome) if isinstance(outcome, Foreseen) else _halted(outcome)


def _page(found: Foreseen) -> Page:
    touched, still = found.touched, len(found.children) - len(found.touched)
    children = [_child_row(child) for child in touched]
    if still == 1:
        children.append(Row(("= 1 child stays as it is",)))
    elif still:
        children.append(Row((f"= {still} children stay as they are",)))
    return Page(
        parent=found.parent,
        environment=found.environment,
        title=("Preview of ", Value(f"{found.parent} in {found.environment}"), f": {headline(found)}"),
        facts=tuple(_facts(found)),
        children=tuple(children),
        sections=tuple(one for one in _sections(found) if one.rows),
    )


def _halted(halted: Halted) -> Page:
    if halted.problems:
        rows = [
            Row(
                (
                    Value(str(one.position)),
                    ": ",
                    *((Value(one.path), ": ") if one.path else ()),
                    Value(one.message),
                    *((" ", Value(one.hint)) if one.hint else ()),
                )
            )
            for one in halted.problems
        ]
    else:
        rows = [*_lines(halted.message.splitlines())]
    return Page(
        parent=halted.parent,
        environment=halted.environment,
        title=("Preview of ", Value(f"{halted.parent} in {halted.environment}"), ": there is none"),
        facts=(Row((f"{halted.kind}: nothing was touched",)),),
        children=(),
        sections=(Section(("Why",), tuple(rows), 100, unfolded=True),),
    )


def _facts(found: Foreseen) -> Iterator[Row]:
    base = (", on top of ", Value(found.base)) if found.base else (", where nothing stands yet",)
    yield Row(("release ", Value(short(found.release)), *base, "; preview ", Value(short(found.digest))))
    first = found.gate.lines[0] if found.gate.lines else ""
    yield Row((f"gate: {found.gate.state}", *((", ", Value(first)) if first else ())))
    known = ", ".join(f"{count} {word}" for word, count in found.confidence) or "nothing to predict"
    more = (
        f"; {len(found.unknown)} things could not be found out"
        if len(found.unknown) > 1
        else "; one thing could not be found out"
    )
    yield Row((f"confidence: {known}{more if found.unknown else ''}",))
    yield from drift_fact(found)
    yield from waiting_fact(found)


def _child_row(child: Child) -> Row:
    team: tuple[Piece, ...] = (" (team ", Value(child.team), ")") if child.team else ()
    kind: tuple[Piece, ...] = (" ", Value(" ".join(filter(None, (child.type, child.version))))) if child.type else ()
    told: list[Piece] = []
    # Of a child that comes or goes its words say no more than that.
    if child.change == "changed":
        for word in child.words[:2]:
            told += ["; ", Value(word)]
        if len(child.words) > 2:  # noqa: PLR2004 - the two that were shown
            told.append(f"; and {len(child.words) - 2} more")
    told += [f"; {word}" for word in _counted(child)]
    if child.pods and child.change == "changed":
        told.append(f"; {child.pods}")
    if missing := sum(one.change == "missing" for one in child.secrets):
        told.append(f"; {missing} secret{'s' if missing > 1 else ''} missing")
    if child.confidence is not Confidence.EXACT:
        told.append(f"; {child.confidence}")
    verb = {"added": "comes", "removed": "goes"}.get(child.change, "")
    head = f": {verb}" if verb else ":"
    rest = tuple(told) if verb or not told else (str(told[0]).replace("; ", " ", 1), *told[1:])
    return Row((f"{_MARKS[child.change]} ", Value(child.name), *team, *kind, head, *rest))


def _counted(child: Child) -> Iterator[str]:
    quiet = sum(one.marked for one in child.resources)
    for op, count in child.counts:
        left = count - quiet if op == "update" else count
        if left:
            yield f"{left} {_DONE[op]}"
    if quiet:
        yield f"{quiet} only marked with the release"


def _sections(found: Foreseen) -> Iterator[Section]:
    every = risks(found)
    rows = tuple(Row((f"{one.rule.level}: {one.rule.title}: ", Value(one.message))) for one in every)
    more, rest = (Row((f"and {len(rows) - _SHOWN} more, below",)),), rows[_SHOWN:]
    yield Section(("Look at this",), (*rows[:_SHOWN], *more) if rest else rows, 100, unfolded=True)
    yield Section(("Look at this, too",), rest, 85)
    if not found.report.ok:
        yield Section(("What to do next",), _lines(next_steps(found.report)), 95, unfolded=True)
    if found.gate.state is GateState.SHUT or len(found.gate.lines) > 1:
        yield Section((f"Gate: {found.gate.state}",), _lines(found.gate.lines), 90)
    yield Section(("Access",), tuple(_access(found)), 80)
    yield Section(("Could not be found out",), _lines(found.unknown), 75)
    yield Section(("Warnings",), _lines(found.warnings), 70)
    if found.reality is not None:
        differences = times(len(found.reality.differences), "difference")
        yield Section((f"Drift: {differences} from what was deployed",), tuple(drift_rows(found.reality)), 65)
    yield Section(("Outside of the children",), _lines(found.words), 60)
    risky = {one.child for one in every}
    for child in found.touched:
        importance = 55 if child.name in risky else 50 if child.change != "added" else 40
        title = (
            f"{_MARKS[child.change]} ",
            Value(child.name),
            *((" (team ", Value(child.team), ")") if child.team else ()),
        )
        yield Section(title, tuple(_child_rows(child)), importance)
    if found.waiting is not None:
        yield Section(("Cost of waiting",), tuple(waiting_rows(found.waiting)), 35)
    yield Section(("Left over, in no release that succeeded",), _lines(found.left_over), 30)
    yield Section(("Of the parent itself",), tuple(_resources(found.around)), 20)


def _access(found: Foreseen) -> Iterator[Row]:
    """Yield who gains or loses what; of children that come or go, only how much."""
    fate = {one.name: one.change for one in found.children if one.change in {"added", "removed"}}
    counted: dict[tuple[str, str, str], int] = {}
    for one in found.access:
        if set(one.children) <= fate.keys():
            key = one.subject, one.change, ", ".join(one.children)
            counted[key] = counted.get(key, 0) + 1
        else:
            yield Row((_SIGNS[one.change], Value(access_words(one))))
    for (subject, change, names), count in counted.items():
        verb = "comes" if change == "gains" else "goes"
        told = f" {change} rights on {count} kind{'s' if count != 1 else ''} of things, because it {verb}: "
        yield Row((_SIGNS[change], Value(subject), told, Value(names)))


def _child_rows(child: Child) -> Iterator[Row]:
    yield from (Row((Value(word),)) for word in child.words)
    if child.needs and child.change == "added":
        yield Row(("waits for ", Value(", ".join(child.needs))))
    if child.pods:
        yield Row((child.pods,))
    # Of a changed child the words above name what it reads.
    yield from (_secret(one) for one in child.secrets if child.change != "changed" or one.change == "missing")
    yield from _resources(child.resources)


def _secret(secret: Secret) -> Row:
    words = {"added": "reads one more secret ", "removed": "no longer reads the secret ", "missing": "MISSING secret "}
    return Row((words[secret.change], Value(secret.name)))


def _resources(resources: Iterable[Resource]) -> Iterator[Row]:
    quiet = []
    for one in resources:
        if one.marked:
            quiet.append(one)
            continue
        told: list[Piece] = [f"{one.op} ", Value(one.where)]
        if one.kept:
            told.append(", which stays where it is")
        if one.restarts:
            told.append(", its pods restart")
        if one.confidence is not Confidence.EXACT:
            told.append(f" ({one.confidence})")
        yield Row(tuple(told))
        for field in one.fields:
            yield Row(_field(field), 1)
    if quiet:
        kinds = ", ".join(dict.fromkeys(one.kind for one in quiet))
        yield Row((f"{len(quiet)} more get the marks of the new release and nothing else: ", Value(kinds)))
    whys: dict[str, int] = {}
    for one in resources:
        if one.why:
            whys[f"{one.confidence}: {one.why}"] = whys.get(f"{one.confidence}: {one.why}", 0) + 1
    yield from (Row((f"{count} {why}",)) for why, count in whys.items())


def _field(field: Field) -> tuple[Piece, ...]:
    told: list[Piece] = [Value(field.path)]
    if field.secret:
        told.append(" differs; what may be secret is not shown")
    elif field.change == "added":
        told += [" added: ", _after(field)]
    elif field.change == "removed":
        told += [" removed", *((": ", Value(field.before)) if field.before is not None else ())]
    elif field.before is None and field.after is None:
        told.append(" changes")
    else:
        told += [": ", *((Value(field.before),) if field.before is not None else ("nothing",)), " → ", _after(field)]
    if field.replaces:
        told.append(" (for this it is replaced)")
    return tuple(told)


def _after(field: Field) -> Piece:
    if field.unknown:
        return "known only while it is deployed"
    return Value(field.after) if field.after is not None else "nothing"


def _lines(texts: Iterable[str]) -> tuple[Row, ...]:
    return tuple(Row((Value(line.strip()),)) for text in texts for line in text.splitlines() if line.strip())
