"""What `aoa` tells the pack about an environment, and what a stack file says on top."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from app_of_apps.environment.settings import PolicyPack
from app_of_apps.errors import InvalidInput
from app_of_apps.policy.config import environment_config, merged
from app_of_apps.policy.packs import chosen, config_of, folder_of
from app_of_apps.release.project import load_world
from app_of_apps_policy.rules import RULES

CHECKOUT = Path(__file__).parents[3]
LEVELS = {"mandatory", "advisory", "disabled"}


@pytest.fixture(scope="module")
def world():
    return load_world(CHECKOUT, ["staging"])


def test_the_configuration_fits_the_settings_of_the_rules(world):
    config = environment_config(world.releases["staging"], world.settings["staging"])
    known = {rule.id: rule for rule in RULES}
    for rule, said in config.items():
        if isinstance(said, str):
            assert said in LEVELS
            continue
        for name, value in said.items():
            assert Draft202012Validator(dict(known[rule].settings[name].schema)).is_valid(value), (rule, name)
    assert config["environment-cluster"] == {"context": "staging"}
    assert config["environment-vault"]["mounts"] == ["kv-staging", "jwt-staging", "oidc-staging"]
    assert config["environment-namespace"] == {"prefix": "shop-"}


def test_what_the_stack_file_says_comes_on_top_of_what_is_known():
    base = {"a": {"x": 1, "y": 2}, "b": {"x": 1}, "c": "disabled"}
    own = {"a": {"y": 3}, "b": "advisory", "c": {"x": 1}, "d": "mandatory"}
    assert merged(base, own) == {
        "a": {"x": 1, "y": 3},
        "b": {"x": 1, "enforcementLevel": "advisory"},
        "c": {"enforcementLevel": "disabled", "x": 1},
        "d": "mandatory",
    }


def test_a_pack_of_somebody_else_is_told_only_what_the_stack_file_says(world, tmp_path):
    pack = PolicyPack(path="theirs", config={"rule": "advisory"})
    assert config_of(pack, world.releases["staging"], world.settings["staging"], tmp_path) == {"rule": "advisory"}


def test_a_folder_without_a_pack_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"is no policy pack: there is no .*PulumiPolicy\.yaml"):
        folder_of(PolicyPack(path="nothing"), tmp_path)


def test_a_pack_that_is_named_twice_runs_once(world):
    settings = world.settings["staging"]
    assert chosen(settings) == ()
    assert [one.path for one in chosen(settings, [Path("policy"), Path("other")])] == ["policy", "other"]
