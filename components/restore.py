"""A rollback, which the variable AOA_RESTORE asks for: earlier content through the same graph, gate and record.

``7`` brings back release 7, ``7:api,site`` two children of it; ``@12`` at the end keeps everything else as attempt 12
wanted it. `aoa rollback` sets the variable, and so may whoever runs `pulumi up`.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from app_of_apps.deploy.chart_history import chart_folders
from app_of_apps.deploy.past import vouched_past
from app_of_apps.deploy.rollback import VARIABLE, rollback
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.objects.render import release_objects
from app_of_apps.release.provenance import carried
from app_of_apps.release.restore import Order
from app_of_apps.release.restore_rules import composed_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.deploy.rollback import Rollback
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.objects.model import ChildObjects
    from app_of_apps.release.model import Release
    from app_of_apps.release.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is deployed in the working tree's place."""

    rollback: Rollback
    manifest: Manifest
    charts: Mapping[str, Path]
    """Child → where its chart lies, where that is not the working tree."""

    @property
    def release(self) -> Release:
        """The release that comes back."""
        return self.rollback.release

    def origins(self, found: Mapping[str, Provenance], own: Provenance) -> dict[str, Provenance]:
        """Return where the content of each child came from: one that comes back has the origin that it had."""
        before = carried(self.release, self.rollback.target.stored, own)
        return {name: before[name] if origin == own else origin for name, origin in found.items()}

    def objects(self, provenance: Mapping[str, Provenance]) -> tuple[ChildObjects, ...]:
        """Return the objects of its children, each chart taken from where it lies."""
        return tuple(
            replace(one, chart={**one.chart, "chart": str(self.charts[one.child])})
            if one.chart is not None and one.child in self.charts
            else one
            for one in release_objects(self.release, provenance)
        )


def restoration(manifest: Manifest, environment: LoadedEnvironment, now: Release, project: Path) -> Restoration | None:
    """Return the rollback that is asked for; None when none is. ``now`` is the working tree's release.

    Raises InvalidInput for a variable that says nothing or names what is not there, Refused where it cannot be.
    """
    asked = os.environ.get(VARIABLE)
    if not asked:
        return None
    with KubeReader(now.cluster.context) as kube:
        past = vouched_past(environment.settings, now.parent, kube, environ=os.environ, project=project)
        made = rollback(Order.parse(asked), manifest=manifest, environment=environment, now=now, past=past, kube=kube)
    charts: Mapping[str, Path] = {}
    if any(child.spec.type == "chart" for child in made.release.children):
        into = tempfile.TemporaryDirectory(prefix="aoa-charts-")
        atexit.register(into.cleanup)
        charts = chart_folders(made.release, project, made.commits, Path(into.name))
    pulumi.log.info(made.words)
    return Restoration(made, composed_manifest(manifest, made.release.by_name, made.target.number), charts)
