"""What the chart's values may say, asked of the schema; helm asks the same file."""

from __future__ import annotations

import copy
import json
import re

import jsonschema
import pytest
import yaml

from app_of_apps.manifest.literal_secrets import TOKENS
from app_of_apps.service.settings import Settings
from deploy.manifests import CHART, SCHEMA, VALUES
from deploy.values_schema import values_schema

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"  # made up


@pytest.fixture
def values():
    return yaml.safe_load(VALUES.read_text())


def problems(values) -> list[str]:
    found = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(values)
    return [f"{list(error.absolute_path)}: {error.message}" for error in found]


def test_the_committed_schema_is_that_of_the_models():
    assert json.loads(SCHEMA.read_text()) == values_schema(), "run: make docs"


def test_the_defaults_and_the_documented_values_are_valid(values):
    assert problems(values) == []
    assert problems(yaml.safe_load((CHART / "values.yaml").read_text())) == []


def test_every_value_has_a_default_and_no_other():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(defaults) == set(values_schema()["properties"])


def test_every_setting_of_the_service_is_known():
    assert set(values_schema()["properties"]["settings"]["properties"]) == {
        field.alias for field in Settings.model_fields.values()
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("replica",), 2),
        (("settings", "publicURL"), "https://deploy.example.com"),
        (("settings", "login", "audiences"), ["x"]),
        (("settings", "workers"), 1000),
        (("secrets", "database"), "postgresql://db/aoa"),
        (("secrets", "database", "value"), "x"),
        (("secrets", "password"), {"name": "x", "key": "y"}),
        (("image", "digest"), "latest"),
        (("vault", "login", "role"), 'x"\n}'),
    ],
)
def test_what_is_not_known_or_no_reference_is_refused(values, path, value):
    place = values
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert problems(values)


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "API_KEY", "AOA_SERVICE_DATABASE"]
)
def test_a_variable_whose_name_says_secret_is_none_of_the_plain_ones(values, name):
    values["variables"][name] = "x"
    assert problems(values)


@pytest.mark.parametrize(
    ("name", "taken"),
    [("AOA_SERVICE_CLIENT_SECRET_PROD", True), ("AWS_SECRET_ACCESS_KEY", True), ("AOA_SERVICE_DATABASE", False)],
)
def test_secrets_of_the_clients_that_sign_are_taken_by_name(values, name, taken):
    values["secrets"]["variables"] = {name: {"name": "app-of-apps-login", "key": "prod"}}
    assert (problems(values) == []) is taken


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "AWS_WEB_IDENTITY_TOKEN_FILE", "VAULT_CACERT", "AWS_REGION"])
def test_other_variables_are(values, name):
    values["variables"][name] = "/a/path"
    assert problems(values) == []


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        "postgresql://aoa:hunter2@db.example.com/aoa",
        "hvs." + "A1b2" * 8,
        "ghp_" + "a1B2" * 9,
        "-----BEGIN RSA PRIVATE KEY-----\nMII",
        "https://hooks.slack.com/services/T00000000/B00000000/" + "aB3d" * 6,
    ],
)
def test_a_text_in_the_form_of_a_secret_is_refused_wherever_it_stands(values, secret):
    for place in (
        lambda one: one["settings"].update(database=secret),
        lambda one: one["settings"].update(webhooks=[{"url": secret}]),
        lambda one: one["variables"].update(HARMLESS=secret),
        lambda one: one.update(podAnnotations={"x": secret}),
        lambda one: one.update(sidecars=[{"name": "x", "env": [{"name": "X", "value": secret}]}]),
        lambda one: one["image"].update(repository=secret),
    ):
        changed = copy.deepcopy(values)
        place(changed)
        assert problems(changed), secret


def test_the_patterns_are_such_as_go_reads():
    """Go's regexp has neither lookaround nor references back."""
    text = SCHEMA.read_text()
    assert not re.search(r"\(\?[=!<]|\\\\[1-9]", text)
    assert len(TOKENS) > 10
