"""The example in both environments on one page: what runs where, where versions differ, and what an update does now."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app_of_apps.service.operation import Asked, State
from tests.browser import browser
from tests.integration.groups import forget_groups
from tests.integration.program.world import environment, run
from tests.integration.service.conftest import serving
from tests.integration.service.test_page import PICTURES, login, settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from sandbox import Sandbox
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration


NAME = "market"


@dataclass(frozen=True)
class Market:
    """A copy of the example under a name and with stacks of its own; others deploy the example itself."""

    box: Sandbox
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return environment(self.box)

    def make(self) -> None:
        shutil.copytree(self.box.project / "apps", self.folder / "apps")
        for name in ("__main__.py", "Pulumi.staging.yaml", "Pulumi.prod.yaml"):
            shutil.copy(self.box.project / name, self.folder / name)
        for name, was in (("parent.yaml", "shop"), ("Pulumi.yaml", "app-of-apps")):
            text = (self.box.project / name).read_text()
            assert text.count(f"\nname: {was}\n") + text.startswith(f"name: {was}\n") == 1
            (self.folder / name).write_text(text.replace(f"name: {was}\n", f"name: {NAME}\n", 1))
        (self.folder / ".venv").symlink_to(sys.prefix)
        for env in ("staging", "prod"):
            init = ("stack", "init", env, "--secrets-provider", f"hashivault://pulumi-{env}", "--no-select")
            self._run("pulumi", *init, "--non-interactive")

    def up(self, env: str) -> None:
        self._run(sys.executable, "-m", "app_of_apps", "up", env)

    def _run(self, *command: str) -> None:
        done = run(command, cwd=self.folder, environ=self.environ)
        assert done.code == 0, done.text


@pytest.fixture(scope="module")
def shop(box: Sandbox, area: Path, port: int) -> Iterator[Served]:
    """The example, deployed to staging and to prod."""
    found = Market(box, area / "projects" / NAME)
    found.make()
    forget_groups(box)
    for env in ("staging", "prod"):
        found.up(env)
    with serving(found, port, refresh=1.0) as served:
        yield served
        assert "Traceback" not in served.log.read_text()
    forget_groups(box)


@pytest.fixture(scope="module")
def page(shop: Served) -> Iterator[Page]:
    with browser() as chromium:
        found = login(chromium, shop)
        yield found
        found.context.close()


def test_both_environments_stand_side_by_side_with_where_they_differ(page: Page, shop: Served) -> None:
    page.goto(shop.url)
    settled(page)
    heads = page.locator("table.matrix thead th").all_inner_texts()
    assert [re.split(r"\s", one)[0] for one in heads] == ["Child", "staging", "prod"]
    for head in heads[1:]:
        assert re.search(r"release [0-9a-f]{12}, \d+ (s|min) ago by \S+", head), head
    rows = page.locator("table.matrix tbody tr")
    versions = {}
    for row in rows.all():
        name = row.locator("th").inner_text().split()[0]
        versions[name] = tuple(row.locator("td .version").all_inner_texts())
        assert row.locator("td >> text=healthy").count() == 2, name
        assert ("versions differ" in row.locator("th").inner_text()) == (len(set(versions[name])) > 1), name
    assert versions == {
        "catalog": ("2.9.0", "2.8.3"),
        "orders-migration": ("1.14.0", "1.13.2"),
        "orders": ("1.14.0", "1.13.2"),
        "mailer": ("1.3.2", "1.3.2"),
        "settlement": ("0.8.1", "0.8.1"),
        "storefront": ("3.1.0", "3.0.4"),
    }
    assert [page.locator("svg.graph").nth(number).locator(".node").count() for number in range(2)] == [6, 6]
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        page.set_viewport_size({"width": 1200, "height": 900})
        page.screenshot(path=PICTURES / "all-environments.png", full_page=True)


def test_an_update_is_seen_in_the_graph_while_it_runs(page: Page, shop: Served) -> None:
    file = shop.world.folder / "Pulumi.staging.yaml"
    file.write_text(file.read_text().replace("catalog: 2.9.0", "catalog: 2.9.1"))
    page.goto(shop.url)
    loads = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    with shop.client() as client:
        operation = client.begin("staging", Asked(operation="up"))
        page.wait_for_selector("text=Running and waiting", timeout=15000)
        page.wait_for_selector("svg.graph .node.progressing >> text=catalog", timeout=30000)
        assert client.wait(operation.id).state is State.SUCCEEDED
    page.wait_for_function("() => !document.body.innerText.includes('Running and waiting')", timeout=30000)
    page.wait_for_selector("table.matrix >> text=2.9.1", timeout=30000)
    assert loads == []
