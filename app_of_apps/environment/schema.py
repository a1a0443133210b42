"""The JSON Schema of a stack file, as far as it is ours: Pulumi's own keys beside the environment are left alone.

``python -m app_of_apps.environment.schema --write`` writes it to schema/, ``--check`` fails when what is there differs.
"""

from __future__ import annotations

import sys

from app_of_apps.environment.layers import CONFIG_KEY
from app_of_apps.environment.settings import Environment
from app_of_apps.manifest.schema import Schema, finished, run


def stack_schema() -> Schema:
    """Return the schema of Pulumi.<environment>.yaml."""
    environment = Environment.model_json_schema(by_alias=True)
    definitions = environment.pop("$defs")
    schema = {
        "description": "One environment, and whatever else Pulumi keeps in its stack file.",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "required": [CONFIG_KEY],
                "properties": {CONFIG_KEY: {"$ref": "#/$defs/Environment"}},
            }
        },
        "$defs": {**definitions, "Environment": environment},
    }
    return finished(schema, "Stack file of one environment")


if __name__ == "__main__":
    sys.exit(run({"stack.schema.json": stack_schema}, sys.argv[1:]))
