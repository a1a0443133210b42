"""The plan of a release: its children in the order in which they may start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.graph.order import Plan, order

if TYPE_CHECKING:
    from app_of_apps.release.model import Release


def plan(release: Release) -> Plan:
    """Order the children of ``release``; what each needs comes in earlier waves."""
    return order({child.name: child.spec.depends_on for child in release.children})
