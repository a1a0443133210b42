"""The page about validation lists every rule the way the program has it."""

from __future__ import annotations

from pathlib import Path

from app_of_apps.checks.rules import RULES

PAGE = Path(__file__).parents[3] / "docs/validation.md"


def test_the_page_lists_every_rule_and_no_other():
    section = PAGE.read_text().partition("## Rules")[2].partition("\n**")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{rule.id}` | {rule.severity} | {'online' if rule.online else 'offline'} | {rule.title}. {rule.help} |"
        for rule in RULES.values()
    ]
