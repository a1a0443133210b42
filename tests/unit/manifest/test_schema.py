"""The committed JSON Schemas are those of the models, and say the same as the loader about good files."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from app_of_apps.environment import schema as environment_schema
from app_of_apps.manifest import schema as manifest_schema
from app_of_apps.manifest.base import PATTERN_MEANINGS
from app_of_apps.manifest.source import load_yaml
from tests.strategies import World, worlds, write_world

ROOT = Path(__file__).parents[3]
EXAMPLES = [ROOT, *(path.parent for path in sorted((ROOT / "examples").glob("*/parent.yaml")))]
MAKERS = {
    "parent": manifest_schema.parent_schema,
    "child": manifest_schema.child_schema,
    "stack": environment_schema.stack_schema,
}


def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(MAKERS[name]())


@pytest.mark.parametrize("name", MAKERS)
def test_a_schema_is_a_valid_schema(name: str):
    jsonschema.Draft202012Validator.check_schema(MAKERS[name]())


@pytest.mark.parametrize("name", MAKERS)
def test_the_committed_schema_is_the_one_of_the_models(name: str):
    committed = json.loads((ROOT / f"schema/{name}.schema.json").read_text(encoding="utf-8"))
    assert committed == MAKERS[name](), (
        "run `python -m app_of_apps.manifest.schema --write` and the same of environment"
    )


def test_check_finds_a_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "schema" / "a.json"
    assert manifest_schema.write_or_check({file: "new\n"}, ["--check"]) == 1
    assert manifest_schema.write_or_check({file: "new\n"}, ["--write"]) == 0
    assert manifest_schema.write_or_check({file: "new\n"}, ["--check"]) == 0
    assert manifest_schema.write_or_check({file: "newer\n"}, ["--check"]) == 1
    assert manifest_schema.write_or_check({}, []) == 2
    assert "schema/a.json" in capsys.readouterr().err


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_the_examples_agree_with_the_schema(folder: Path):
    files = [("parent", folder / "parent.yaml")]
    files += [("child", file) for file in sorted((folder / "apps").glob("*.yaml"))]
    files += [("stack", file) for file in sorted(folder.glob("Pulumi.*.yaml"))]
    assert len(files) >= 3
    for name, file in files:
        errors = list(_validator(name).iter_errors(load_yaml(file.read_text(encoding="utf-8"), str(file)).data))
        assert not errors, f"{file}: {errors[0].message}"


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_each_example_file_names_its_schema(folder: Path):
    for file in [folder / "parent.yaml", *(folder / "apps").glob("*.yaml"), *folder.glob("Pulumi.*.yaml")]:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8"))
        assert named, file
        assert (file.parent / named[1]).resolve().parent == ROOT / "schema", file
        assert (file.parent / named[1]).exists(), file


@given(worlds())
@settings(max_examples=40, deadline=None)
def test_the_schema_accepts_any_valid_manifest(world: World):
    with tempfile.TemporaryDirectory() as folder:
        parent_file = write_world(Path(folder), world)
        documents: list[tuple[str, Any]] = [("parent", load_yaml(parent_file.read_text(encoding="utf-8"), "").data)]
    documents += [("child", child) for child in world.children.values()]
    documents.append(("stack", {"config": {"app-of-apps:environment": world.environment}, "encryptedkey": "x"}))
    for name, data in documents:
        errors = list(VALIDATORS[name].iter_errors(data))
        assert not errors, errors[0].message


VALIDATORS = {name: _validator(name) for name in MAKERS}


def _patterns(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["pattern"]} if isinstance(value.get("pattern"), str) else set()
        return own.union(*(_patterns(below) for below in value.values()))
    return set().union(*(_patterns(below) for below in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", MAKERS)
def test_every_pattern_has_a_meaning_in_words(name: str):
    durations = {"^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}  # checked in Python, with a message of its own
    assert _patterns(MAKERS[name]()) - durations <= PATTERN_MEANINGS.keys()


def test_patterns_mean_the_same_in_rust_and_in_javascript():
    for pattern in PATTERN_MEANINGS:
        assert pattern.startswith("^"), pattern
        assert pattern.endswith("$"), pattern
        assert not re.search(r"\\[dwbB]", pattern), pattern
