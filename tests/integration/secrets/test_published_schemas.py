"""The operators' objects are what the operators' own published definitions say, field by field.

Definitions come from the operators' modules, which Go's module cache holds or fetches; nothing of them is kept here.
The schemas are used as the API server uses them to prune: a field that is not in them is an error.
"""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app_of_apps.objects.delivery import DELIVERIES
from tests.unit.objects.rendered import render

pytestmark = pytest.mark.integration

MODULES = {
    "vault-secrets-operator": ("github.com/hashicorp/vault-secrets-operator@v0.10.0", "chart/crds"),
    "external-secrets": ("github.com/external-secrets/external-secrets@v0.18.2", "config/crds/bases"),
}
DYNAMIC = {"mount": "database", "role": "orders-rw"}
VAULT = {
    "mounts": {"kv": "kv-staging", "jwt": "jwt-staging", "dynamic": {"database": "database-staging"}},
    "address": "https://vault.example.com",
    "namespace": "shop",
}


@cache
def definitions(delivery: str) -> dict[tuple[str, str], Any]:
    """Return (apiVersion, kind) → schema of every served version."""
    module, folder = MODULES[delivery]
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True)
    found = {}
    for file in Path(json.loads(done.stdout)["Dir"], folder).glob("*.yaml"):
        crd = yaml.safe_load(file.read_text())
        if crd.get("kind") != "CustomResourceDefinition":
            continue
        for version in crd["spec"]["versions"]:
            key = (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"])
            if version["served"]:
                found[key] = _exact(version["schema"]["openAPIV3Schema"])
    return found


def _exact(schema: Any) -> Any:
    """Close every object that lists its fields, as the API server prunes what they do not list."""
    if isinstance(schema, list):
        return [_exact(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _exact(value) for key, value in schema.items()}
    open_on_purpose = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_on_purpose:
        closed["additionalProperties"] = False
    return closed


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_every_object_is_what_its_definition_says(delivery: str) -> None:
    objects = render(
        settings={"vault": {**VAULT, "delivery": delivery}},
        secrets={
            "API_KEY": {"path": "orders/payment_provider", "key": "api-key"},
            "DB_USER": {"dynamic": DYNAMIC, "key": "username"},
            "DB_PASSWORD": {"dynamic": DYNAMIC, "key": "password"},
        },
        volumes=[{"name": "tls", "mountPath": "/tls", "secret": "orders/tls"}],
    )
    made = [one.manifest for one in objects.kubernetes if one.group == "secrets"]
    kinds = {one["kind"] for one in made}
    assert kinds >= (
        {"VaultStaticSecret", "VaultDynamicSecret", "VaultAuth", "VaultConnection"}
        if delivery == "vault-secrets-operator"
        else {"SecretStore", "ExternalSecret", "VaultDynamicSecret"}
    )
    for one in made:
        schema = definitions(delivery)[one["apiVersion"], one["kind"]]
        # metadata is the API server's own and open in every definition.
        body = {key: value for key, value in one.items() if key != "metadata"}
        errors = [
            f"{one['kind']}: {'.'.join(map(str, error.path))}: {error.message}"
            for error in jsonschema.Draft202012Validator(schema).iter_errors(body)
        ]
        assert errors == []


def test_a_field_that_an_operator_does_not_know_would_be_noticed() -> None:
    schema = definitions("vault-secrets-operator")["secrets.hashicorp.com/v1beta1", "VaultDynamicSecret"]
    body = {"kind": "VaultDynamicSecret", "spec": {"mount": "m", "path": "creds/r", "destination": {"named": "x"}}}
    assert not jsonschema.Draft202012Validator(schema).is_valid(body)
