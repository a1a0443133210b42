"""When two values of a field mean the same, how a field is written, and what may be shown of a value. Pure.

The API server writes some things its own way (`1000m` becomes `1`), drops what says nothing (an empty list, a zero) and
keeps lists of named things by name. What differs only in such a way is no drift.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app_of_apps.deploy.redact import Redactor, one_line
from app_of_apps.manifest.literal_secrets import resembles
from app_of_apps.manifest.quantity import amount

Value = Any
"""JSON as Kubernetes or Vault writes it."""
Keys = tuple[tuple[str, Any], ...]
"""Names one item of a list: ``(("name", "api"),)``."""
Path = tuple[str | int | Keys, ...]
"""A place in an object: keys of mappings, indexes of plain lists, keys of named items."""

_SHOWN: Final = 120
_HIDDEN: Final = "[not shown: looks like a secret]"
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

# By which fields the items of a list are told apart; Kubernetes merges these lists by them.
_LISTS: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "containers": (("name", None),),
    "initContainers": (("name", None),),
    "ephemeralContainers": (("name", None),),
    "env": (("name", None),),
    "volumes": (("name", None),),
    "volumeMounts": (("mountPath", None),),
    "volumeDevices": (("devicePath", None),),
    "volumeClaimTemplates": (("metadata", None),),
    "imagePullSecrets": (("name", None),),
    "hostAliases": (("ip", None),),
    "topologySpreadConstraints": (("topologyKey", None), ("whenUnsatisfiable", None)),
}
_PORTS: Final = (
    (("containerPort", None), ("protocol", "TCP")),
    (("port", None), ("protocol", "TCP")),
)

_QUANTITIES: Final = frozenset({"requests", "limits", "hard", "default", "defaultRequest", "max", "min", "capacity"})
_QUANTITY_FIELDS: Final = frozenset({"sizeLimit", "divisor", "storage", "averageValue"})
_DURATIONS: Final = frozenset({"refreshAfter", "refreshInterval", "duration", "interval", "timeout", "ttl", "request"})
_DURATION: Final = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?")

# Where saying "no" is not the same as saying nothing, because nothing means "yes".
_SAID: Final = frozenset({"automountServiceAccountToken", "allowPrivilegeEscalation", "enableServiceLinks", "replicas"})


def same(path: Path, wanted: Value, there: Value) -> bool:
    """Say whether two plain values of a field mean the same."""
    if wanted == there and isinstance(wanted, bool) is isinstance(there, bool):
        return True
    keys = [step for step in path if isinstance(step, str)]
    last, above = (keys[-1] if keys else ""), set(keys[-2:])
    if last in _QUANTITY_FIELDS or above & _QUANTITIES:
        return _quantity(wanted) is not None and _quantity(wanted) == _quantity(there)
    if last in _DURATIONS:
        return _duration(wanted) is not None and _duration(wanted) == _duration(there)
    return False


def says_nothing(path: Path, wanted: Value) -> bool:
    """Say whether the API server may leave out a value because it is what an absent field means."""
    if wanted is None:
        return True
    if isinstance(wanted, Mapping):
        return all(says_nothing((*path, key), below) for key, below in wanted.items())
    if path and path[-1] in _SAID:
        return False
    # A label or a piece of data that is there and empty is something else than one that is not there.
    if isinstance(wanted, str) and set(path) & {"labels", "annotations", "data", "matchLabels"}:
        return False
    return not wanted


def keyed(path: Path, *lists: Sequence[Value]) -> list[dict[Keys, Value]] | None:
    """Return the items of each list by what tells them apart; None where the lists are plain ones."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    for fields in _PORTS if name == "ports" else (_LISTS[name],) if name in _LISTS else ():
        found = [_by_keys(fields, items) for items in lists]
        if all(one is not None for one in found):
            return [one for one in found if one is not None]
    return None


def _by_keys(fields: Sequence[tuple[str, Any]], items: Sequence[Value]) -> dict[Keys, Value] | None:
    found: dict[Keys, Value] = {}
    for item in items:
        if not isinstance(item, Mapping):
            return None
        key = tuple((field, _name(item.get(field, default))) for field, default in fields)
        if any(value is None for _, value in key) or key in found:
            return None
        found[key] = item
    return found


def _name(value: Value) -> Value:
    """Return what an item is called; a template of a claim carries its name in its metadata."""
    return value.get("name") if isinstance(value, Mapping) else value


def written(path: Path) -> str:
    """Write a path the way people do: ``spec.template.spec.containers[api].image``."""
    text = ""
    for step in path:
        if isinstance(step, tuple):
            text += f"[{','.join(str(value) for _, value in step)}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def shown(path: Path, value: Value) -> Value:
    """Return what may be shown of a value: no credential, nothing endless, no control characters."""
    name = _said_name(path)
    return _shown(name, value)


def _said_name(path: Path) -> str:
    named = next((step for step in reversed(path) if not isinstance(step, int)), "")
    if isinstance(named, str) and named == "value":
        # A variable of a container carries its name beside its value.
        named = next((step for step in reversed(path) if isinstance(step, tuple)), "value")
    return named if isinstance(named, str) else str(dict(named).get("name", ""))


def _shown(name: str, value: Value) -> Value:
    if isinstance(value, Mapping):
        own = value.get("name")
        return {
            key: _shown(own if key == "value" and isinstance(own, str) else str(key), below)
            for key, below in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(name, below) for below in value]
    if not isinstance(value, str):
        return value
    option, _, given = value.partition("=")
    if resembles(name, value) or (given and resembles(option.lstrip("-"), given)):
        return _HIDDEN
    return one_line(Redactor()(value), _SHOWN)


def _quantity(value: Value) -> Decimal | None:
    try:
        return amount(str(value)) if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def _duration(value: Value) -> Decimal | None:
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if not found:
        return None
    try:
        return sum(
            (Decimal(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)), Decimal()
        )
    except InvalidOperation:
        return None
