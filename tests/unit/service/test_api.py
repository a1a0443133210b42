"""The API of a running service: who is let in, what they see, what is begun, and how errors are told."""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid

import httpx
import pytest

from app_of_apps.errors import AppOfAppsError, Refused
from app_of_apps.service.client import Client
from app_of_apps.service.database import Database
from app_of_apps.service.ledger import Ledger
from app_of_apps.service.operation import Asked, State, Who
from app_of_apps.service.proposal import Asking
from tests.unit.service.conftest import copy_project, serving

ALL = ["catalog", "mailer", "orders", "orders-migration", "settlement", "storefront"]


def problem(answer, status, kind):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["type"] == f"urn:app-of-apps:problem:{kind}"
    assert found["status"] == status
    assert found["detail"]
    return found


def ended(served, identity, who="dora"):
    deadline = time.monotonic() + 60
    while True:
        found = served.get(f"/v1/operations/{identity}", who).json()
        if found["ended"]:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_without_a_token_nothing_is_told(served):
    schema = httpx.get(f"{served.url}/openapi.json").json()
    asked = 0
    for path, methods in schema["paths"].items():
        for method in methods:
            place = path.replace("{env}", "staging").replace("{identity}", "0" * 16).replace("{number}", "1")
            place = place.replace("{child}", "orders").replace("{other}", "prod").replace("{nonce}", "a" * 8)
            answer = httpx.request(method, served.url + place)
            problem(answer, 401, "no-token")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            asked += 1
    assert asked >= 25


def test_a_token_that_does_not_count_is_not_repeated(served):
    token = served.token(exp=1)
    answer = httpx.get(f"{served.url}/v1/me", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "no-token")
    assert token not in answer.text


def test_everybody_sees_what_they_are_granted_and_nothing_else(served):
    seen = {
        who: {
            one["name"]: [child["name"] for child in one["children"]]
            for one in served.get("/v1/environments", who).json()["items"]
        }
        for who in ("dora", "ada", "emil", "gus", "bot")
    }
    assert {env: sorted(names) for env, names in seen["dora"].items()} == {"prod": ALL, "staging": ALL}
    assert {env: sorted(names) for env, names in seen["ada"].items()} == {
        "prod": ["catalog", "storefront"],
        "staging": ["catalog", "storefront"],
    }
    assert list(seen["emil"]) == ["prod"]
    assert seen["gus"] == {}
    assert list(seen["bot"]) == ["staging"]


@pytest.mark.parametrize("path", ["", "/graph", "/children", "/children/orders", "/history", "/access", "/changes"])
def test_an_environment_that_somebody_does_not_see_is_as_absent_as_one_that_is_not_there(served, path):
    hidden = problem(served.get(f"/v1/environments/prod{path}", "bot"), 404, "not-there")
    absent = problem(served.get(f"/v1/environments/none{path}", "bot"), 404, "not-there")
    assert hidden["detail"].replace("prod", "X") == absent["detail"].replace("none", "X")


def test_a_graph_names_no_child_that_its_reader_does_not_see(served):
    text = served.get("/v1/environments/staging/graph", "ada").text
    assert "storefront" in text
    assert "orders" not in text.replace('"team":"orders"', "")
    assert served.get("/v1/environments/staging/graph").json()["waves"][0] == ["catalog", "orders-migration"]


def test_who_may_not_is_refused_and_it_is_on_record(served):
    for who, env, operation in (
        ("dora", "prod", "up"),
        ("ada", "staging", "up"),
        ("emil", "prod", "preview"),
        ("bot", "staging", "up"),
        ("bot", "staging", "rollback"),
        ("bot", "staging", "refresh"),
        ("bot", "staging", "drift-fix"),
    ):
        problem(served.post(f"/v1/environments/{env}/operations", {"operation": operation}, who), 403, "denied")
    problem(served.get("/v1/denials"), 403, "denied")


def test_an_operation_runs_in_a_process_and_tells_how_it_ended(served):
    answer = served.post("/v1/environments/staging/operations", {"operation": "preview", "reason": "to see"})
    assert answer.status_code == 202
    operation = answer.json()
    assert answer.headers["location"] == f"/v1/operations/{operation['id']}"
    assert (operation["state"], operation["askedBy"]["name"]) == ("queued", "dora")
    found = ended(served, operation["id"])
    assert (found["state"], found["exitCode"]) == ("refused", 3)
    assert "it is not registered" in found["message"]
    events = served.get(f"/v1/operations/{operation['id']}/events").json()
    assert events["ended"] is True
    states = [one["data"]["state"] for one in events["items"] if one["kind"] == "state"]
    assert states == ["queued", "running", "refused"]


def test_a_repeated_request_begins_nothing_again(served):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"operation": "preview"}
    found = [served.post("/v1/environments/staging/operations", body, headers=headers).json()["id"] for _ in range(3)]
    assert len(set(found)) == 1
    other = served.post("/v1/environments/staging/operations", {"operation": "drift"}, headers=headers)
    problem(other, 422, "asked-differently")
    ended(served, found[0])


def test_events_stream_until_the_end_and_go_on_where_they_were(served):
    with served.client() as client:
        operation = client.begin("staging", Asked(operation="preview"))
        seen = list(client.events(operation.id))
        assert [kind for _, kind, _ in seen if kind == "state"] == ["state"] * 3
        assert list(client.events(operation.id, after=seen[1][0])) == seen[2:]
        assert client.wait(operation.id).state is State.REFUSED


def test_what_waits_is_cancelled(served):
    with served.client() as client:
        first = [client.begin("staging", Asked(operation="preview")) for _ in range(3)]
        last = client.cancel(first[-1].id)
        assert last.state is State.CANCELLED
        for one in first[:-1]:
            assert client.wait(one.id).state is State.REFUSED
        assert client.operation(last.id).attempt == 0


def test_one_runs_per_environment_at_a_time_and_in_order(served):
    with served.client() as client:
        made = [client.begin("staging", Asked(operation="preview")) for _ in range(4)]
        found = [client.wait(one.id) for one in made]
        for before, after in itertools.pairwise(found):
            assert before.ended <= after.started


def test_a_long_queue_of_one_environment_holds_up_no_other(issuer, tmp_path):
    with serving(copy_project(tmp_path / "project"), issuer, workers=1) as found, found.client() as client:
        made = [client.begin("staging", Asked(operation="preview")) for _ in range(5)]
        made.append(client.begin("prod", Asked(operation="preview")))
        *staging, prod = [client.wait(one.id) for one in made]
    assert [one.started for one in staging] == sorted(one.started for one in staging)
    waited = [one for one in staging if one.started > prod.created]
    assert len(waited) >= 2
    assert sum(one.started < prod.started for one in waited) <= 1


def test_what_was_asked_for_and_never_queued_runs_all_the_same(issuer, tmp_path):
    """The process that took it may have died between the two."""
    project = copy_project(tmp_path / "project")
    with serving(project, issuer, lease=2) as found, found.client() as client:
        database = Database(f"sqlite:///{project / '.aoa/service/service.db'}")
        who = Who(kind="person", name="ada", subject="ada")
        one, _ = Ledger(database).add("staging", Asked(operation="preview"), who, release=None)
        database.close()
        deadline = time.monotonic() + 60
        while (state := client.operation(one.id).state) is not State.REFUSED:
            assert time.monotonic() < deadline, state
            time.sleep(0.2)


def test_pages_of_operations(served):
    with served.client() as client:
        everything = [one.id for one in client.operations("staging", limit=2)]
        assert len(everything) == len(set(everything)) >= 4
    assert served.get("/v1/operations", "gus").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"operation": "destroy"},
        {"operation": "up", "to": 3},
        {"operation": "up", "more": 1},
        {"operation": "up", "children": ["orders"]},
        {"operation": "drift", "children": ["a", "b"]},
        {"operation": "rollback", "children": ["--to"]},
        {"operation": "rollback", "to": 0},
        {"operation": "promote"},
        {"operation": "promote", "source": "--help"},
        {"operation": "up", "source": "staging"},
        {"operation": "up", "reason": "x" * 501},
    ],
)
def test_a_request_that_is_not_valid_is_told_where(served, body):
    found = problem(served.post("/v1/environments/staging/operations", body), 422, "invalid-request")
    assert found["errors"]


def test_what_is_too_long_is_not_read(served):
    problem(served.post("/v1/proposals", {"patch": "x" * (1 << 20)}), 413, "too-long")
    headers = {"Authorization": f"Bearer {served.token()}", "Content-Type": "application/json"}
    answer = httpx.post(f"{served.url}/v1/proposals", content=iter([b"{}"]), headers=headers)
    problem(answer, 411, "no-length")


def test_every_answer_carries_what_browsers_need_to_know(served):
    for path in ("/", "/healthz", "/v1/me", "/nowhere", "/static/live.js"):
        headers = httpx.get(served.url + path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers


def test_an_agent_proposes_and_a_person_decides(served):
    with served.client("bot") as agent, served.client() as dora:
        wanted = Asking(environment="staging", asked=Asked(operation="refresh", reason="the state is old"))
        made = agent.propose(wanted)
        assert (made.state, made.proposed_by.kind, made.proposed_by.name) == ("open", "agent", "copilot")
        with pytest.raises(Refused, match="only people decide"):
            agent.accept(made.id)
        with pytest.raises(Refused, match="only people decide"):
            agent.reject(made.id)
        accepted, operation = dora.accept(made.id)
        assert (accepted.state, operation.asked_by.name, operation.proposal) == ("accepted", "dora", made.id)
        with pytest.raises(Refused):
            dora.accept(made.id)
        other = agent.propose(wanted)
        assert dora.reject(other.id, "not now").words == "not now"
        patched = agent.propose(wanted.model_copy(update={"patch": "--- a\n+++ b\n"}))
        with pytest.raises(Refused, match="goes through the repository"):
            dora.accept(patched.id)
        dora.wait(operation.id)


def test_an_agent_has_a_budget(served):
    for _ in range(2):
        served.post("/v1/environments/staging/operations", {"operation": "preview"}, "bot")
    found = problem(served.post("/v1/environments/staging/operations", {"operation": "preview"}, "bot"), 429, "spent")
    assert found["retryAfter"] > 0
    token = served.issuer.token("other-bot", ["bots"])
    answers = [httpx.get(f"{served.url}/v1/me", headers={"Authorization": f"Bearer {token}"}) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]


def test_an_agent_never_approves(served):
    body = {"release": "sha256:" + "0" * 64}
    headers = {"Aoa-Identity-Token": served.token("dora")}
    answer = served.post("/v1/environments/staging/approvals", body, "bot", headers=headers)
    assert "only people decide" in problem(answer, 403, "denied")["detail"]


def test_a_signature_is_for_the_release_that_was_seen(served):
    headers = {"Aoa-Identity-Token": served.token("dora")}
    answer = served.post("/v1/environments/staging/approvals", {"release": "sha256:" + "0" * 64}, headers=headers)
    assert "look again, nothing was signed" in problem(answer, 409, "refused")["detail"]


def test_files_that_are_not_valid_are_told_and_begin_nothing(served):
    parent = served.project / "parent.yaml"
    text = parent.read_text()
    parent.write_text(text.replace("kind: Parent", "kind: Nothing"))
    try:
        deadline = time.monotonic() + 20
        while served.get("/readyz").json()["project"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        answer = served.post("/v1/environments/staging/operations", {"operation": "preview"})
        found = problem(answer, 409, "invalid-project")
        assert found["problems"][0]["file"].endswith("parent.yaml")
        assert found["problems"][0]["line"]
        assert served.get("/v1/environments").status_code == 200
    finally:
        parent.write_text(text)
    deadline = time.monotonic() + 20
    while not served.get("/readyz").json()["project"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_release_that_changes_while_it_waits_is_not_run(served):
    file = served.project / "Pulumi.staging.yaml"
    text = file.read_text()
    with served.client() as client:
        first = [client.begin("staging", Asked(operation="preview")) for _ in range(2)]
        file.write_text(text.replace("mailer: 1.3.2", "mailer: 1.3.3"))
        try:
            found = client.wait(first[1].id)
            assert found.state is State.REFUSED
            assert "ask again" in found.message
        finally:
            file.write_text(text)


def test_metrics_name_routes_and_no_people(served):
    served.get("/v1/environments/staging")
    text = httpx.get(f"{served.url}/metrics").text
    assert 'aoa_http_request_seconds_count{method="GET",route="/v1/environments/{env}",status="200"}' in text
    assert 'aoa_operations_ended_total{environment="staging",operation="preview",state="refused"}' in text
    assert "dora" not in text


def test_many_read_while_others_begin(served):
    errors = []

    def read():
        with Client(served.url, served.token(), timeout=30) as client:
            for _ in range(20):
                try:
                    client.environments()
                except AppOfAppsError as error:
                    errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_openapi_says_what_errors_are_and_who_is_asked_for(served):
    schema = httpx.get(f"{served.url}/openapi.json").json()
    assert schema["security"] == [{"bearer": []}]
    assert "Problem" in schema["components"]["schemas"]
    text = json.dumps(schema)
    assert '"example' in text
    for path in schema["paths"].values():
        for one in path.values():
            assert one["summary"]
            assert {"401", "403", "404", "429"} <= set(one["responses"])
