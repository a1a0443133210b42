"""The log for code scanning: SARIF 2.1.0 in what matters, and the same finding from run to run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app_of_apps.checks.rules import RULES, Finding, NotLookedAt, Severity, in_order
from app_of_apps.checks.sarif import FINGERPRINT, sarif
from app_of_apps.errors import Position, Problem

PROBLEM = Problem(
    Position("apps/a b.yaml", 7, 3),
    "dependsOn[0]",
    "there is no child `x` (seen at apps/b.yaml:3:1)",
    "",
    "unknown-reference",
)
FOUND = Finding(PROBLEM, Severity.ERROR, "prod")
MILD = Finding(Problem(Position("charts/tool"), "", "is old", "use v1", "api-deprecated"), Severity.WARNING)


def log(*found: Finding, missed: tuple[NotLookedAt, ...] = ()) -> dict[str, Any]:
    (run,) = sarif(found, missed, "1.2.3")["runs"]
    return run


def test_the_log_has_the_structure_that_the_standard_demands():
    whole = sarif([FOUND, MILD], (), "1.2.3")
    assert whole["version"] == "2.1.0"
    assert whole["$schema"].startswith("https://")
    run = whole["runs"][0]
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert driver["semanticVersion"] == "1.2.3"
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note", "none"}
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        assert result["partialFingerprints"][FINGERPRINT]


def test_a_file_is_a_uri_and_a_whole_file_is_its_first_line():
    first, second = log(FOUND, MILD)["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "apps/a%20b.yaml"
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1}


def fingerprints(*found: Finding) -> list[str]:
    return [one["partialFingerprints"][FINGERPRINT] for one in log(*found)["results"]]


def test_a_finding_stays_the_same_when_lines_move():
    moved = replace(
        PROBLEM, position=Position("apps/a b.yaml", 90, 1), message=PROBLEM.message.replace(":3:1", ":44:9")
    )
    assert fingerprints(FOUND) == fingerprints(replace(FOUND, problem=moved))
    assert len({FOUND.fingerprint, replace(FOUND, problem=replace(PROBLEM, path="other")).fingerprint}) == 2
    # Two that say the same are told apart by their order.
    assert len(set(fingerprints(FOUND, replace(FOUND, problem=moved)))) == 2


def test_nothing_in_a_message_is_a_link():
    hostile = replace(FOUND, problem=replace(PROBLEM, message="see [here](https://example.com)"))
    (result,) = log(hostile)["results"]
    assert "\\[here\\](" in result["message"]["text"]


def test_what_was_not_looked_at_is_a_notification():
    run = log(
        missed=(
            NotLookedAt("prod", "secrets in Vault", "no answer", silent=True),
            NotLookedAt("prod", "charts", "no helm"),
        )
    )
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [(one["level"], one["message"]["text"]) for one in notes] == [
        ("warning", "prod: secrets in Vault: no answer"),
        ("note", "prod: charts: no helm"),
    ]
    assert run["results"] == []


def test_what_two_environments_share_is_named_once():
    (only,) = in_order([FOUND, replace(FOUND, environment="staging")])
    assert only.environment is None
    assert in_order([FOUND, FOUND]) == (FOUND,)
