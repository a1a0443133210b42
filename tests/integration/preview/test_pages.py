"""The pages of previews in a real Chromium: wide and narrow, light and dark, loading nothing, readable by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.layout import CHECKOUT
from tests.browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.integration

PAGES = sorted((CHECKOUT / "docs/demonstrations").glob("*.html"))
# Relative luminance and contrast as WCAG 2.2 defines them (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
_CONTRASTS = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('h1, h2, li, summary, code')].map((element) => {
    const pair = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def opened(chromium: Browser, file: str, *, width: int = 1280, dark: bool = False) -> tuple[Page, list[str]]:
    """Open a page; what it asks for beside itself, and what it complains about, is noted."""
    tab = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    noted: list[str] = []
    tab.on("request", lambda request: noted.append(request.url))
    tab.on("console", lambda message: noted.append(message.text))
    tab.on("pageerror", lambda error: noted.append(str(error)))
    tab.goto(file)
    return tab, [one for one in noted if one != file]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_a_page_fits_loads_nothing_and_can_be_read(chromium: Browser, file) -> None:
    assert len(PAGES) == 5
    for dark in (False, True):
        for width in (1280, 390):
            tab, noted = opened(chromium, file.as_uri(), width=width, dark=dark)
            assert noted == []
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.locator("h1").inner_text().startswith("Preview of ")
            tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert min(tab.evaluate(_CONTRASTS)) >= 4.5, "WCAG AA"
            tab.close()


def test_details_open_by_keyboard(chromium: Browser) -> None:
    tab, _ = opened(chromium, PAGES[-1].as_uri())
    closed = tab.locator("details:not([open])").count()
    tab.locator("details:not([open]) > summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("details:not([open])").count() == closed - 1
    tab.close()
