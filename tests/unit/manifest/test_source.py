"""What the reader makes of YAML: the core types of 1.2, positions, and bounds that hold before anything is built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from app_of_apps.errors import InvalidInput, Position
from app_of_apps.manifest.reader import MAX_NODES
from app_of_apps.manifest.source import MAX_BYTES, load_yaml, parse, read_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0x1F", 31),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1.0e+3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("nope", "nope"),
        ("nO", "nO"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("1-2", "1-2"),
        ("'no'", "no"),
        ('"012"', "012"),
        ("0 3 * * *", "0 3 * * *"),
        ("5m", "5m"),
        ("1e", "1e"),
        ("http://a:80", "http://a:80"),
    ],
)
def test_a_scalar_has_its_meaning_in_yaml_1_2(text: str, value: object):
    read = load_yaml(f"a: {text}", "f").data["a"]
    assert read == value
    assert type(read) is type(value)


AMBIGUOUS = [
    "y",
    "N",
    "Yes",
    "NO",
    "on",
    "Off",
    "012",
    "-012",
    "00",
    "1_000",
    "0b1",
    "0o7",
    "12:30",
    "1:2:3",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "1e3",
    "1.5e3",
    ".inf",
    "-.INF",
    ".nan",
    "0x_1",
    "-0x1",
    "=",
    "08.5",
    "1_0.5",
    "999999999999999999999999999999",
    "0.111111111111111111111111",
]


@pytest.mark.parametrize("text", [*AMBIGUOUS, "2024-1-1 10:00:00"])
def test_what_readers_disagree_about_is_refused(text: str):
    with pytest.raises(InvalidInput) as caught:
        load_yaml(f"a:\n  - {text}\n", "f.yaml")
    [problem] = caught.value.problems
    assert problem.position == Position("f.yaml", 2, 5)
    assert problem.path == "a[0]"
    assert "quotes" in problem.hint
    assert load_yaml(f'a: "{text}"', "f").data == {"a": text}


def test_positions_of_values_and_keys():
    positions = load_yaml("a:\n  - b: 1\n    c: [x, z]\n'é': &n {k: v}\nlast: *n\n", "f.yaml").positions
    assert positions.at(("a", 0, "c", 1)) == Position("f.yaml", 3, 12)
    assert positions.key_at(("a", 0, "c")) == Position("f.yaml", 3, 5)
    assert positions.at(("é", "k")) == Position("f.yaml", 4, 13)
    assert positions.at(("last",)) == Position("f.yaml", 5, 7)
    assert positions.at(("last", "k")) == Position("f.yaml", 4, 13)
    assert positions.at(("a", 0, "missing", 3)) == Position("f.yaml", 2, 5)
    assert positions.at(()) == Position("f.yaml", 1, 1)


def test_anchors_give_copies_and_not_shared_objects():
    data = load_yaml("a: &x {k: [1]}\nb: *x\n", "f").data
    assert data["a"] == data["b"] == {"k": [1]}
    assert data["a"] is not data["b"]
    assert data["a"]["k"] is not data["b"]["k"]


@pytest.mark.parametrize("unit", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_is_refused_at_once(unit: str):
    # libyaml's own composer overflows the stack here and takes the interpreter with it.
    problems = parse(unit * 200_000, "f").problems
    assert problems


def test_what_anchors_expand_to_is_counted_before_it_is_built():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    [problem] = parse("\n".join(lines), "f").problems
    assert f"{MAX_NODES:,}" in problem.message


def test_every_problem_of_a_text_is_reported():
    problems = parse("a: no\nb: 012\na: 2\n1: x\nc: !t x\n", "f").problems
    assert [problem.position.line for problem in problems] == [1, 2, 3, 4, 5]


def test_several_documents_are_read_when_they_may_be_there():
    parsed = parse("a: 1\n---\n# nothing\n---\nb: 2\n...\n", "f", several=True)
    assert [document.data for document in parsed.documents] == [{"a": 1}, {"b": 2}]
    assert parsed.documents[1].positions.at(("b",)) == Position("f", 5, 4)
    assert not parse("", "f", several=True).problems


def test_a_file_too_large_is_refused(tmp_path: Path):
    (tmp_path / "f.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        read_text(tmp_path / "f.yaml", "f.yaml")
    (tmp_path / "f.yaml").write_bytes(b"#" * MAX_BYTES)
    assert len(read_text(tmp_path / "f.yaml", "f.yaml")) == MAX_BYTES


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for source, message in [(tmp_path / "pipe", "regular"), (tmp_path, "regular"), (tmp_path / "none", "no such file")]:
        with pytest.raises(InvalidInput, match=message):
            read_text(source, "f.yaml")
    with pytest.raises(InvalidInput, match="no name of a file"):
        read_text("a\0b", "f.yaml")
