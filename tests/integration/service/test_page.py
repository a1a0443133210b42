"""The page in a real Chromium: what it shows, by keyboard, without scripts, in the dark, on a telephone, attacked.

The pictures in docs/service are taken here when AOA_UPDATE_GOLDEN is set.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_of_apps.service.operation import Asked
from app_of_apps.service.proposal import Asking
from tests.browser import browser
from tests.integration.program.world import service
from tests.integration.service.conftest import make_world, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from sandbox import Sandbox
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration

PICTURES = Path(__file__).parents[3] / "docs" / "service"
MESSAGE = "cannot reach the database"
SCRIPT = "<img src=x onerror=\"document.title='hacked'\">"


@pytest.fixture(scope="module")
def shown(box: Sandbox, area: Path, port: int) -> Iterator[Served]:
    """A parent whose last update failed, with a proposal of an agent."""
    world = make_world(box, area, "shown")
    with serving(world, port, refresh=1.0) as found:
        assert found.aoa("up", "staging").returncode == 0
        world.children["site"] = service(needs=["db"], pods={"behaviour": "crash", "message": MESSAGE}, deadline="10s")
        world.versions["site"] = "2.0.0"
        world.commit()
        assert found.aoa("up", "staging").returncode == 5
        with found.client("gus") as agent:
            agent.propose(
                Asking(environment="staging", asked=Asked(operation="rollback", reason="site fails since 2.0.0"))
            )
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def login(chromium: Browser, shown: Served, who: str = "dora", **more: object) -> Page:
    """Log in by the identity provider's own form, as a person does."""
    context = chromium.new_context(ignore_https_errors=True, **more)
    page = context.new_page()
    page.goto(shown.url)
    page.click("a.button")
    page.fill("input[name=sub]", who)
    page.click("button, input[type=submit]")
    page.wait_for_url(f"{shown.url}/")
    return page


@pytest.fixture(scope="module")
def page(chromium: Browser, shown: Served) -> Iterator[Page]:
    found = login(chromium, shown)
    yield found
    found.context.close()


def settled(page: Page) -> None:
    """Wait until history and changes have been looked at."""
    page.wait_for_function("() => !document.body.innerText.includes('Nothing is on record yet')", timeout=30000)


def test_one_look_tells_what_fails_and_why(page: Page, shown: Served) -> None:
    page.goto(shown.url)
    settled(page)
    text = page.inner_text("main")
    assert "up failed" in text
    assert "site (team one, #one): Deployment shown-site/site" in text
    assert "agent copilot proposes: rollback" in text
    assert page.title() == "shown: what runs where"
    assert "dora (through the service)" in text
    assert page.locator("svg.graph .node").count() == 2


def test_a_failure_has_one_report_that_begins_with_its_cause(page: Page, shown: Served) -> None:
    page.goto(shown.url)
    page.click("ul.attention a:has-text('up failed')")
    page.wait_for_selector("h2:has-text('Root cause')")
    assert page.locator("h2").first.inner_text() == "Root cause"
    assert "What to do next" in page.inner_text("main")
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        page.screenshot(path=PICTURES / "failure.png", full_page=True)


def test_it_is_read_without_scripts(chromium: Browser, shown: Served) -> None:
    found = login(chromium, shown, java_script_enabled=False)
    assert "What runs where" in found.inner_text("main")
    found.click("th a:has-text('staging')")
    assert "Children" in found.inner_text("main")
    found.context.close()


def test_it_is_used_with_a_keyboard_alone(page: Page, shown: Served) -> None:
    page.goto(shown.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id || location.hash") in {"main", "#main"}
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName + (document.activeElement.textContent || '').trim()"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        if page.evaluate("document.activeElement !== document.body"):
            assert outline != "none"
    assert any("staging" in one for one in seen)


def test_it_fits_a_telephone(page: Page, shown: Served) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    for path in ("/", "/environments/staging", "/proposals"):
        page.goto(shown.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.set_viewport_size({"width": 1200, "height": 900})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(chromium: Browser, shown: Served, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    found = login(chromium, shown, color_scheme=scheme)
    for path in ("/", "/environments/staging", "/proposals"):
        found.goto(shown.url + path)
        low = found.evaluate(CONTRAST)
        assert low == [], (path, low[:5])
    if os.environ.get("AOA_UPDATE_GOLDEN") and scheme == "dark":
        found.goto(f"{shown.url}/environments/staging")
        settled(found)
        found.screenshot(path=PICTURES / "environment-dark.png", full_page=True)
    found.context.close()


def test_every_field_and_image_has_a_name_and_headings_are_in_order(page: Page, shown: Served) -> None:
    for path in ("/", "/environments/staging", "/proposals"):
        page.goto(shown.url + path)
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), svg')].filter(one => "
            "!(one.labels && one.labels.length) && !one.getAttribute('aria-label')).map(one => one.outerHTML)"
        )
        assert unnamed == [], path
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        assert page.evaluate("document.documentElement.lang") == "en"


def test_it_follows_an_operation_without_being_loaded_again(page: Page, shown: Served) -> None:
    asked = []
    page.on("framenavigated", lambda frame: asked.append(frame.url))
    page.goto(f"{shown.url}/environments/staging")
    asked.clear()
    with shown.client() as client:
        client.begin("staging", Asked(operation="preview", reason="to be seen"))
        page.wait_for_selector("text=Running and waiting", timeout=15000)
        page.wait_for_selector("#operations ~ ul >> text=preview", timeout=30000)
    assert asked == []


def test_what_others_write_is_shown_and_never_run(page: Page, shown: Served) -> None:
    with shown.client("gus") as agent:
        agent.propose(Asking(environment="staging", asked=Asked(operation="refresh", reason=SCRIPT), patch=SCRIPT))
    for path, title in (("/", "shown: what runs where"), ("/proposals", "Proposals")):
        page.goto(shown.url + path)
        assert "onerror" in page.inner_text("main")
        page.wait_for_timeout(300)
        assert page.title() == title
        assert page.locator("main img").count() == 0


def test_who_may_not_has_no_buttons(chromium: Browser, shown: Served) -> None:
    found = login(chromium, shown, "ada")
    found.goto(f"{shown.url}/environments/staging")
    text = found.inner_text("main")
    assert "site" in text
    assert "Deploy the project" not in text
    assert not re.search(r"\bdb\b", text)
    found.context.close()


def test_a_person_begins_what_an_agent_proposed(page: Page, shown: Served) -> None:
    page.goto(f"{shown.url}/proposals")
    assert page.title() == "Proposals"
    page.click("article:has-text('site fails since') >> text=Begin it")
    page.wait_for_url(re.compile("/operations/"))
    page.wait_for_selector("h1 .result.succeeded", timeout=90000)
    page.goto(shown.url)
    page.wait_for_function("() => !document.body.innerText.includes('up failed')", timeout=30000)


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const back = (one) => { for (; one; one = one.parentElement) { const c = rgb(getComputedStyle(one).backgroundColor);
    if (c[3] === 255) return c; } return rgb("#fff"); };
  const low = [];
  for (const one of document.querySelectorAll("main *, header *")) {
    if (one.closest("svg") || ![...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    if (one.matches(".skip") || !one.offsetParent) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(back(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push([one.textContent.trim().slice(0, 40), ratio]);
  }
  return low;
}"""
