"""Each rule on its examples, through the engine and the analyzer that it starts: seen to fail, and to be silent."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps_policy.rules import RULES
from tests.integration.program.world import environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

CONFIG = {
    "environment-cluster": {"context": "staging"},
    "environment-namespace": {"prefix": "shop-", "others": ["shared"]},
    "environment-vault": {"mounts": ["kv-staging", "jwt-staging"]},
    "secret-literal": {"allowed": ["DEMO_TOKEN"]},
    "image-registry": {"allowed": ["registry.example.com/shop/"]},
    "image-digest": {"required": True},
}
NOBODY = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "nobody", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {}}],
    "contexts": [{"name": name, "context": {"cluster": "nobody", "user": "nobody"}} for name in ("staging", "prod")],
}
Violation = dict[str, Any]


@pytest.fixture(scope="module")
def violations(box: Sandbox, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Violation]]:
    """`pass` and `fail` → what the engine tells of the rules, from one preview each; no cluster is asked."""
    folder = tmp_path_factory.mktemp("examples")
    project = shutil.copytree(checkout / "policy" / "examples", folder / "project")
    (project / "Pulumi.yaml").write_text("name: policy-examples\nruntime: python\n")
    (folder / "state").mkdir()
    (folder / "kubeconfig").write_text(json.dumps(NOBODY))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    environ = {
        **environment(box, "staging"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "nothing is encrypted with it",
        "PULUMI_DEBUG_COMMANDS": "true",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "POLICY_EXAMPLES_CONTEXT": "staging",
    }
    told = run([sys.executable, "-m", "app_of_apps", "policy", "arguments", "staging"], cwd=checkout, environ=environ)
    assert told.code == 0, told.text
    pack = shlex.split(told.stdout)[1]
    made = run(["pulumi", "stack", "init", "staging", "--non-interactive"], cwd=project, environ=environ)
    assert made.code == 0, made.text
    found = {}
    for case, code in (("pass", 0), ("fail", 255)):
        log = folder / f"{case}.log"
        command = ["pulumi", "preview", "--stack", "staging", "--non-interactive", "--event-log", str(log)]
        command += ["--policy-pack", pack, "--policy-pack-config", str(folder / "config.json")]
        done = run(command, cwd=project, environ={**environ, "POLICY_EXAMPLES": case})
        assert (done.code == 0) == (code == 0), done.text
        events = [json.loads(line) for line in log.read_text().splitlines()]
        wrong = [one["diagnosticEvent"] for one in events if one.get("diagnosticEvent", {}).get("severity") == "error"]
        # Of the resources themselves nothing is wrong: what fails the preview are the rules.
        assert [one for one in wrong if one.get("urn") and "Stack::" not in one["urn"]] == []
        found[case] = [one["policyEvent"] for one in events if "policyEvent" in one]
    return found


def about(violation: Violation) -> str:
    """The name of an example."""
    return violation["resourceUrn"].rpartition("::")[2]


def test_the_passing_examples_are_silent(violations: dict[str, list[Violation]]) -> None:
    assert [(one["policyName"], about(one), one["message"]) for one in violations["pass"]] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_failing_example_fails_its_rule(violations: dict[str, list[Violation]], checkout: Path, rule: Any) -> None:
    own = [one for one in violations["fail"] if one["policyName"] == rule.id]
    named = {about(one) for one in own}
    expected = {f"{rule.id}-fail-{number}" for number in range(_count(checkout, rule.id))}
    assert expected <= named
    assert expected
    assert {one["enforcementLevel"] for one in own} == {rule.level}
    assert {one["policyPackName"] for one in own} == {"app-of-apps"}
    assert all(rule.says in one["message"] for one in own)


def _count(checkout: Path, rule: str) -> int:
    code = f"from cases import CASES; print(len(CASES[{rule!r}]['fail']))"
    folder = checkout / "policy" / "examples"
    return int(run([sys.executable, "-c", code], cwd=folder, environ={"PATH": "", "PYTHONPATH": str(folder)}).stdout)
