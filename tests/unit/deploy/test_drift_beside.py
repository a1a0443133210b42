"""Drift beside a preview, for credentials that may read only some of it.

Cluster and Vault are stubs here, because each of these refusals takes another set of rights.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy import drift_beside
from app_of_apps.deploy.drift_beside import compare_beside
from app_of_apps.deploy.drift_deployed import UNVOUCHED, Deployed
from app_of_apps.deploy.past import Past, PastRelease
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.review.gather import look_beside
from tests.unit.deploy.test_drift import RELEASE, WANTED, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app_of_apps.deploy.drift import World

RECORDS = ({"kind": "began", "sequence": 1},)
PAST = Past("staging", (PastRelease(1, "release-1", RELEASE.digest, None, {}),), RECORDS, vouched=True)


def refusing(error: Exception) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    return refuse


class Stub:
    """Everything that can be asked, all of it readable and as it was deployed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.world = standing()
        self.set("KubeReader", lambda _: contextlib.nullcontext())
        self.set("VaultReader", lambda *_: contextlib.nullcontext("vault"))
        self.set("vouched_past", lambda *_, **__: PAST)
        self.set("read_past", lambda *_: replace(PAST, vouched=False))
        self.set("deployed_release", lambda *_: Deployed(RELEASE, "release-1", "record"))
        self.set("declared_charts", lambda *_: {})
        self.set("read_world", self.read)

    def set(self, name: str, value: Any) -> None:
        self.patch.setattr(drift_beside, name, value)

    def read(self, _: Any, vault: Any, *__: Any) -> World:
        if vault is None:
            return replace(self.world, policies={}, roles={}, role_names=frozenset())
        return self.world


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    return Stub(monkeypatch)


def found(project: Path) -> drift_beside.Beside:
    settings: Any = SimpleNamespace(name="staging")
    return compare_beside(settings, RELEASE, project, {})


@pytest.mark.usefixtures("stub")
def test_what_is_as_it_was_deployed_has_no_drift(tmp_path: Path) -> None:
    told = found(tmp_path)
    assert told.drift is not None
    assert (told.drift.clean, told.notes, told.unknown, told.records) == (True, (), (), RECORDS)


def test_where_nothing_was_deployed_there_is_none_and_the_records_are_there(stub: Stub, tmp_path: Path) -> None:
    stub.set("vouched_past", lambda *_, **__: Past("staging", (), RECORDS))
    told = found(tmp_path)
    assert (told.drift, told.unknown, told.records) == (None, (), RECORDS)


def test_without_vault_the_cluster_is_compared_and_what_was_not_checked_is_said(stub: Stub, tmp_path: Path) -> None:
    stub.set("vouched_past", refusing(Unavailable("no token for Vault\n  log in")))
    stub.set("VaultReader", refusing(Unavailable("no token for Vault")))
    stub.set("deployed_release", lambda *_: Deployed(RELEASE, "release-1", "record", (UNVOUCHED, "other")))
    first = next(iter(stub.world.objects))
    stub.world = replace(stub.world, objects={key: one for key, one in stub.world.objects.items() if key != first})
    told = found(tmp_path)
    assert told.drift is not None
    assert [one.thing.where for one in told.drift.differences] == ["kubernetes"]
    # Not that the chain is broken: nobody has looked.
    assert told.notes == ("the signatures of the records were not checked: no token for Vault", "other")
    assert told.unknown == ("drift in Vault: no token for Vault",)
    assert told.records == RECORDS


@pytest.mark.parametrize("error", [Refused("it is made up"), Unavailable("check out abc")])
def test_a_release_that_nobody_knows_leaves_the_records(stub: Stub, tmp_path: Path, error: Exception) -> None:
    stub.set("deployed_release", refusing(error))
    told = found(tmp_path)
    assert (told.drift, told.unknown, told.records) == (None, (f"drift: {error}",), RECORDS)


def test_charts_that_only_the_engine_knows_are_left_out_by_name(stub: Stub, tmp_path: Path) -> None:
    child = RELEASE.children[0]
    chart = SimpleNamespace(name=child.name, spec=SimpleNamespace(type="chart"))
    release: Any = SimpleNamespace(children=(chart, *RELEASE.children[1:]), vault=RELEASE.vault)
    stub.set("vault_groups", lambda _: ())
    stub.set("deployed_release", lambda *_: Deployed(release, "release-1", "record"))
    stub.set("declared_charts", refusing(Unavailable("`pulumi` is not on PATH")))
    stub.set("wanted_of", lambda *_: WANTED)
    seen = []
    stub.set("read_world", lambda _, __, ___, wanted, *____: seen.append(wanted) or stub.world)
    assert found(tmp_path).unknown == (f"drift of {child.name}: `pulumi` is not on PATH",)
    assert [one.child for one in seen[0]] == [one.child for one in WANTED if one.child != child.name]


def test_a_cluster_that_does_not_answer_is_unknown_and_ends_nothing(stub: Stub, tmp_path: Path) -> None:
    stub.set("read_world", refusing(Unavailable("cluster 'staging' does not answer\n  …")))
    told = look_beside(RELEASE, None, tmp_path, {})  # type: ignore[arg-type]
    assert (told.drift, told.records) == (None, None)
    assert told.unknown == ("drift: cluster 'staging' does not answer",)
