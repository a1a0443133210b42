"""The threat table of docs/security-model.md names tests that exist, and names none twice."""

from __future__ import annotations

import ast
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs/security-model.md").read_text()


def rows() -> list[list[str]]:
    lines = TEXT.partition("<!-- threats -->")[2].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return cells[2:]


def test_every_threat_names_a_test_that_exists() -> None:
    named = []
    for row in rows():
        assert len(row) == 3, row
        found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[2])
        assert found, row
        file, name = found.groups()
        tree = ast.parse((CHECKOUT / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, row[2]
        named.append(row[2])
    assert len(named) >= 20
    assert len(set(named)) == len(named)
