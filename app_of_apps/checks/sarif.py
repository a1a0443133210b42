"""Findings as SARIF 2.1.0, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and of it what GitHub reads:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from app_of_apps.checks.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.checks.rules import Finding, NotLookedAt, Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT: Final = "%SRCROOT%"
FINGERPRINT: Final = "primaryLocationLineHash"
"""The one name that GitHub reads. What is behind it here does not change when lines move."""


def sarif(found: Iterable[Finding], missed: Iterable[NotLookedAt], version: str) -> dict[str, Any]:
    """Return one run as a SARIF log. Files are named as seen from the root of their repository."""
    numbers = {rule: index for index, rule in enumerate(RULES)}
    seen: Counter[str] = Counter()
    results = []
    for one in found:
        seen[one.fingerprint] += 1
        results.append(_result(one, numbers, seen[one.fingerprint]))
    driver = {
        "name": "App of Apps",
        "semanticVersion": version,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    notes = [
        {
            "level": "warning" if one.silent else "note",
            "message": {"text": _plain(str(one))},
            "descriptor": {"id": "skipped"},
        }
        for one in missed
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {**driver, "notifications": [{"id": "skipped"}]}},
                "automationDetails": {"id": "aoa-validate/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
                "results": results,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help, "markdown": rule.help},
        "defaultConfiguration": {"level": str(rule.severity)},
        "properties": {"tags": ["online" if rule.online else "offline"]},
    }


def _result(one: Finding, numbers: dict[str, int], count: int) -> dict[str, Any]:
    problem = one.problem
    position = problem.position
    text = f"{problem.path}: {problem.message}" if problem.path else problem.message
    # Code scanning shows nothing without a line; of a whole file it is the first one.
    region = {"startLine": position.line or 1, "startColumn": position.column or 1}
    file = PurePath(position.file).as_posix()
    result: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": numbers[one.rule.id],
        "level": str(one.severity),
        "message": {"text": _plain(f"{text}\n{problem.hint}" if problem.hint else text)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": quote(file), "uriBaseId": ROOT}, "region": region}}
        ],
        "partialFingerprints": {FINGERPRINT: f"{one.fingerprint}:{count}"},
    }
    if one.environment is not None:
        result["properties"] = {"environment": one.environment}
    return result


def _plain(text: str) -> str:
    """Return a text in which nothing is a link: SARIF reads ``[text](target)`` as one, if nothing escapes it."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in text else text
