"""One parent from its first deployment through a failure to its rollback, all by way of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from app_of_apps.errors import Refused
from app_of_apps.service.operation import Asked, State
from tests.integration.program.world import service

if TYPE_CHECKING:
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration


def test_an_update_by_the_service_is_one_by_the_cli_with_whoever_asked_on_record(served: Served) -> None:
    done = served.aoa("up", "staging")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "up of served in staging succeeded" in done.stdout
    assert "operation " in done.stderr
    assert "site: healthy" in done.stderr
    history = json.loads(served.world.program("history", "staging", "--output", "json").stdout)
    (attempt,) = history["attempts"]
    assert (attempt["front"], attempt["runBy"], attempt["result"]) == (
        "service",
        "dora (through the service)",
        "succeeded",
    )
    with served.client() as client:
        (operation,) = client.operations("staging")
        assert operation.state is State.SUCCEEDED
        children = [data for _, kind, data in client.events(operation.id) if kind == "child"]
        assert {one["child"] for one in children if one["doing"] == "done"} == {"db", "site"}


def test_how_it_stands_is_seen_by_those_who_may(served: Served) -> None:
    table = served.aoa("status")
    assert table.returncode == 0, table.stderr
    assert "healthy" in table.stdout
    with served.client("ada") as ada:
        (env,) = ada.environments()
        assert [child["name"] for child in env["children"]] == ["site"]
        assert env["children"][0]["state"] == "healthy"
        assert all(
            change["child"] in {"site", ""}
            for one in ada.look("staging", "history")["attempts"]
            for change in one["changes"]
        )
    with served.client("emil") as emil:
        assert emil.look("staging", "records")["chain"]["whole"] is True
        assert len(emil.look("staging", "records")["records"]) == 2
        answer = httpx.get(
            f"{served.url}/v1/environments/staging/evidence",
            headers={"Authorization": f"Bearer {served.token('emil')}"},
            timeout=60,
        )
        assert answer.content.startswith(b"PK")
    with served.client("ben") as ben:
        assert ben.environments() == []


def test_a_failure_is_told_from_its_root_cause_and_rolled_back(served: Served) -> None:
    broken = {"behaviour": "crash", "message": "cannot reach the database"}
    served.world.children["site"] = service(needs=["db"], pods=broken, deadline="15s")
    served.world.versions["site"] = "2.0.0"
    served.world.commit()
    failed = served.aoa("up", "staging")
    assert failed.returncode == 5, failed.stdout + failed.stderr
    assert "ROOT CAUSE" in failed.stdout
    assert "site (team one, #one): Deployment served-site/site" in failed.stdout
    with served.client() as client:
        operation = next(client.operations("staging"))
        assert operation.state is State.FAILED
        assert operation.message.startswith("site (team one, #one): ")
        back = client.wait(client.begin("staging", Asked(operation="rollback")).id)
        assert back.state is State.SUCCEEDED, back.message
        drift = client.wait(client.begin("staging", Asked(operation="drift")).id)
        assert drift.state is State.SUCCEEDED, drift.message
    served.world.kubectl("scale", "-n", served.world.namespace("site"), "deployment/site", "--replicas=3")
    with served.client() as client:
        drift = client.wait(client.begin("staging", Asked(operation="drift")).id)
        assert drift.state is State.DRIFTED
        refused = client.wait(client.begin("staging", Asked(operation="drift-fix")).id)
        assert refused.state is State.REFUSED
        assert "the working tree is not what staging runs" in refused.message
        served.world.children["site"] = service(needs=["db"])
        served.world.versions = {}
        served.world.commit()
        mended = client.wait(client.begin("staging", Asked(operation="drift-fix")).id)
        assert mended.state is State.SUCCEEDED, mended.message


def test_every_route_answers_with_a_cluster_behind_it(served: Served) -> None:
    schema = httpx.get(f"{served.url}/openapi.json").json()
    header = {"Authorization": f"Bearer {served.token('dora')}"}
    asked = 0
    for path, methods in schema["paths"].items():
        if "get" not in methods or "{identity}" in path or "{other}" in path:
            continue
        place = path.format(env="staging", child="site", number=1, other="staging")
        answer = httpx.get(served.url + place, headers=header, timeout=90)
        assert answer.status_code in {200, 403}, (place, answer.text)
        asked += 1
    assert asked >= 15


def test_releases_are_listed_with_who_ran_them(served: Served) -> None:
    with served.client() as client:
        found = client.look("staging", "releases")["items"]
        assert {one["runBy"] for one in found} == {"dora (through the service)"}
        assert found[-1]["release"]["number"] == 1
        number = found[-1]["release"]["number"]
        assert client.look("staging", f"releases/{number}")["number"] == number


def test_a_promotion_needs_an_environment_that_its_asker_sees(served: Served) -> None:
    with served.client() as client, pytest.raises(Refused, match="no environment prod"):
        client.begin("staging", Asked(operation="promote", source="prod"))
