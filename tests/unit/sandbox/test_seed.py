from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import seed
from sandbox.errors import SeedError

if TYPE_CHECKING:
    from pathlib import Path


def load(tmp_path: Path, text: str) -> dict[str, seed.Seed]:
    file = tmp_path / "seed.yaml"
    file.write_text(text)
    return seed.load(file)


def test_the_committed_seed_is_valid_for_both_environments() -> None:
    loaded = seed.load()
    assert set(loaded) == {"staging", "prod"}
    assert loaded["staging"]["orders/database"].keys() >= {"url", "migration-url", "read-only-url"}


def test_an_environments_own_entries_are_added_to_those_of_all(tmp_path: Path) -> None:
    loaded = load(tmp_path, "all: {a/b: {x: random}}\nprod: {a/b: {y: random}, c/d: {z: 'p:{random}'}}\n")
    assert loaded == {
        "staging": {"a/b": {"x": "random"}},
        "prod": {"a/b": {"x": "random", "y": "random"}, "c/d": {"z": "p:{random}"}},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("all: [", "not YAML"),
        ("- a", "expected a mapping with all, staging, prod"),
        ("dev: {}", "expected a mapping with all, staging, prod"),
        ("all: {a/b: x}", "all.a/b: expected a mapping of keys"),
        ("prod: {a/b: {}}", "prod.a/b: expected a mapping of keys"),
        ("all: {a/b: {k: hunter2}}", "all.a/b.k: expected `random`"),
        ("all: {a/b: {k: 7}}", "all.a/b.k: expected `random`"),
    ],
)
def test_a_bad_seed_is_refused_with_file_and_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SeedError) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "seed.yaml") in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_seed_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="restore it from git"):
        seed.load(tmp_path / "none.yaml")


def test_values_are_fresh_and_fill_their_text() -> None:
    assert len(seed.make("random")) == 32
    assert seed.make("random") != seed.make("random")
    url = seed.make("postgresql://u:{random}@h/d")
    assert url.startswith("postgresql://u:")
    assert url.endswith("@h/d")
    assert len(url) == len("postgresql://u:@h/d") + 32
