"""The page about validation lists every rule the way the program has it."""

from __future__ import annotations

import re
from pathlib import Path

from app_of_apps.checks.rules import RULES

CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "docs/validation.md"


def test_the_page_lists_every_rule_and_no_other():
    section = PAGE.read_text().partition("## Rules")[2].partition("\n**")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{rule.id}` | {rule.severity} | {'online' if rule.online else 'offline'} | {rule.title}. {rule.help} |"
        for rule in RULES.values()
    ]


def test_what_is_noted_under_a_rule_is_noted_under_one_that_exists():
    named = {
        rule
        for room in ("checks", "manifest", "release")
        for file in (CHECKOUT / "app_of_apps" / room).rglob("*.py")
        for rule in re.findall(r"""(?:under\(|rule = |hint, |missing\[1\], )"([a-z-]+)\"""", file.read_text())
    }
    assert {"inline-secret", "secret-missing", "version-not-below", "api-removed", "foreign-lane"} <= named
    assert named <= RULES.keys(), named - RULES.keys()


def test_every_rule_has_a_test_that_names_it():
    tests = CHECKOUT / "tests/unit"
    files = [*(tests / "checks").glob("test_o*.py"), tests / "cli/test_validate.py", tests / "cli/test_charts.py"]
    text = "".join(file.read_text() for file in files)
    assert [rule for rule in RULES if f'"{rule}"' not in text and f"[{rule}]" not in text] == []
