"""Pydantic's errors in the reader's words, each at the place in the file that it speaks of."""

# ruff: noqa: ANN401 - annotations and the values in a YAML file are of any type
from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from app_of_apps.errors import Problem
from app_of_apps.manifest.base import PATTERN_MEANINGS
from app_of_apps.manifest.positions import path, shortened
from app_of_apps.manifest.scalars import described

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pydantic_core import ErrorDetails

    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.positions import Loc, Positions

M = TypeVar("M", bound=BaseModel)

_WRONG_TYPE: Mapping[str, str] = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "none_required": "must be empty",
}
_LIMITS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "too_short": lambda context: f"must have at least {_counted(context['min_length'], 'entry', 'entries')}",
    "too_long": lambda context: f"must have at most {_counted(context['max_length'], 'entry', 'entries')}",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda context: (
        f"must have at most {_counted(context['max_length'], 'character', 'characters')}"
    ),
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "string_pattern_mismatch": lambda context: PATTERN_MEANINGS.get(
        context["pattern"], "has a form that is not allowed"
    ),
    "value_error": lambda context: str(context["error"]),
    "literal_error": lambda context: f"must be {_alternatives(_expected(context))}",
}
# What people look for in the wrong place, by the last name of the unknown field.
_ELSEWHERE: Mapping[str, str] = {
    "version": "versions stand in Pulumi.<environment>.yaml, under app-of-apps:environment: versions",
    "tag": "versions stand in Pulumi.<environment>.yaml, under app-of-apps:environment: versions",
    "env": "environment variables stand under config: own and secrets",
    "environment": "environment variables stand under config: own and secrets",
    "namespace": "every child has the namespace <parent>-<child>",
    "strategy": "the rollout strategy stands under rollout: strategy",
    "livenessProbe": "probes stand under probes: liveness",
    "readinessProbe": "probes stand under probes: readiness",
    "startupProbe": "probes stand under probes: startup",
    "ingress": "a service is reached from outside by expose",
    "securityContext": "the pod's security context stands under security",
    "secret": "references to secrets stand under secrets: <VARIABLE>: {path, key}",
    "timeout": "the time an object has to become healthy is deadline",
    "imagePullPolicy": "images are named by version; a node pulls what it does not have",
}


def validate(
    model: type[M], data: object, findings: Findings, siblings: Mapping[str, type[BaseModel]] | None = None
) -> M | None:
    """Return the model of plain data, or None with what is wrong with it noted in ``findings``.

    What is noted is spoilt from then on: later checks say nothing more about it. ``siblings`` are the models that the
    data could have chosen instead, by name; an unknown field that one of them has is explained by that.
    """
    try:
        # Only the names that the format documents are read, not the attributes' names in Python.
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = _problems(model, findings.positions, details, siblings or {})
    for loc, problem, is_unknown in problems:
        # A field is unknown whatever is wrong with its value.
        if not findings.is_spoilt(loc[:-1] if is_unknown else loc):
            findings.problems.append(problem)
    findings.spoilt.update(loc for loc, *_ in problems if loc)
    return None


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return a question that names the closest known name, or nothing."""
    if not isinstance(name, str):
        return ""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if not close:
        lower = {candidate.lower().replace("-", ""): candidate for candidate in known}
        folded = name.lower().replace("_", "").replace("-", "")
        close = [lower[folded]] if folded in lower else []
    return f"did you mean `{close[0]}`?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Write names as a list for people, shortened when there are many."""
    shown = sorted(names)
    more = len(shown) - 12
    return ", ".join(shown[:12]) + (f" and {more} more" if more > 0 else "") if shown else "none"


def _problems(
    model: type[BaseModel],
    positions: Positions,
    details: Iterable[ErrorDetails],
    siblings: Mapping[str, type[BaseModel]],
) -> list[tuple[Loc, Problem, bool]]:
    """Return the path, the problem, and whether it is that nobody knows the field."""
    grouped: dict[tuple[Loc, bool], list[ErrorDetails]] = {}
    found: list[tuple[Loc, Problem, bool]] = []
    for detail in details:
        full = detail["loc"]
        is_key = bool(full) and full[-1] == "[key]"
        loc = full[: positions.known(full)]  # what follows are pydantic's names for the members of a union
        if detail["type"] == "missing":
            loc = (*loc, *full[len(loc) : len(loc) + 1])
            found.append((loc, Problem(positions.key_at(loc), path(loc), f"`{loc[-1]}` is missing"), False))
        elif detail["type"] == "extra_forbidden":
            hint = _unknown_field(loc, fields_at(model, loc[:-1]), siblings)
            message = f"unknown field `{shortened(str(loc[-1]))}`"
            found.append((loc, Problem(positions.key_at(loc), path(loc), message, hint), True))
        else:
            grouped.setdefault((loc, is_key), []).append(detail)
    for (loc, is_key), group in grouped.items():
        position = positions.key_at(loc) if is_key else positions.at(loc)
        message, hint = _described(group, _meaning(annotation_at(model, loc)))
        found.append((loc, Problem(position, path(loc), f"the name {message}" if is_key else message, hint), False))
    # A list whose entries are wrong counts as empty for pydantic: that is no news.
    short = {loc for (loc, _), group in grouped.items() if group[0]["type"] == "too_short"}
    return [
        entry
        for entry in found
        if entry[0] not in short
        or not any(len(loc) > len(entry[0]) and loc[: len(entry[0])] == entry[0] for loc, *_ in found)
    ]


def _described(group: list[ErrorDetails], meaning: str) -> tuple[str, str]:
    """Say in one sentence what one value must be, whichever members of a union complained.

    ``meaning`` is what a text must be there, when that is known.
    """
    value = group[0]["input"]
    if not isinstance(value, str) and any(detail["type"] not in _WRONG_TYPE for detail in group):
        group = [detail for detail in group if detail["type"] not in _WRONG_TYPE]
    of_type = meaning or _WRONG_TYPE["string_type"]
    phrases = list(dict.fromkeys(of_type if d["type"] == "string_type" else _phrase(d) for d in group))
    head = phrases[0]
    for phrase in phrases[1:]:
        head += f" or {phrase.removeprefix('must be ')}" if phrase.startswith("must be ") else f", or {phrase}"
    hint = ""
    if all(detail["type"] in _WRONG_TYPE for detail in group):
        head += f", but here is {described(value)}"
        hint = _quote_hint(group, value)
    elif group[0]["type"] == "literal_error":
        hint = suggestion(value, _expected(group[0]["ctx"]))
        if not isinstance(value, str):
            head += f", but here is {described(value)}"
    return head, hint


def _quote_hint(group: list[ErrorDetails], value: object) -> str:
    if group[0]["type"] == "string_type" and isinstance(value, bool | int | float):
        loses = ": without them 1.10 is the number 1.1" if isinstance(value, float) else ""
        return f"put it in quotes{loses}"
    if group[0]["type"] == "int_type" and isinstance(value, str) and value.isdecimal():
        return "write the number without quotes"
    if group[0]["type"] == "tuple_type" and isinstance(value, str):
        return "write it as a list of one: [ … ]"
    return ""


def _phrase(detail: ErrorDetails) -> str:
    if detail["type"] in _WRONG_TYPE:
        return _WRONG_TYPE[detail["type"]]
    limit = _LIMITS.get(detail["type"])
    return limit(detail.get("ctx", {})) if limit else "is not valid here"


def _expected(context: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _alternatives(names: list[str]) -> str:
    shown = [name or '""' for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _unknown_field(loc: Loc, known: Collection[str], siblings: Mapping[str, type[BaseModel]]) -> str:
    name = str(loc[-1])
    if siblings and len(loc) == 1 and name in _ELSEWHERE:
        return _ELSEWHERE[name]
    close = suggestion(name, known)
    if close:
        return close
    owners = [kind for kind, other in siblings.items() if len(loc) == 1 and name in _aliases(other)]
    if owners:
        return f"only a child of type {_alternatives(owners)} has it"
    return f"known here: {listed(known)}" if known else ""


def _aliases(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def fields_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """Return the names of the fields that a mapping at that path may have; empty where any name is allowed."""
    return set().union(*(_aliases(found) for found in _models(annotation_at(model, loc))))


def annotation_at(model: type[BaseModel], loc: Loc) -> Any:
    """Return the type of what stands at a path, or None."""
    annotation: Any = model
    for step in loc:
        annotation = _below(annotation, step)
    return annotation


def _meaning(annotation: Any) -> str:
    """Return what a text of that type must be, in words."""
    for found in (annotation, *getattr(annotation, "__metadata__", ())):
        extra = found.json_schema_extra if isinstance(found, FieldInfo) else None
        if isinstance(extra, dict) and "patternErrorMessage" in extra:
            return str(extra["patternErrorMessage"])
    if isinstance(annotation, FieldInfo):
        return _meaning(annotation.annotation)
    if _is_container(annotation) or isinstance(annotation, type):
        return ""
    return next((found for part in get_args(annotation) if (found := _meaning(part))), "")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, FieldInfo):
        return _models(annotation.annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if _is_container(annotation):
        return []
    return [found for part in get_args(annotation) for found in _models(part)]


def _is_container(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return (isinstance(origin, type) and issubclass(origin, tuple | list | dict)) or getattr(
        origin, "__name__", ""
    ) == "Mapping"


def _below(annotation: Any, step: str | int) -> Any:
    if isinstance(annotation, FieldInfo):
        return _below(annotation.annotation, step)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return next((field for name, field in annotation.model_fields.items() if step == (field.alias or name)), None)
    arguments = get_args(annotation)
    if _is_container(annotation):
        return arguments[0] if isinstance(step, int) else arguments[-1]
    return next((found for part in arguments if (found := _below(part, step)) is not None), None)
