"""Which properties of a resource differ, by the engine's own paths, with what stands there before and after.

A value that may be secret is never taken over: what the engine marks as one, what a Secret holds, what looks like a
token, and what a credential's name stands over. Of these it is only said that they differ.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from app_of_apps.deploy.redact import one_line
from app_of_apps.manifest.literal_secrets import resembles
from app_of_apps.review.model import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MASK: Final = "[secret]"
"""What stands in an event for a value that the engine knows to be secret."""
# What the engine writes for values that are known only while it deploys (sdk/go/common/resource/plugin/rpc.go).
UNKNOWN: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
LONGEST: Final = 200
"""Characters of one value."""

Kind = Literal["added", "removed", "changed"]

_STEP: Final = re.compile(r'\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)')
_CREDENTIAL: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)|secret|token|credential|(?:api|private|access|signing|encryption)[-_]?key|dsn)",
    re.IGNORECASE,
)
# Names that speak of secrets and hold none: they say where one is, or what it is called.
_NAMES_ONLY: Final = re.compile(r"(?:name|path|mount|ref|type|policies)$|^automount", re.IGNORECASE)
# What every resource carries of its release; it differs with every commit and says nothing about the change.
_OURS: Final = ("app-of-apps/", "app.kubernetes.io/", "pulumi.com/")


def parsed(path: str) -> tuple[str | int, ...]:
    """Return the steps of a path as the engine writes it: ``spec.containers[0]["a.b"]``."""
    steps: list[str | int] = []
    for index, quoted, plain_key in _STEP.findall(path):
        steps.append(int(index) if index else quoted.replace('\\"', '"') if quoted else plain_key)
    return tuple(steps)


def fields_of(
    diff: Mapping[str, str],
    *,
    before: Any,  # noqa: ANN401 - a resource's properties
    after: Any,  # noqa: ANN401
    kind: str,
    redact: Callable[[str], str],
    reasons: frozenset[str] = frozenset(),
) -> tuple[Field, ...]:
    """Return the fields of one update or replacement; ``diff`` is path → the engine's word, such as ``update``.

    ``reasons`` are the properties for which the engine replaces the resource, beside the paths that say so themselves.
    """
    found: list[Field] = []
    for path, word in sorted(diff.items()):
        replaces = word.endswith("replace") or path in reasons or path.partition(".")[0] in reasons
        for steps, old, new in _leaves(parsed(path), _at(before, parsed(path)), _at(after, parsed(path))):
            names = [_at(one, (*steps[:-1], "name")) for one in (before, after) if steps[-1:] == ("value",)]
            secret = is_secret(kind, steps, old, new) or any(is_credential(str(name)) for name in names)
            is_unknown = holds_unknown(new)
            left, right = (None, None) if secret else _shown(old, new, redact)
            found.append(
                Field(
                    path=written(steps),
                    change=_change(word, old, new),
                    before=left,
                    after=None if is_unknown else right,
                    secret=secret,
                    unknown=is_unknown,
                    replaces=replaces,
                )
            )
    return tuple(dict.fromkeys(found))


def is_provenance(field: Field) -> bool:
    """Whether a field only says which release, version or commit an object is of."""
    last = parsed(field.path)[-1:]
    return bool(last) and isinstance(last[0], str) and last[0].startswith(_OURS)


def is_secret(kind: str, steps: tuple[str | int, ...], *values: Any) -> bool:  # noqa: ANN401
    """Whether values at a path may be secret, or hold something that is."""
    names = [step for step in steps if isinstance(step, str)]
    if kind == "Secret" and names[:1] in (["data"], ["stringData"]):
        return True
    last = names[-1] if names else ""
    return is_credential(last) or any(_masked(value) for value in values)


def holds_unknown(value: Any) -> bool:  # noqa: ANN401
    """Whether a value, or anything in it, is known only while it is deployed."""
    return any(isinstance(one, str) and one in UNKNOWN for one in _every(value))


def written(steps: tuple[str | int, ...]) -> str:
    """Return the path of a field the way the engine writes it."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def _leaves(steps: tuple[str | int, ...], before: Any, after: Any) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:  # noqa: ANN401
    """Yield what differs below a path. The engine names a whole object where all of it is new or gone."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield from _leaves((*steps, name), before.get(name), after.get(name))
    elif before is None and isinstance(after, dict) and after:
        for name in sorted(after):
            yield from _leaves((*steps, name), None, after[name])
    elif after is None and isinstance(before, dict) and before:
        for name in sorted(before):
            yield from _leaves((*steps, name), before[name], None)
    else:
        yield steps, before, after


def _at(value: Any, steps: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    for step in steps:
        if value == MASK:
            return MASK
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _change(word: str, before: Any, after: Any) -> Kind:  # noqa: ANN401
    if (before is None) != (after is None):
        return "added" if before is None else "removed"
    if before is not None:
        return "changed"
    return "added" if word.startswith("add") else "removed" if word.startswith("delete") else "changed"


def is_credential(name: str) -> bool:
    """Whether something of this name may hold a secret; names that only say where one is are none."""
    return bool(_CREDENTIAL.search(name)) and not _NAMES_ONLY.search(name)


def _masked(value: Any) -> bool:  # noqa: ANN401
    """Whether a value is one that the engine hides or that looks like a secret, or has one somewhere in it."""
    if isinstance(value, dict):
        named = "value" in value and is_credential(str(value.get("name", "")))
        return named or any(
            (is_credential(str(key)) and not isinstance(inner, dict | list)) or _masked(inner)
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return any(map(_masked, value))
    return isinstance(value, str) and (MASK in value or bool(resembles("", value)))


def _every(value: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(value, dict):
        for inner in value.values():
            yield from _every(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _every(inner)
    else:
        yield value


def _shown(before: Any, after: Any, redact: Callable[[str], str]) -> tuple[str | None, str | None]:  # noqa: ANN401
    """Return both values as one line each; of long texts, the lines in which they differ."""
    old, new = (None if one is None else redact(_text(one)) for one in (before, after))
    if old is not None and new is not None and ("\n" in old or "\n" in new):
        here, there = old.splitlines(), new.splitlines()
        old = "\n".join(line for line in here if line not in there) or None
        new = "\n".join(line for line in there if line not in here) or None
    return _short(old), _short(new)


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _short(text: str | None) -> str | None:
    return None if text is None else one_line(text, limit=LONGEST)
