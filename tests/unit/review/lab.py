"""What the tests of previews share: recorded events of five pull requests, and the example that they change."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.automation.events import EngineEvent

from app_of_apps import __version__
from app_of_apps.deploy.drift import Drift
from app_of_apps.deploy.events import of_engine
from app_of_apps.deploy.ledger import Ledger
from app_of_apps.deploy.outcome import Ending, report_of
from app_of_apps.deploy.redact import Redactor
from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.record import release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.deletions import Contents, deletions_of
from app_of_apps.release.deletions import Standing as Stood
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve
from app_of_apps.review.build import Around, foreseen
from app_of_apps.review.steps import Steps
from tests.example import copy_example
from tests.pulls import PULLS
from tests.unit.review.past import Past
from tests.unit.review.reality import DRIFT

if TYPE_CHECKING:
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release
    from app_of_apps.review.model import Foreseen

CHECKOUT = Path(__file__).resolve().parents[3]
RECORDED = Path(__file__).parent / "recorded"
GOLDEN = Path(__file__).parent / "golden"
# Of some pull requests there is more to tell than what they change.
DRIFTS = {"version-bump": DRIFT}
PASTS = {
    "version-bump": Past()
    .deployed({"orders-migration": 9.0, "orders": 14.0})
    .deployed({"orders-migration": 30.0, "orders": 12.0})
    .deployed({"orders": 21.0})
    .deployed({"orders-migration": 12.0, "orders": 11.0}, result="failed")
    .deployed({"orders-migration": 11.0, "orders": 15.5})
    .records,
    "new-service": Past().deployed({"catalog": 4.0}).records,
}


@dataclass(frozen=True)
class Pull:
    before: Release
    after: Release
    manifest: Manifest
    folder: str


def steps(name: str) -> Steps:
    found = Steps(Redactor({}))
    for line in (RECORDED / f"{name}.events.jsonl").read_text().splitlines():
        found.take(EngineEvent.from_json(json.loads(line)))
    return found


@cache
def pull(name: str) -> Pull:
    """The example before and after a pull request."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_example(Path(folder))
        before = _release(project)[1]
        PULLS[name](project)
        manifest, after = _release(project)
        return Pull(before, after, manifest, folder)


def _release(project: Path) -> tuple[Manifest, Release]:
    manifest = load_manifest(project / "parent.yaml")
    return manifest, resolve(manifest, load_environment("staging", project))


@cache
def seen(name: str, *, gate: str = "") -> Foreseen:
    """Return what the recorded preview of a pull request says."""
    one = pull(name)
    found, ledger = steps(name), Ledger(release_objects(one.after))
    for line in (RECORDED / f"{name}.events.jsonl").read_text().splitlines():
        if event := of_engine(EngineEvent.from_json(json.loads(line)), Redactor({})):
            ledger.take(event)
    failed = name == "broken-migration"
    report = report_of("preview", one.after, plan(one.after), ledger=ledger, ending=Ending(not failed, 3.0), kube=None)
    gone = [child for child in one.before.children if child.name not in one.after.by_name]
    stood = [Stood(child.name, child.namespace, child.spec.type, child.spec.team, child.version) for child in gone]
    deletions = deletions_of(
        stood, one.after, {child.name: Contents(secrets=1) for child in gone}, last=set(one.before.by_name)
    )
    missing = frozenset({("orders/database", "migration-dsn")}) if failed else frozenset()
    around = Around(
        dict(release_record(one.before)[1].manifest),
        deletions,
        gate,
        missing,
        drift=DRIFTS.get(name, Drift(())),
        records=PASTS.get(name, ()),
    )

    def locate(child, loc):
        position = one.manifest.position(child, loc)
        return type(position)(str(Path(position.file).relative_to(one.folder)), position.line, position.column)

    return foreseen(one.after, report, found, around, locate)


def steady(text: str, one: Pull | None = None) -> str:
    """Return text in which no digest stands: they change with the model of a release."""
    for release in (one.before, one.after) if one else ():
        for part in (release.digest.rpartition(":")[2], release.digest.rpartition(":")[2][:12]):
            text = text.replace(part, "0" * 12)
    text = re.sub(r"release-(\d+)-[0-9a-f]{12}", r"release-\1-0", text).replace(f'"{__version__}"', '"0"')
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:0", text)
