"""Signing in the page, in a real Chromium: from the form by a second login to a gate that opens."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import browser
from tests.integration.groups import forget_groups
from tests.integration.service.conftest import make_world, serving
from tests.integration.service.test_page import CONTRAST, PICTURES, login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from sandbox import Sandbox
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration

GATES = {"approvals": {"required": 1, "groups": ["platform-admins"], "validFor": "1h"}}
SIGN = "form.sign button"
BACK = "button:has-text('Take it back')"
JWT = re.compile(rb"eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.")


@pytest.fixture(scope="module")
def inked(box: Sandbox, area: Path, port: int) -> Iterator[Served]:
    """A gate, and a service whose own login is for another client than the one that signs."""
    world = make_world(box, area, "inked", gates=GATES)
    prepared = world.program("approvals", "staging", "--prepare")
    assert prepared.code == 1, prepared.text
    login = {"audience": "aoa-service", "approvals": {"staging": "aoa-staging"}}
    with serving(world, port, environ={"AOA_SERVICE_CLIENT_SECRET_STAGING": "any"}, login=login) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
    forget_groups(box)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(chromium: Browser, inked: Served) -> Iterator[Page]:
    found = login(chromium, inked)
    yield found
    found.context.close()


def statements(inked: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(inked.world.program("approvals", "staging", "--format", "json").stdout)[
        "statements"
    ]
    return found


def environment(page: Page, inked: Served, wanted: str) -> None:
    """Open the environment's page once it shows something; it waits for nobody, so it may take some loads."""
    for _ in range(60):
        page.goto(f"{inked.url}/environments/staging")
        if page.locator(wanted).count():
            return
        page.wait_for_timeout(1000)
    raise AssertionError(page.inner_text("main"))


def identify(page: Page, who: str = "dora") -> None:
    """Log in by the identity provider's own form."""
    page.fill("input[name=sub]", who)
    page.click("button:has-text('Authorize')")


def test_whoever_sees_a_part_has_no_form(chromium: Browser, inked: Served) -> None:
    found = login(chromium, inked, "ada")
    environment(found, inked, "h2#changes")
    assert found.locator(SIGN).count() == 0
    found.context.close()


def test_the_command_signs_no_other_release_than_the_one_that_was_seen(inked: Served) -> None:
    refused = inked.world.approves("dora", "--release", "sha256:" + "0" * 64)
    assert refused.code == 3
    assert "nothing was signed" in refused.text
    assert statements(inked) == []


def test_somebody_else_at_the_second_login_signs_nothing(page: Page, inked: Served) -> None:
    environment(page, inked, SIGN)
    page.click(SIGN)
    page.click("a.button")
    identify(page, "cleo")
    page.wait_for_selector("text=somebody else has logged in")
    assert page.title() == "That did not work"
    assert statements(inked) == []


def test_a_person_signs_with_a_keyboard_what_they_have_seen(page: Page, inked: Served) -> None:
    environment(page, inked, SIGN)
    release = page.input_value("form.sign input[name=release]")
    assert release in page.inner_text("form.sign")
    page.get_by_label("Reason").focus()
    page.keyboard.type("seen with ben")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Sign a release in staging')")
    text = page.inner_text("main")
    assert release in text
    assert "seen with ben" in text
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1200, "height": 900})
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        page.emulate_media(color_scheme="light")
        page.screenshot(path=PICTURES / "sign.png", clip={"x": 0, "y": 0, "width": 1200, "height": 480})
    page.get_by_role("link", name="Log in and sign").focus()
    page.keyboard.press("Enter")
    identify(page)
    page.wait_for_url(f"{inked.url}/environments/staging")
    said = page.get_by_role("status").inner_text()
    assert said.startswith(f"You have signed {release} in staging: signed so far by dora")
    (one,) = statements(inked)
    assert (one["kind"], one["approver"], one["digest"], one["counts"], one["reason"]) == (
        "approve",
        "dora",
        release,
        True,
        "seen with ben",
    )


def test_they_take_it_back(page: Page, inked: Served) -> None:
    environment(page, inked, BACK)
    page.click(BACK)
    page.wait_for_selector("h1:has-text('Take a signature back in staging')")
    page.click("a.button")
    identify(page)
    page.wait_for_url(f"{inked.url}/environments/staging")
    assert "You have taken back your signature" in page.get_by_role("status").inner_text()
    assert not any(one["counts"] for one in statements(inked))


def test_without_scripts_they_sign_again_and_the_operation_runs(chromium: Browser, inked: Served) -> None:
    found = login(chromium, inked, java_script_enabled=False)
    environment(found, inked, SIGN)
    found.click(SIGN)
    found.click("a.button")
    identify(found)
    found.wait_for_url(f"{inked.url}/environments/staging")
    assert "You have signed" in found.inner_text("main")
    found.click("button:has-text('Deploy the project')")
    found.wait_for_url(re.compile("/operations/"))
    for _ in range(90):
        if found.locator("h1 .result.succeeded").count():
            break
        found.wait_for_timeout(1000)
        found.reload()
    assert found.locator("h1 .result.succeeded").count(), found.inner_text("main")
    found.context.close()
    attempts = json.loads(inked.world.program("history", "staging", "--output", "json").stdout)["attempts"]
    (approval,) = attempts[-1]["approvals"]
    assert (approval["name"], approval["proven"]) == ("dora", True)


def test_an_author_is_told_that_they_may_not_sign_their_own_change(page: Page, inked: Served) -> None:
    inked.world.versions["site"] = "1.1.0"
    inked.world.commit(author="dora@shop.example.com")
    environment(page, inked, SIGN)
    before = len(statements(inked))
    page.click(SIGN)
    page.click("a.button")
    identify(page)
    page.wait_for_selector("h1:has-text('That did not work')", timeout=60000)
    assert "author" in page.inner_text("main")
    assert len(statements(inked)) == before


def test_no_token_is_kept_anywhere(page: Page, inked: Served) -> None:
    folder = inked.world.folder
    for file in (*folder.rglob("*"), inked.log, *folder.parent.glob("*service*")):
        if file.is_file():
            assert not JWT.search(file.read_bytes()), file
    kept = json.dumps([page.context.cookies(inked.url), page.evaluate("({...localStorage, ...sessionStorage})")])
    assert not JWT.search(kept.encode())
