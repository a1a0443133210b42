"""The manifest reference in docs/, generated from the committed JSON Schemas.

The schemas are held to the models by their own check, so the reference says what the models say; reading the files
instead of the models lets it cover the environment, which this package does not know.
``python -m app_of_apps.manifest.reference --write`` writes the page, ``--check`` fails when what is there differs.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from app_of_apps.manifest.schema import FOLDER, Schema, write_or_check

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = FOLDER.parent / "docs" / "manifest-reference.md"

_INTRODUCTION = """\
# Manifest reference

Generated from the models by `python -m app_of_apps.manifest.reference --write`; do not edit.

Three kinds of file describe everything: [parent.yaml](#parentyaml), one [file per child](#children), and one
[Pulumi.&lt;environment&gt;.yaml](#the-environments-file) per environment. The first line of each names its JSON
Schema, so that editors complete and check it (the path is relative to the file):

```yaml
# yaml-language-server: $schema=schema/parent.schema.json
```

## How files are read

The files are YAML 1.2. Whatever YAML 1.1 and 1.2 read differently is an error when it is not in quotes: `no`, `on`
and their like, `012`, `1_000`, `12:30`, dates, numbers with an exponent. Duplicate keys, merge keys (`<<`), tags, and
fields that are not listed here are errors too. Text that looks like a number needs quotes: `"1.10"`. Anchors and
aliases may be used. A file has at most 1 MiB, 64 levels and 100,000 values.

`aoa validate` reports every problem of all files in one go, as `file:line:column: path: what is wrong`, and ends with
exit code 2.

**No secret values.** A value that looks like one (the form of a known token, an address with a password in it, a
variable whose name ends in `PASSWORD`, a random-looking `…_TOKEN`) is an error: keep it in Vault and refer to it
under `secrets`. A value that only looks like one is let through by a comment on its line that gives the reason:

```yaml
SESSION_TOKEN: 4f9d2c81a7e35b06  # aoa: not-a-secret the public identifier of the demo shop
```

**Names.** Paths to other files are relative to the file they stand in and may not leave the parent manifest's folder,
by `..` or by a symlink. Durations are written `90s`, `5m` or `1h30m`. Labels under `app.kubernetes.io/` and
`app-of-apps/`, and annotations under `pulumi.com/`, belong to the program.

**Edges.** `dependsOn` waits until the other child is healthy at its new version. An edge to something that never
becomes healthy is an error: a cron job, a child with 0 replicas in the environment, a `manifests` child without a
workload.
"""

_STACK = """\
What stands in `Pulumi.<environment>.yaml` under `config: app-of-apps:environment`. Pulumi's own keys beside it are left
alone; a `secure:` value in it is refused.
"""
_TYPES_OF_CHILDREN = "service, worker, migration, cronjob, chart, manifests"


def page() -> str:
    """Return the whole reference as Markdown."""
    parent, child, stack = (_read(name) for name in ("parent", "child", "stack"))
    parts = [_INTRODUCTION, "## parent.yaml\n", _text(parent), _table(parent), *_definitions(parent)]
    parts += ["## Children\n", f"The field `type` says which fields there are: {_TYPES_OF_CHILDREN}.\n"]
    done = set(parent["$defs"])
    models = [branch["then"]["$ref"].rpartition("/")[2] for branch in child["allOf"]]
    for branch, model in zip(child["allOf"], models, strict=True):
        kind = branch["if"]["properties"]["type"]["const"]
        parts += [f"### type: {kind}\n", _text(child["$defs"][model]), _table(child["$defs"][model])]
    parts += _definitions(child, without=done.union(models))
    done |= set(child["$defs"])
    environment = stack["$defs"]["Environment"]
    parts += [
        "## The environment's file\n",
        _STACK,
        _text(environment),
        _table(environment),
        *_definitions(stack, without={*done, "Environment"}),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _read(name: str) -> Schema:
    schema: Schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def _definitions(schema: Schema, without: set[str] | frozenset[str] = frozenset()) -> Iterator[str]:
    for name in sorted(schema["$defs"]):
        model = schema["$defs"][name]
        if name not in without and "properties" in model:
            yield f"### {name}\n"
            yield _text(model)
            yield _table(model)


def _text(schema: Schema) -> str:
    description = re.sub(r"``([^`]+)``", r"`\1`", str(schema.get("description", "")))
    return " ".join(description.split()) + "\n" if description else ""


def _table(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = ["| field | type | default | |", "| --- | --- | --- | --- |"]
    for name, value in schema.get("properties", {}).items():
        default = "**required**" if name in required else _default(value)
        rows.append(f"| `{name}` | {_type(value)} | {default} | {_cell(_note(value))} |")
    return "\n".join(rows) + "\n"


def _default(value: Schema) -> str:
    if value.get("default") is None or isinstance(value["default"], dict):
        return ""
    return "" if value["default"] in ("", []) else f"`{json.dumps(value['default'])}`"


def _note(value: Schema) -> str:
    """Return a field's own text, or what the text in it must be."""
    return _text(value).strip() or _meaning(value)


def _meaning(value: Any) -> str:  # noqa: ANN401 - a schema holds values of any type
    if not isinstance(value, dict):
        return ""
    own = value.get("patternErrorMessage", "")
    if own:
        text = str(own).removeprefix("must be ").removeprefix("a ").removeprefix("an ")
        return f"{text[0].upper()}{text[1:]}."
    below = [*value.get("anyOf", ()), value.get("items")]
    return next((found for part in below if (found := _meaning(part))), "")


_PLAIN_TYPES = {"string": "text", "boolean": "true or false"}


def _type(value: Schema) -> str:  # noqa: PLR0911 - one return per kind of type
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_type(part) for part in value[several] if part.get("type") != "null"))
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return "any value" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "enum" in value or "const" in value:
        return " or ".join(f"`{choice or json.dumps(choice)}`" for choice in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object":
        below = value.get("additionalProperties")
        return f"mapping to {_type(below)}" if isinstance(below, dict) else "mapping"
    if value.get("type") == "integer":
        return f"number{_range(value)}"
    return _PLAIN_TYPES.get(value.get("type", ""), "anything")


def _range(value: Schema) -> str:
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None and high is not None:
        return f" {low}–{high}"
    return f" ≥ {low}" if low is not None else f" ≤ {high}" if high is not None else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(write_or_check({PAGE: page()}, sys.argv[1:]))
