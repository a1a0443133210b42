"""What the tests of drift share: recorded objects, what was declared of them, and hands that change them.

The objects were read from an API server after a deployment. What the engine declared is taken from its own entry in
``managedFields``; a hand that changes a field takes it over there as the API server notes it.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded" / "drift.json"
TIME = "2030-01-01T12:00:00Z"
Item = dict[str, Any]


def recorded() -> list[Item]:
    return json.loads(RECORDED.read_text())


def live(kind: str, name: str) -> Item:
    (one,) = [item for item in recorded() if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return one


def declared(item: Item) -> Item:
    """Return what the engine applied."""
    (fields,) = [
        entry["fieldsV1"] for entry in item["metadata"]["managedFields"] if entry["manager"].startswith("pulumi-")
    ]
    wanted = _taken(fields, item)
    wanted["metadata"] |= {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]}
    return {**wanted, "apiVersion": item["apiVersion"], "kind": item["kind"]}


def _taken(fields: Item, value: Any) -> Any:
    below = {key: inner for key, inner in fields.items() if key != "."}
    if not below:
        return copy.deepcopy(value)
    if isinstance(value, list):
        taken = []
        for key, inner in below.items():
            wanted = json.loads(key[2:])
            (one,) = [item for item in value if all(item.get(name) == at for name, at in wanted.items())]
            taken.append({**_taken(inner, one), **wanted})
        return taken
    return {key[2:]: _taken(inner, value[key[2:]]) for key, inner in below.items() if key[2:] in value}


def set_by(item: Item, manager: str, path: tuple[Any, ...], value: Any, *, operation: str = "Update") -> Item:
    """Return the object after somebody has set a field; mappings on the way to it are made.

    A step ``("name", "api")`` leads to the item of a list that has this name.
    """
    item = copy.deepcopy(item)
    at: Any = item
    fields: Item = {}
    inner = fields
    for step in path[:-1]:
        inner = inner.setdefault(_field(step), {})
        at = at.setdefault(step, {}) if isinstance(step, str) else _named(at, step)
    if isinstance(path[-1], str):
        at[path[-1]] = value
    else:
        at.append(value)
    inner[_field(path[-1])] = {}
    for entry in item["metadata"].get("managedFields", ()):
        _let_go(entry["fieldsV1"], path)
    entry = {"manager": manager, "operation": operation, "time": TIME, "fieldsV1": fields}
    item["metadata"].setdefault("managedFields", []).append(entry)
    return item


def removed_by(item: Item, path: tuple[Any, ...]) -> Item:
    """Return the object after somebody has removed a field: nobody is noted for it any more."""
    item = copy.deepcopy(item)
    at: Any = item
    for step in path[:-1]:
        at = at[step] if isinstance(step, str) else _named(at, step)
    del at[path[-1]]
    for entry in item["metadata"]["managedFields"]:
        _let_go(entry["fieldsV1"], path)
    return item


def _named(items: list[Item], step: tuple[str, Any]) -> Item:
    (one,) = [item for item in items if item.get(step[0]) == step[1]]
    return one


def _field(step: Any) -> str:
    return f"f:{step}" if isinstance(step, str) else f"k:{json.dumps(dict([step]))}"


def _let_go(fields: Item, path: tuple[Any, ...]) -> None:
    for step in path[:-1]:
        key = next((key for key in fields if _is(key, step)), None)
        if key is None:
            return
        fields = fields[key]
    for key in [key for key in fields if _is(key, path[-1])]:
        del fields[key]


def _is(key: str, step: Any) -> bool:
    if isinstance(step, str):
        return key == f"f:{step}"
    return key.startswith("k:") and json.loads(key[2:]).get(step[0]) == step[1]
