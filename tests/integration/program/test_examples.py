"""The examples as a newcomer runs them, in a copy of this checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .audit import Audit, Request
from .world import Run, environment, run, watched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration


def dirt(checkout: Path) -> str:
    status = ["git", "status", "--porcelain"]
    return subprocess.run(status, cwd=checkout, capture_output=True, text=True, check=True).stdout


def writes(audit: Audit, requests: Sequence[Request], *namespaces: str) -> list[Request]:
    """Return what the program wrote, everywhere or in some namespaces, beside the records of its attempts."""
    others = [one for one in requests if not one.agent.startswith("python-httpx/")]
    mine = [one for one in others if one.user == audit.admin and one.is_write]
    return [one for one in mine if one.namespace in namespaces] if namespaces else mine


# -- the shop --------------------------------------------------------------------------------------------------------


def make_up(box: Sandbox, checkout: Path) -> tuple[Run, dict[str, list[Request]]]:
    """Run `make up`; returns what the program wrote in each environment, too."""
    audits = {env: Audit(box, env) for env in ("staging", "prod")}
    marks = {env: audit.mark() for env, audit in audits.items()}
    # The packages are those of the linked virtual environment; installing them is not what is looked at.
    done = run(["make", "up", "STAMP=README.md"], cwd=checkout, environ=environment(box), limit=300)
    return done, {env: writes(audit, audit.since(marks[env])) for env, audit in audits.items()}


@pytest.fixture(scope="module")
def first(box: Sandbox, checkout: Path) -> tuple[Run, dict[str, list[Request]]]:
    return make_up(box, checkout)


@pytest.fixture(scope="module")
def second(first: object, box: Sandbox, checkout: Path) -> tuple[Run, dict[str, list[Request]]]:
    assert first
    return make_up(box, checkout)


def test_make_up_brings_the_shop_to_staging_and_then_to_prod(first: tuple[Run, dict[str, list[Request]]]) -> None:
    done, written = first
    assert done.code == 0, done.text
    assert written["staging"][-1].answered < written["prod"][0].received
    for env in ("staging", "prod"):
        order = list(dict.fromkeys(one.namespace for one in written[env] if one.namespace.startswith("shop-")))
        for need, child in (("orders-migration", "orders"), ("catalog", "orders"), ("orders", "storefront")):
            assert order.index(f"shop-{need}") < order.index(f"shop-{child}"), order
        assert order[-1] == "shop-parent"


def test_every_child_of_the_shop_is_healthy_in_both_environments(first: object, box: Sandbox, checkout: Path) -> None:
    assert first
    command = [sys.executable, "-m", "app_of_apps", "status", "--output", "json"]
    done = run(command, cwd=checkout, environ=environment(box))
    told = json.loads(done.stdout)
    found = {
        (environment["name"], child["name"]): child["state"]
        for environment in told["environments"]
        for child in environment["children"]
    }
    assert len(found) == 12
    assert found == dict.fromkeys(found, "healthy")
    assert done.code == 0


def test_a_second_make_up_writes_nothing(second: tuple[Run, dict[str, list[Request]]]) -> None:
    done, written = second
    assert done.code == 0, done.text
    assert written == {"staging": [], "prod": []}


def test_a_second_make_up_takes_moments(
    first: tuple[Run, dict[str, list[Request]]], second: tuple[Run, dict[str, list[Request]]]
) -> None:
    assert second[0].seconds < first[0].seconds


# -- what was there before -------------------------------------------------------------------------------------------


def example(box: Sandbox, checkout: Path, command: str) -> Run:
    arguments = [sys.executable, "-m", "examples", "wrap-existing", command, "--yes", "--skip-preview"]
    return watched(Audit(box), arguments, cwd=checkout, environ=environment(box, "staging"))


@pytest.fixture(scope="module")
def wrapped(box: Sandbox, checkout: Path) -> Run:
    done = example(box, checkout, "up")
    assert done.code == 0, done.text
    return done


def test_a_chart_waits_for_plain_manifests_and_a_service_for_both(wrapped: Run, box: Sandbox) -> None:
    audit = Audit(box)
    began = {
        child: writes(audit, wrapped.requests, f"wrapped-{child}")[0].received
        for child in ("broker", "reports", "gateway")
    }
    assert began["broker"] < wrapped.ready("wrapped-broker") < began["reports"]
    assert began["reports"] < wrapped.ready("wrapped-reports") < began["gateway"]


def test_wrapped_objects_keep_their_names_and_get_the_childs_labels_and_version(wrapped: Run, box: Sandbox) -> None:
    assert wrapped
    environ = environment(box, "staging")

    def get(kind: str, namespace: str, name: str) -> dict:
        done = run(["kubectl", "get", kind, "-n", namespace, name, "-o", "json"], cwd=box.layout.root, environ=environ)
        assert done.code == 0, done.text
        return json.loads(done.stdout)

    broker, reports = get("statefulset", "wrapped-broker", "broker"), get("deployment", "wrapped-reports", "reports")
    for item, child in ((broker, "broker"), (reports, "reports")):
        assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "wrapped"
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == f"wrapped-{child}"
    assert reports["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/wrapped/reports:4.2.0"
    assert reports["spec"]["selector"]["matchLabels"] == {"app": "reports"}
    assert reports["status"]["readyReplicas"] == 2


def test_wrapped_children_go_backwards_too(wrapped: Run, box: Sandbox, checkout: Path) -> None:
    assert wrapped
    done = example(box, checkout, "destroy")
    assert done.code == 0, done.text
    audit = Audit(box)
    spans = {child: writes(audit, done.requests, f"wrapped-{child}") for child in ("broker", "reports", "gateway")}
    assert {one.verb for span in spans.values() for one in span} == {"delete"}
    assert spans["gateway"][-1].answered < spans["reports"][0].received
    assert spans["reports"][-1].answered < spans["broker"][0].received


# -- the files -------------------------------------------------------------------------------------------------------


def test_the_working_tree_stays_as_it_was(second: object, wrapped: Run, checkout: Path) -> None:
    assert second
    assert wrapped
    assert dirt(checkout) == ""
