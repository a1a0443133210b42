"""`aoa promote` on files: what it says, writes and refuses. What is below is told by stand-ins, no cluster is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.deploy.status import ChildStatus, EnvironmentStatus, Standing
from app_of_apps.evidence.chain import Finding
from app_of_apps.evidence.record import START, InCluster, Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Result

    Aoa = Callable[..., Result]

PROD = """\
config:
  app-of-apps:environment:
    name: prod
    cluster: {context: nowhere-else}
    vault: {mounts: {kv: kv-prod, jwt: jwt-prod}}
    promotion: {from: staging, healthyFor: 30m}
    versions:
      api: '1.3.0'   # behind
      site: 2.0.0
"""
MOVED = PROD.replace("'1.3.0'", "'1.4.0'")
REFUSED, INVALID, UNAVAILABLE = 3, 2, 4


class Below:
    """Stands in for the evidence and the cluster of staging; tests change what they say."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.keys = {"transit/aoa-evidence-staging:1": b""}
        self.notes = ("no key",)
        self.ended = "2026-11-24T10:00:00Z"
        self.result = "succeeded"
        self.noted: list[dict[str, Any]] = []

    @property
    def records(self) -> tuple[Record, ...]:
        common = {"previous": START, "parent": "shop", "environment": "staging", "operation": "up"}
        children = {
            name: {"digest": "sha256:x", "type": kind, "team": "core", "version": version}
            for name, kind, version in (
                ("api", "service", "1.4.0"),
                ("db", "migration", "1.4.0"),
                ("site", "service", "2.0.0"),
            )
        }
        changes = [{"child": "api", "change": "changed"}]
        began = {**common, "sequence": 6, "kind": "began", "time": "2026-11-24T09:58:00Z", "children": children}
        ended = {**common, "sequence": 7, "kind": "ended", "time": self.ended, "attempt": 6, "result": self.result}
        return Record.model_validate({**began, "changes": changes}), Record.model_validate(ended)

    def status(self) -> EnvironmentStatus:
        versions = {"api": ("service", "1.4.0"), "db": ("migration", "1.4.0"), "site": ("service", "2.0.0")}
        children = tuple(
            ChildStatus(name, kind, "core", Standing.HEALTHY, version=version)
            for name, (kind, version) in versions.items()
        )
        return EnvironmentStatus("staging", "nowhere", children, "sha256:x")


class StandInStore:
    """Stands in for a cluster's records; knows the time alone."""

    def __init__(self, _: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def whoami(self) -> tuple[InCluster, str]:
        return InCluster(username="somebody"), "2026-11-24T12:00:00Z"


@pytest.fixture(name="below")
def what_is_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> Below:
    (project / "Pulumi.prod.yaml").write_text(PROD)
    found = Below()

    class StandInJournal:
        """Stands in for the target's journal; keeps its notes."""

        @classmethod
        def open(cls, *_: object) -> Self:
            return cls()

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def note(self, operation: str, **fields: Any) -> int:
            found.noted.append({"operation": operation, **fields})
            return 12

    monkeypatch.setattr("app_of_apps.evidence.reading.read_chain", lambda *_: found)
    monkeypatch.setattr("app_of_apps.deploy.status.read_status", lambda _: (found.status(),))
    monkeypatch.setattr("app_of_apps.evidence.store.RecordStore", StandInStore)
    monkeypatch.setattr("app_of_apps.evidence.journal.Journal", StandInJournal)
    monkeypatch.setattr("app_of_apps.environment.guard.check_environment", lambda *_, **__: None)
    return found


def prod(project: Path) -> str:
    return (project / "Pulumi.prod.yaml").read_text()


@pytest.mark.usefixtures("below")
def test_what_moves_and_what_stays_is_told_and_only_the_version_is_written(aoa: Aoa, project: Path) -> None:
    result = aoa("promote", "staging", "prod")
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        "       CHILD  PROD   STAGING",
        "moves  api    1.3.0  1.4.0    healthy in staging for 2h (record 7); with db",
        "stays  site   2.0.0  2.0.0    2.0.0 is what both have",
        "1 version moved in Pulumi.prod.yaml; next: aoa preview prod",
    ]
    assert prod(project) == MOVED


@pytest.mark.usefixtures("below")
def test_a_dry_run_writes_nothing(aoa: Aoa, project: Path) -> None:
    result = aoa("promote", "staging", "prod", "--dry-run")
    assert (result.code, result.out.splitlines()[-1]) == (0, "1 version would move; nothing was written")
    assert prod(project) == PROD
    shape = json.loads(aoa("promote", "staging", "prod", "--dry-run", "-o", "json").out)
    assert (shape["format"], shape["written"], shape["commit"], shape["branch"], shape["note"]) == (
        "app-of-apps/promotion/v1",
        False,
        None,
        None,
        None,
    )
    assert shape["children"][0] == {
        "name": "api",
        "before": "1.3.0",
        "version": "1.4.0",
        "moves": True,
        "overridden": False,
        "why": None,
        "message": "healthy in staging for 2h (record 7)",
        "record": 7,
        "since": "2026-11-24T10:00:00+00:00",
        "due": None,
        "followers": ["db"],
    }


def test_what_may_not_move_is_refused_and_an_override_is_noted_before_it_is_written(
    aoa: Aoa, project: Path, below: Below
) -> None:
    below.result = "failed"
    result = aoa("promote", "staging", "prod")
    assert result.code == REFUSED
    assert "nothing may move, and nothing was written:\n  api 1.4.0: " in result.err
    assert (prod(project), below.noted) == (PROD, [])
    assert aoa("promote", "staging", "prod", "--override", "it burns", "--dry-run").code == 0
    assert (prod(project), below.noted) == (PROD, [])
    assert aoa("promote", "staging", "prod", "--child", "api", "--override", "it burns").code == 0
    assert prod(project) == MOVED
    (note,) = below.noted
    assert note["operation"] == "promote"
    assert note["overrides"][0]["reason"] == "it burns"
    assert note["overrides"][0]["what"].startswith("api 1.4.0: overridden: 1.4.0 failed in staging (record 7)")
    assert note["details"] == {"source": "staging", "versions": {"api": ["1.3.0", "1.4.0"]}}


def test_an_override_without_anything_to_go_around_leaves_no_note(aoa: Aoa, below: Below) -> None:
    assert aoa("promote", "staging", "prod", "--override", "to be safe").code == 0
    assert below.noted == []


def test_a_chain_with_a_finding_proves_nothing(aoa: Aoa, project: Path, below: Below) -> None:
    below.findings = (Finding("record 3", "dropped", "the records around it are there"),)
    result = aoa("promote", "staging", "prod")
    assert (result.code, "record 3 dropped" in result.err, prod(project)) == (REFUSED, True, PROD)
    assert aoa("promote", "staging", "prod", "--override", "known, see the audit").code == 0
    assert [one["what"] for one in below.noted[0]["overrides"]] == [
        "evidence of staging: record 3 dropped: the records around it are there"
    ]


def test_a_chain_that_cannot_be_checked_proves_nothing_whatever_the_reason(
    aoa: Aoa, project: Path, below: Below
) -> None:
    below.keys = {}
    for more in ((), ("--override", "I trust it")):
        result = aoa("promote", "staging", "prod", *more)
        assert (result.code, "no key" in result.err, prod(project)) == (UNAVAILABLE, True, PROD)


@pytest.mark.usefixtures("below")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("staging", "staging"), INVALID, "name two environments"),
        (("stagin", "prod"), INVALID, "Did you mean staging?"),
        (("prod", "staging"), REFUSED, "nothing may move"),
        (("staging", "prod", "--child", "db"), INVALID, "it takes that of api: name api"),
        (("staging", "prod", "--child", "sit"), INVALID, "site"),
        (("staging", "prod", "--override", " "), INVALID, "the reason is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(
    aoa: Aoa, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = aoa("promote", *arguments)
    assert result.code == code
    assert words in result.err


@pytest.mark.usefixtures("below")
def test_the_target_says_from_where_it_takes_versions(aoa: Aoa, project: Path) -> None:
    (project / "Pulumi.test.yaml").write_text(PROD.replace("prod", "test").replace("nowhere-else", "third"))
    result = aoa("promote", "test", "prod")
    assert (result.code, "prod takes versions from staging alone (Pulumi.prod.yaml:6:23)" in result.err) == (3, True)


@pytest.mark.usefixtures("below")
def test_a_file_that_would_not_hold_together_is_not_written(aoa: Aoa, project: Path) -> None:
    broken = PROD + "      gone: 1.0.0\n"
    (project / "Pulumi.prod.yaml").write_text(broken)
    result = aoa("promote", "staging", "prod")
    assert (result.code, "Pulumi.prod.yaml:10:7: versions.gone: there is no child named gone" in result.err) == (
        2,
        True,
    )
    assert prod(project) == broken
