"""How long each child took, as the program measures it: without what it waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.parent_app import ParentApp
from tests.components.recording import record
from tests.components.shop import parent_args, release, shop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app_of_apps.release.model import Release

DELAY = 1.5  # a busy machine takes some of that for nothing


def measured(of: Release, *slow: str) -> Mapping[str, float]:
    """Declare a release whose ``slow`` resources answer late, and return what the attempt is told."""
    told: list[Mapping[str, float]] = []
    record(lambda: ParentApp(of.parent, parent_args(of, recorded=told.append)), slow=slow, delay=DELAY)
    (found,) = told
    return found


def test_a_child_is_measured_without_what_it_needs(tmp_path: Path) -> None:
    of = release(tmp_path, shop())
    found = measured(of, "migration-job", "mailer-deployment", "broker-deployment-broker")
    assert found.keys() == {child.name for child in of.children}
    for name in ("migration", "mailer", "broker"):
        assert found[name] >= DELAY, name
    # They come after those, and take no time of their own.
    for name in ("api", "night", "front"):
        assert found[name] < DELAY, name


def test_a_chart_is_measured_by_its_release(tmp_path: Path) -> None:
    assert measured(release(tmp_path, shop()), "reports-chart")["reports"] >= DELAY
