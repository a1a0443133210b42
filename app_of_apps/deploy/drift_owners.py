"""Who wrote which field of an object, as far as the API server notes it in ``metadata.managedFields``. Pure.

A *manager* is what a client calls itself, with the operation and the time of its last write. The API server keeps no
account of fields that were removed, and none of what it filled in itself. Source: Kubernetes' documentation of
server-side apply, and `fieldsV1` of sigs.k8s.io/structured-merge-diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app_of_apps.deploy.drift_values import Keys, Path, Value, keyed

_ENGINE: Final = "pulumi-"
_LEAF: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Who:
    """One manager of fields."""

    manager: str
    operation: str
    """`Apply` or `Update`."""
    time: str
    """RFC 3339, of its last write to this object; empty where the cluster does not say."""
    subresource: str = ""

    @property
    def is_engine(self) -> bool:
        """Whether it is the deployment's own engine, which applies and never updates."""
        return self.manager.startswith(_ENGINE) and self.operation == "Apply"

    def __str__(self) -> str:
        """Write it in words."""
        below = f" on /{self.subresource}" if self.subresource else ""
        return f"{self.manager} ({self.operation}{below}{f' at {self.time}' if self.time else ''})"

    def shape(self) -> dict[str, Any]:
        """Return it as plain data for JSON and YAML."""
        return {
            "manager": self.manager,
            "operation": self.operation,
            "subresource": self.subresource or None,
            "time": self.time or None,
        }


@dataclass(frozen=True, slots=True)
class Owned:
    """The fields of one manager."""

    who: Who
    fields: Mapping[str, Any]


def owned(item: Mapping[str, Any]) -> tuple[Owned, ...]:
    """Return the managers of an object and their fields, the last writer first."""
    found = [
        Owned(
            Who(
                manager=str(entry.get("manager") or "unknown"),
                operation=str(entry.get("operation") or "Update"),
                time=str(entry.get("time") or ""),
                subresource=str(entry.get("subresource") or ""),
            ),
            entry.get("fieldsV1") or {},
        )
        for entry in item.get("metadata", {}).get("managedFields") or ()
    ]
    return tuple(sorted(found, key=lambda one: one.who.time, reverse=True))


def owners(managers: Sequence[Owned], item: Mapping[str, Any], path: Path) -> tuple[Who, ...]:
    """Return who wrote a field, the last writer first; of a field inside of a whole, who wrote the whole."""
    return tuple(one.who for one in managers if _owns(one.fields, item, path))


def _owns(fields: Mapping[str, Any], at: Value, path: Path) -> bool:
    if not path:
        return True
    below = {key: value for key, value in fields.items() if key != "."}
    if not below:
        return True  # the manager wrote this as a whole
    step = path[0]
    if isinstance(step, str):
        found = below.get(f"f:{step}")
        return found is not None and _owns(found, at.get(step) if isinstance(at, Mapping) else None, path[1:])
    for item, deeper in items_of(below, at):
        if _is(item, at, step):
            return _owns(deeper, item, path[1:])
    return False


def items_of(fields: Mapping[str, Any], items: Value) -> Iterator[tuple[Value, Mapping[str, Any]]]:
    """Yield each item of a list that a manager wrote in, with what it wrote there."""
    for item in items if isinstance(items, list) else ():
        for key, below in fields.items():
            kind, _, text = key.partition(":")
            if kind == "k" and isinstance(item, Mapping):
                wanted = json.loads(text)
                if all(item.get(name, _default(name)) == value for name, value in wanted.items()):
                    yield item, below
            elif kind == "v" and json.loads(text) == item:
                yield item, _LEAF


def _is(item: Value, items: Value, step: int | Keys) -> bool:
    if isinstance(step, int):
        return isinstance(items, list) and step < len(items) and items[step] is item
    return isinstance(item, Mapping) and all(
        (value.get("name") if isinstance(value := item.get(name, _default(name)), Mapping) else value) == wanted
        for name, wanted in step
    )


def _default(name: str) -> str | None:
    return "TCP" if name == "protocol" else None


def key_of_item(path: Path, items: Sequence[Value], item: Value) -> Keys:
    """Return the step that leads to one item of a list whose items are told apart by their keys."""
    (by_keys,) = keyed(path, items) or ({},)
    return next(key for key, one in by_keys.items() if one is item)
