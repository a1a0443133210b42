"""What the chart's values may say, as JSON Schema: nothing unknown, and nothing that looks like a secret.

The settings are those of the service's own model, and the forms of secrets those that manifests are held to. Helm reads
patterns with Go's regexp, which knows no lookaround.
"""

from __future__ import annotations

from typing import Any, Final

from app_of_apps.manifest.literal_secrets import TOKENS
from app_of_apps.service.settings import Settings

_ADDRESS_WITH_MORE: Final = r"\b[a-z][a-z0-9+.-]*://[^\s/:@?#]*:[^\s/@]+@"
_NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_ENDINGS: Final = r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY|_DSN)$"
_OURS: Final = r"^(AOA_SERVICE_.*|AOA_STATE_DIR|HOME|KUBECONFIG|PULUMI_HOME|VAULT_ADDR)$"
_CLIENT_SECRETS: Final = r"^AOA_SERVICE_CLIENT_SECRET_[A-Z0-9_]+$"
"""Of the clients that sign in the page, one for each environment."""
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti)?$"

TEXT: Final[dict[str, Any]] = {"type": "string"}
TEXTS: Final[dict[str, Any]] = {"type": "object", "additionalProperties": TEXT}
OBJECTS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "object"}}
SWITCH: Final[dict[str, Any]] = {"type": "boolean"}
QUANTITY: Final[dict[str, Any]] = {"type": "string", "pattern": _QUANTITY}
NAME: Final[dict[str, Any]] = {"anyOf": [{"const": ""}, {"type": "string", "pattern": _NAME}]}
REFERENCE: Final[dict[str, Any]] = {"$ref": "#/definitions/reference"}


def _part(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def values_schema() -> dict[str, Any]:
    """Return the whole schema, JSON Schema draft 7."""
    settings = Settings.model_json_schema(ref_template="#/definitions/{model}")
    parts = settings.pop("$defs")
    settings.pop("required", None)  # the chart itself says what is missing
    forms = "|".join([*(pattern for what, pattern in TOKENS if "address" not in what), _ADDRESS_WITH_MORE])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart app-of-apps",
        **_part(**_properties(settings)),
        "allOf": [{"$ref": "#/definitions/withoutSecrets"}],
        "definitions": {
            "withoutSecrets": {
                "description": "No text anywhere may have the form of a secret.",
                "if": {"type": "string"},
                "then": {"not": {"pattern": forms}},
                "items": {"$ref": "#/definitions/withoutSecrets"},
                "additionalProperties": {"$ref": "#/definitions/withoutSecrets"},
            },
            "reference": {
                "description": "Name and key of a Secret, or of a ConfigMap, that is there already.",
                **_part(name=NAME, key={"type": "string", "pattern": r"^[-._A-Za-z0-9]+$"}),
                "required": ["name", "key"],
            },
            **parts,
        },
    }


def _properties(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plain_names = {"pattern": _VARIABLE, "not": {"pattern": f"{_ENDINGS}|{_OURS}"}}
    return {
        "image": _part(
            repository=TEXT,
            tag=TEXT,
            digest={"type": "string", "pattern": r"^(sha256:[0-9a-f]{64})?$"},
            pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
            pullSecrets={"type": "array", "items": NAME},
        ),
        "replicas": _whole(1, 100),
        "settings": settings,
        "project": _part(path={"type": "string", "pattern": "^/.+"}, volume={"type": "object"}),
        "graceSeconds": _whole(0, 86400),
        "interruptSeconds": _whole(10, 3600),
        "secrets": _part(
            database=REFERENCE,
            clientSecret=REFERENCE,
            webhookKey=REFERENCE,
            vaultToken=REFERENCE,
            kubeconfig=REFERENCE,
            settings=REFERENCE,
            variables={
                "type": "object",
                "propertyNames": {
                    "pattern": _VARIABLE,
                    "anyOf": [{"pattern": _CLIENT_SECRETS}, {"not": {"pattern": _OURS}}],
                },
                "additionalProperties": REFERENCE,
            },
        ),
        "kubeconfig": _part(configMap=REFERENCE),
        "tokens": {
            "type": "array",
            "items": {
                **_part(name={"type": "string", "pattern": _NAME}, audience={"type": "string", "minLength": 1}),
                "required": ["name", "audience"],
            },
        },
        "vault": _part(
            address={"type": "string", "pattern": "^(https?://.+)?$"},
            login=_part(
                image=TEXT,
                mount={"type": "string", "pattern": "^[-_./A-Za-z0-9]*$"},
                role={"type": "string", "pattern": "^[-_.A-Za-z0-9]*$"},
                audience=TEXT,
            ),
        ),
        "trust": _part(configMap=NAME),
        "variables": {"type": "object", "propertyNames": plain_names, "additionalProperties": TEXT},
        "persistence": _part(size=QUANTITY, storageClassName=NAME),
        "scratch": _part(tmp=QUANTITY, state=QUANTITY),
        "service": _part(port=_whole(1, 65535), annotations=TEXTS),
        "ingress": _part(enabled=SWITCH, className=NAME, tlsSecret=NAME, annotations=TEXTS),
        "serviceMonitor": _part(enabled=SWITCH, interval={"type": "string", "pattern": "^[0-9]+(s|m)$"}, labels=TEXTS),
        "podDisruptionBudget": _part(enabled=SWITCH),
        "networkPolicy": _part(
            enabled=SWITCH,
            fromNamespaces={"type": "array", "items": {"type": "string", "pattern": _NAME}},
            egressPorts={"type": "array", "items": _whole(1, 65535), "minItems": 1},
            egressExcept={"type": "array", "items": TEXT},
        ),
        "serviceAccount": _part(annotations=TEXTS),
        "resources": {"type": "object"},
        "podAnnotations": TEXTS,
        "podLabels": TEXTS,
        "nodeSelector": TEXTS,
        "tolerations": OBJECTS,
        "priorityClassName": NAME,
        "initContainers": OBJECTS,
        "sidecars": OBJECTS,
    }
