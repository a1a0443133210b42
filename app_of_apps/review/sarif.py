"""Writes what must not be overlooked as SARIF 2.1.0, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; of it, what GitHub reads
(https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from app_of_apps import __version__
from app_of_apps.errors import Position
from app_of_apps.review.defuse import seen
from app_of_apps.review.model import Foreseen
from app_of_apps.review.risks import HALTED, INVALID, RULES, Risk, risks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.review.model import Halted, Outcome
    from app_of_apps.review.risks import Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LONGEST: Final = 1000
_ROOT: Final = "%SRCROOT%"


def sarif(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return one log with one run, whose results are those of all environments."""
    results = [_result(one, outcome.environment) for outcome in outcomes for one in _risks(outcome)]
    driver = {
        "name": "app-of-apps",
        "semanticVersion": __version__,
        "rules": [_rule(one) for one in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"preview/{'+'.join(one.environment for one in outcomes)}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _risks(outcome: Outcome) -> Sequence[Risk]:
    return risks(outcome) if isinstance(outcome, Foreseen) else _halted(outcome)


def _halted(halted: Halted) -> Sequence[Risk]:
    if not halted.problems:
        where = Position(f"Pulumi.{halted.environment}.yaml")
        return [Risk(HALTED, halted.kind, f"{halted.kind}: {halted.message}", where)]
    return [
        Risk(INVALID, f"{one.path}: {one.message}", " ".join(filter(None, (one.message, one.hint))), one.position)
        for one in halted.problems
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.id.title().replace("-", ""),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}."},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
    }


def _result(risk: Risk, environment: str) -> dict[str, Any]:
    # A message is text with placeholders and links of its own: `{0}` and `[text](target)`, escaped by backslashes.
    text = seen(f"{environment}: {risk.message}", _LONGEST).replace("\\", "\\\\")
    for character in "[]{}":
        text = text.replace(character, f"\\{character}")
    about = hashlib.sha256(f"{environment}\n{risk.rule.id}\n{risk.about}".encode()).hexdigest()
    return {
        "ruleId": risk.rule.id,
        "ruleIndex": RULES.index(risk.rule),
        "level": risk.rule.level,
        "message": {"text": text},
        "locations": [_location(risk.position)],
        "partialFingerprints": {"appOfApps/v1": about},
        "properties": {"environment": environment},
    }


def _location(position: Position) -> dict[str, Any]:
    region = {"startLine": max(1, position.line), "startColumn": max(1, position.column)}
    artifact = {"uri": quote(position.file.removeprefix("./")), "uriBaseId": _ROOT}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}
