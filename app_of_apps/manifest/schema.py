"""JSON Schemas (draft 2020-12) of the parent and of the children, from the models, for editors and for checks.

``python -m app_of_apps.manifest.schema --write`` writes them to schema/, ``--check`` fails when what is there differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from app_of_apps.manifest.child import Child
from app_of_apps.manifest.load import CHILD_MODELS
from app_of_apps.manifest.parent import Parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).parents[2] / "schema"
# What a reader looks for first, whichever base class declares it.
_FIRST = ("apiVersion", "kind", "name", "type", "team", "description", "template", "image", "dependsOn")

Schema = dict[str, Any]


def parent_schema() -> Schema:
    """Return the schema of parent.yaml."""
    return finished(Parent.model_json_schema(by_alias=True), "Parent manifest")


def child_schema() -> Schema:
    """Return the schema of a child's file. The ``type`` decides which fields there are."""
    schema = TypeAdapter(Child).json_schema(by_alias=True)
    del schema["oneOf"], schema["discriminator"]
    # Conditions instead of alternatives: an editor then speaks of the one type that is meant.
    names = {kind: model.__name__ for kind, model in CHILD_MODELS.items()}
    schema |= {
        "description": "One child app of the parent manifest.",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(CHILD_MODELS), "description": "What kind of app it is."}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for kind, name in names.items()
        ],
    }
    return finished(schema, "Child app")


def finished(schema: Schema, title: str) -> Schema:
    """Return a schema as it is committed: with its dialect, without generated titles, keys checked by name."""
    cleaned: Schema = _cleaned(schema)
    return {"$schema": DIALECT, "title": title, **cleaned}


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - a schema holds values of any type
    if isinstance(value, list):
        return [_cleaned(below) for below in value]
    if not isinstance(value, dict):
        return value
    result = {
        key: (
            {name: _cleaned(below) for name, below in _ordered(content).items()} if key in _NAMED else _cleaned(content)
        )
        for key, content in value.items()
        if not (key == "title" and isinstance(content, str))
    }
    patterns = result.pop("patternProperties", None)
    if isinstance(patterns, dict) and len(patterns) == 1:
        # As pydantic writes it, a key that does not match would be allowed to hold anything.
        [(pattern, content)] = patterns.items()
        result["propertyNames"] = {"pattern": pattern, **result.get("propertyNames", {})}
        result["additionalProperties"] = content
    return result


_NAMED = frozenset({"properties", "$defs"})


def _ordered(named: Mapping[str, Any]) -> dict[str, Any]:
    first = [name for name in _FIRST if name in named]
    return {name: named[name] for name in [*first, *(name for name in named if name not in first)]}


def run(schemas: Mapping[str, Callable[[], Schema]], arguments: Sequence[str]) -> int:
    """Write or check schema files by their names; return the exit code: 0, or 1 when a file differs, or 2."""
    texts = {FOLDER / name: json.dumps(make(), indent=2, ensure_ascii=False) + "\n" for name, make in schemas.items()}
    return write_or_check(texts, arguments)


def write_or_check(texts: Mapping[Path, str], arguments: Sequence[str]) -> int:
    """Write generated files (``--write``) or compare them with what is there (``--check``); return the exit code."""
    if list(arguments) == ["--write"]:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return 0
    if list(arguments) != ["--check"]:
        sys.stderr.write("give one of --write and --check\n")
        return 2
    stale = [file for file, text in texts.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        sys.stderr.write(f"{file.parent.name}/{file.name} is not what the models say: run the same with --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(run({"parent.schema.json": parent_schema, "child.schema.json": child_schema}, sys.argv[1:]))
