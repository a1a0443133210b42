"""What promotion reads from records and clusters, and how a change of versions is tried before it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.promotion import below, ended_attempts, followers, tried, with_digests
from app_of_apps.deploy.status import ChildStatus, EnvironmentStatus, Standing
from app_of_apps.environment.load import load_environment
from app_of_apps.errors import InvalidInput, Refused, Unavailable
from app_of_apps.evidence.record import START, Record
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.promotion import Running, Verdict, Why
from tests.unit.release.world import child, environment, manifest

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def record(sequence: int, kind: str = "began", **more: Any) -> Record:
    given = {
        "sequence": sequence,
        "previous": START,
        "kind": kind,
        "time": f"2026-11-24T10:{sequence:02}:00Z",
        "parent": "shop",
        "environment": "staging",
        "operation": "up",
        **more,
    }
    return Record.model_validate(given)


def began(sequence: int, version: str, *changed: str, **more: Any) -> Record:
    children = {"api": {"digest": DIGEST, "type": "service", "team": "core", "version": version}}
    changes = [{"child": name, "change": "changed"} for name in changed]
    return record(sequence, children=children, changes=changes, **more)


def ended(sequence: int, attempt: int, result: str = "succeeded", **more: Any) -> Record:
    return record(sequence, "ended", attempt=attempt, result=result, **more)


def test_an_attempt_is_what_began_with_the_time_and_the_result_of_its_end() -> None:
    (one,) = ended_attempts([began(4, "2", "api"), ended(5, 4)])
    assert (one.record, one.succeeded, one.versions, one.touched) == (5, True, {"api": "2"}, {"api"})
    assert one.time == datetime(2026, 11, 24, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("result", ["failed", "killed", "interrupted", "refused"])
def test_whatever_did_not_succeed_has_failed(result: str) -> None:
    (one,) = ended_attempts([began(4, "2", "api"), ended(5, 4, result)])
    assert not one.succeeded


def test_an_attempt_without_an_end_has_failed_too() -> None:
    (one,) = ended_attempts([began(4, "2", "api")])
    assert (one.record, one.succeeded) == (4, False)


def test_refusals_notes_and_operations_that_deploy_nothing_do_not_count() -> None:
    records = [
        record(1, "refused", operation="up", result="refused"),
        record(2, "note", operation="promote"),
        began(3, "2", "api", operation="refresh"),
        ended(4, 3, operation="refresh"),
    ]
    assert list(ended_attempts(records)) == []


def test_a_rollback_counts_as_any_deployment_and_a_destroy_leaves_nothing() -> None:
    records = [
        began(1, "2", "api", operation="rollback"),
        ended(2, 1, operation="rollback"),
        began(3, "2", operation="destroy"),
        ended(4, 3, operation="destroy"),
    ]
    back, gone = ended_attempts(records)
    assert back.versions == {"api": "2"}
    assert (gone.succeeded, gone.versions, gone.touched) == (True, {}, {"api"})


def status(**more: Any) -> EnvironmentStatus:
    children = (
        ChildStatus("api", "service", "core", Standing.HEALTHY, version="2"),
        ChildStatus("sick", "worker", "core", Standing.PROGRESSING, version="1", message="0 of 1"),
        ChildStatus("gone", "worker", "core", Standing.ABSENT),
        ChildStatus("chart", "chart", "core", Standing.HEALTHY, version="of-some-image"),
    )
    return EnvironmentStatus("staging", "staging", children, "sha256:x", **more)


def test_what_runs_is_what_the_cluster_says() -> None:
    settings = environment(versions={"api": "2"}).settings
    found = below(settings, status(), [], NOW)
    assert (found.name, found.versions, found.now) == ("staging", {"api": "2"}, NOW)
    assert found.running == {
        "api": Running(healthy=True, version="2", message="healthy"),
        "sick": Running(healthy=False, version="1", message="0 of 1"),
        "gone": Running(healthy=False, message="absent"),
        "chart": Running(healthy=True, message="healthy"),
    }


def test_nothing_is_decided_about_a_cluster_that_does_not_answer() -> None:
    with pytest.raises(Unavailable, match="staging is away"):
        below(environment().settings, status(error="staging is away"), [], NOW)


class StubRegistries:
    """Stands in for image registries; knows one tag."""

    def digest(self, repository: str, tag: str) -> str:
        if (repository, tag) == ("registry.example.com/api", "2"):
            return DIGEST
        msg = f"no tag {tag}"
        raise Refused(msg)


def pinned(*children: Any, version: str = "2", moves: bool = True, others: tuple[str, ...] = ()) -> Verdict:
    verdict = Verdict("api", "1", version, moves=moves, words="", followers=others)
    (found,) = with_digests([verdict], manifest(*(children or [child()])), StubRegistries())
    return found


def test_a_version_that_moves_gets_the_digest_of_its_tag() -> None:
    assert pinned().version == f"2@{DIGEST}"
    assert pinned(version=f"3@{DIGEST}").version == f"3@{DIGEST}"
    assert pinned(version="9", moves=False).version == "9"


def test_a_version_without_a_digest_stays() -> None:
    found = pinned(version="3")
    assert (found.moves, found.why, found.words) == (False, Why.UNPINNED, "no tag 3")
    assert pinned(child(type="chart", name="api", versionValue="image.tag")).why is Why.UNPINNED


def test_one_digest_has_to_fit_all_images_of_a_version() -> None:
    migration = {"type": "migration", "name": "api-migration", "versionFrom": "api"}
    same, other = child(**migration, image="registry.example.com/api"), child(**migration)
    assert pinned(child(), same, others=("api-migration",)).version == f"2@{DIGEST}"
    assert pinned(child(), other, others=("api-migration",)).why is Why.UNPINNED


def test_a_child_is_followed_by_those_that_take_its_version() -> None:
    one = child(type="migration", name="api-migration", versionFrom="api")
    assert followers(manifest(child(), one)) == {"api": ("api-migration",)}


# --- trying a change --------------------------------------------------------------------------------------------------


@pytest.fixture(name="project")
def a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    head = "apiVersion: app-of-apps/v1\n"
    (tmp_path / "parent.yaml").write_text(
        f"{head}kind: Parent\nname: shop\nteams: {{core: {{contact: '#core'}}}}\nchildren: [api.yaml]\n"
    )
    (tmp_path / "api.yaml").write_text(
        f"{head}kind: Child\nname: api\ntype: worker\nteam: core\nimage: registry.example.com/api\n"
    )
    for name in ("staging", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(
            f"config:\n  app-of-apps:environment:\n    name: {name}\n    cluster: {{context: {name}}}\n"
            f"    vault: {{mounts: {{kv: kv-{name}, jwt: jwt-{name}}}}}\n    versions:\n      api: 1.0.0\n"
        )
    return tmp_path


def test_a_change_is_tried_without_being_written(project: Path) -> None:
    before = (project / "Pulumi.prod.yaml").read_text()
    release = tried(load_manifest(project / "parent.yaml"), project, "prod", before.replace("1.0.0", "2.0.0"))
    assert release.child("api").version == "2.0.0"
    assert (project / "Pulumi.prod.yaml").read_text() == before
    assert load_environment("prod", project).settings.versions == {"api": "1.0.0"}


@pytest.mark.parametrize("line", ["      web: 2.0.0\n", "      api: '1/2'\n"])
def test_a_change_that_does_not_hold_together_is_refused_where_it_would_stand(project: Path, line: str) -> None:
    file = project / "Pulumi.prod.yaml"
    text = file.read_text().replace("      api: 1.0.0\n", "      api: 1.0.0\n" * ("web" in line) + line)
    with pytest.raises(InvalidInput) as caught:
        tried(load_manifest(project / "parent.yaml"), project, "prod", text)
    assert str(caught.value).startswith(f"{file}:")
    assert "aoa-promotion" not in str(caught.value)
