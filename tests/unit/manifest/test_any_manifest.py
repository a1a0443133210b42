"""Any valid manifest loads as it was written; anything else gives problems with places, and never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from app_of_apps.environment.load import load_environment
from app_of_apps.environment.settings import Environment
from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.load import CHILD_MODELS, load_manifest
from app_of_apps.manifest.parent import Parent
from app_of_apps.manifest.source import load_yaml, parse
from tests.strategies import World, mutated, to_yaml, worlds, write_world

_RUNS = settings(max_examples=50, deadline=None)


def _places_exist(error: InvalidInput) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.message
        if problem.position.line:
            lines = Path(problem.position.file).read_text(encoding="utf-8", errors="replace").split("\n")
            assert problem.position.line <= len(lines), problem
            assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1, problem


@given(worlds())
@_RUNS
def test_a_valid_manifest_loads_as_it_was_written(world: World):
    with tempfile.TemporaryDirectory() as folder:
        manifest = load_manifest(write_world(Path(folder), world))
        environment = load_environment(world.environment["name"], Path(folder))
    children = [f"apps/{name}.yaml" for name in world.children]
    assert manifest.parent == Parent.model_validate({**world.parent, "children": children})
    assert list(manifest.children) == list(world.children)
    for name, data in world.children.items():
        assert manifest.children[name] == CHILD_MODELS[data["type"]].model_validate(data)
    assert environment.settings == Environment.model_validate(world.environment)


@given(st.data())
@_RUNS
def test_a_mutated_manifest_loads_or_gives_problems(data: st.DataObject):
    world = data.draw(worlds(max_children=3))
    changed = data.draw(mutated(world))
    with tempfile.TemporaryDirectory() as folder:
        if not isinstance(changed.environment.get("name"), str) or changed.environment["name"] not in {
            "staging",
            "prod",
        }:
            changed.environment, name = {**changed.environment}, world.environment["name"]
            parent_file = write_world(
                Path(folder), World(changed.parent, changed.children, world.environment, world.files)
            )
            stack = {"config": {"app-of-apps:environment": changed.environment}}
            Path(folder, f"Pulumi.{name}.yaml").write_text(to_yaml(stack), encoding="utf-8")
        else:
            parent_file, name = write_world(Path(folder), changed), changed.environment["name"]
        for load in (lambda: load_manifest(parent_file), lambda: load_environment(name, Path(folder))):
            try:
                load()
            except InvalidInput as error:
                _places_exist(error)


@given(st.data())
@_RUNS
def test_mutated_bytes_load_or_give_problems(data: st.DataObject):
    world = data.draw(worlds(max_children=2))
    with tempfile.TemporaryDirectory() as folder:
        parent_file = write_world(Path(folder), world)
        files = sorted(path for path in Path(folder).rglob("*.yaml"))
        file = data.draw(st.sampled_from(files))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 8))
        new = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"\t", b"&a ", b"*a", b"!x ", b"- ", b"{", b"\n---\n"]))
        )
        file.write_bytes(content[:at] + new + content[at + length :])
        for load in (
            lambda: load_manifest(parent_file),
            lambda: load_environment(world.environment["name"], Path(folder)),
        ):
            try:
                load()
            except InvalidInput as error:
                _places_exist(error)


@given(st.text(st.sampled_from("ab:-,[]{}&*!|>'\"%@`#?~ \n\t01.eExXo_<"), max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_explained(text: str):
    parsed = parse(text, "f.yaml", several=True)
    lines = text.split("\n")
    for problem in parsed.problems:
        assert 1 <= problem.position.line <= len(lines)
        assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**16), 10**16), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.text(max_size=5), below, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), _JSON))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_what_is_read(data: dict[str, object]):
    assert load_yaml(to_yaml(data), "f.yaml").data == data
