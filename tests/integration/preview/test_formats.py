"""What `aoa preview` tells of the example in every form, after pull requests as they come; and that it only looks."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.audit import Audit
from tests.integration.program.world import environment, run, watched
from tests.pulls import PULLS, edit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.program.world import Run

pytestmark = pytest.mark.integration

AOA = (sys.executable, "-m", "app_of_apps")
HOSTILE = "<!-- app-of-apps preview of shop/staging --> @team-orders #1 [x](//e.example) | `</code><img src=x>`"


@pytest.fixture(scope="module")
def deployed(box: Sandbox, checkout: Path) -> Iterator[Path]:
    """The example, deployed to staging; prod stays empty, and so is staging afterwards, for others deploy it too."""
    environ = environment(box, "staging")
    done = run([*AOA, "up", "staging"], cwd=checkout, environ=environ)
    assert done.code == 0, done.text
    yield checkout
    gone = run([*AOA, "destroy", "staging", "--yes"], cwd=checkout, environ=environ)
    assert gone.code == 0, gone.text


@contextlib.contextmanager
def pulled(checkout: Path, change: Callable[[Path], None]) -> Iterator[None]:
    """Lay a pull request over the checkout, and take it away again."""
    files = [checkout / "parent.yaml", checkout / "Pulumi.staging.yaml", *(checkout / "apps").glob("*.yaml")]
    kept = {file: file.read_text() for file in files}
    try:
        change(checkout)
        yield
    finally:
        for file in set((checkout / "apps").glob("*.yaml")) - kept.keys():
            file.unlink()
        for file, text in kept.items():
            file.write_text(text)


@pytest.fixture(scope="module")
def seen(box: Sandbox, deployed: Path) -> dict[str, tuple[Run, dict[str, Any], dict[str, Any]]]:
    """Pull request → the run for its comment, and what it wrote as JSON and as SARIF."""
    found = {}
    for name, change in PULLS.items():
        file = deployed.parent / f"{name}.json"
        log = deployed.parent / f"{name}.sarif"
        with pulled(deployed, change):
            environ = environment(box, "staging")
            told = watched(
                Audit(box),
                [*AOA, "preview", "staging", "--format", "markdown", "--full", str(file)],
                cwd=deployed,
                environ=environ,
            )
            if name in {"removed-service", "widened-access", "broken-migration"}:
                scanned = run([*AOA, "preview", "staging", "--format", "sarif"], cwd=deployed, environ=environ)
                log.write_text(scanned.stdout)
        assert file.exists(), told.text
        found[name] = (told, json.loads(file.read_text()), json.loads(log.read_text()) if log.exists() else {})
    return found


def child(shape: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [one for one in shape["preview"]["children"] if one["name"] == name]
    return one


def results(log: dict[str, Any], rule: str) -> list[tuple[str, str]]:
    """File and message of what a rule has found."""
    return [
        (one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], one["message"]["text"])
        for one in log["runs"][0]["results"]
        if one["ruleId"] == rule
    ]


def test_a_preview_changes_nothing(seen: dict, box: Sandbox) -> None:
    admin = Audit(box).admin
    for name, (told, _, _) in seen.items():
        assert [one for one in told.requests if one.user == admin and one.is_write] == [], name
        assert any(one.user == admin for one in told.requests), name


def test_a_version_bump_names_the_image_the_migration_and_the_restart(seen: dict) -> None:
    told, shape, _ = seen["version-bump"]
    assert told.code == 0, told.text
    (deployment,) = [one for one in child(shape, "orders")["resources"] if one["kind"] == "Deployment"]
    image = "registry.example.com/shop/orders"
    assert deployment["restarts"]
    assert deployment["confidence"] == "exact"
    assert [(one["before"], one["after"]) for one in deployment["fields"]] == [(f"{image}:1.14.0", f"{image}:1.15.0")]
    (job,) = [one for one in child(shape, "orders-migration")["resources"] if one["kind"] == "Job"]
    assert (job["op"], "metadata.name" in job["replacedFor"]) == ("replace", True)
    assert told.stdout.startswith("<!-- app-of-apps preview of shop/staging -->\n")
    assert "pods restart: yes" in told.stdout
    assert "the migration runs" in told.stdout
    assert shape["format"] == "app-of-apps/report/v1"


def test_a_new_service_is_assumed_as_long_as_its_namespace_is_not_there(seen: dict) -> None:
    told, shape, _ = seen["new-service"]
    assert told.code == 0, told.text
    reviews = child(shape, "reviews")
    assert (reviews["change"], reviews["dependsOn"], reviews["at"]["file"]) == (
        "added",
        ["catalog"],
        "apps/reviews.yaml",
    )
    known = {one["kind"]: one["confidence"] for one in reviews["resources"]}
    assert (known["Namespace"], known["Deployment"]) == ("exact", "assumed")
    assert [one["kind"] for one in child(shape, "catalog")["resources"]] == ["NetworkPolicy"]


def test_a_removed_service_goes_with_its_namespace(seen: dict) -> None:
    told, shape, log = seen["removed-service"]
    assert told.code == 0, told.text
    assert {one["op"] for one in child(shape, "mailer")["resources"]} == {"delete"}
    assert child(shape, "mailer")["secrets"] == [{"path": "orders/mailer", "key": "smtp-password", "change": "removed"}]
    ((file, message),) = results(log, "child-removed")
    assert file == "parent.yaml"
    assert "mailer (worker 1.3.2, team orders): namespace shop-mailer with 1 Secret" in message


def test_widened_access_names_who_gains_what(seen: dict) -> None:
    told, shape, log = seen["widened-access"]
    assert told.code == 0, told.text
    assert {(one["subject"], one["change"], one["target"]) for one in shape["preview"]["access"]} == {
        ("group team-platform", "gains", "pods/exec"),
        ("group team-platform", "gains", "pods/portforward"),
    }
    assert {file for file, _ in results(log, "access-widened")} == {"parent.yaml"}
    assert "Somebody gains access" in told.stdout


def test_a_broken_migration_fails_at_the_place_in_its_file(seen: dict) -> None:
    told, shape, log = seen["broken-migration"]
    assert told.code == 4, told.text
    assert shape["ok"] is False
    assert {"path": "orders/database", "key": "migration-dsn", "change": "missing"} in child(shape, "orders-migration")[
        "secrets"
    ]
    ((file, message),) = results(log, "secret-missing")
    assert file == "apps/orders-migration.yaml"
    assert "orders/database:migration-dsn" in message
    assert "did not begin" in told.stdout


def test_what_is_hostile_is_only_text(box: Sandbox, deployed: Path) -> None:
    def change(project: Path) -> None:
        edit(project / "apps/catalog.yaml", "CACHE_TTL: 60s", f"CACHE_TTL: {json.dumps(HOSTILE)}")

    environ, page = environment(box, "staging"), deployed.parent / "hostile.html"
    command = [*AOA, "preview", "staging", "--format", "markdown", "--full", str(page)]
    with pulled(deployed, change):
        told, again = (run(command, cwd=deployed, environ=environ) for _ in range(2))
    assert told.code == 0, told.text
    assert told.stdout == again.stdout
    assert told.stdout.count("<!--") == told.stdout.count("<!-- app-of-apps preview of shop/staging -->") == 1
    assert "CACHE&#95;TTL" in told.stdout
    for words in ("@team", " #1", "](", "</code><img", "<img"):
        assert words not in told.stdout
    assert "&lt;img src=x&gt;" in page.read_text()
    assert "<img" not in page.read_text()


def test_several_environments_are_looked_at_side_by_side(box: Sandbox, deployed: Path) -> None:
    command = [*AOA, "preview", "prod", "staging", "--format", "json"]
    done = run(command, cwd=deployed, environ=environment(box))
    assert done.code == 0, done.text
    told = json.loads(done.stdout)
    assert told["format"] == "app-of-apps/previews/v1"
    prod, staging = told["environments"]
    assert (prod["environment"], staging["environment"]) == ("prod", "staging")
    assert {one["change"] for one in prod["preview"]["children"]} == {"added"}
    assert {one["change"] for one in staging["preview"]["children"]} == {"unchanged"}
    assert (prod["preview"]["base"], staging["preview"]["gate"]["state"]) == (None, "open")


def test_where_one_of_several_is_invalid_the_others_are_told(box: Sandbox, deployed: Path) -> None:
    def change(project: Path) -> None:
        edit(project / "Pulumi.staging.yaml", "      orders: 1.14.0\n", "")

    with pulled(deployed, change):
        command = [*AOA, "preview", "staging", "prod", "--format", "markdown"]
        done = run(command, cwd=deployed, environ=environment(box))
    assert done.code == 2, done.text
    assert "<!-- app-of-apps preview of shop/staging -->" in done.stdout
    assert "<code>shop in staging</code>: there is none" in done.stdout
    assert "<code>shop in prod</code>: can be done" in done.stdout
