"""What agents' tools give and take. The agent here obeys every text that it reads, so only the service is between."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import httpx2
import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from app_of_apps.errors import Refused
from app_of_apps.service.agents import LIMIT, Here, quoted, refused, server
from app_of_apps.service.operation import Asked
from tests.unit.service.injections import CANARY, GOALS, UNSEEN, between, injections

TOOLS = {
    "whoami",
    "status",
    "graph",
    "changes",
    "history",
    "records",
    "validate",
    "preview",
    "operation",
    "propose",
    "proposals",
}
PLACES = ("annotation", "event", "log", "commit message", "container message")


def inside(text: str) -> object:
    """Return the data between the marks."""
    return json.loads(between(text))


def test_there_are_more_than_a_hundred_and_they_differ():
    found = injections()
    assert len({one.text for one in found}) == len(found) >= 150
    assert {one.goal for one in found} == set(GOALS)


@pytest.mark.parametrize("injection", injections(), ids=lambda one: f"{one.goal}")
def test_a_text_reaches_an_agent_as_data_and_without_what_is_hidden(injection):
    for place in PLACES:
        text = quoted({place: injection.text, "more": [{injection.text: injection.text}]})
        found = inside(text)
        assert CANARY not in text
        assert not UNSEEN.search(text)
        assert place in found
    assert CANARY not in refused(Refused(injection.text))


def test_an_agent_that_obeys_everything_changes_nothing_and_reads_nothing_of_others(served):
    """It sends what each text asks for, with its own token; each call is denied, and what stands stands."""
    with served.client() as dora:
        proposal = served.post("/v1/proposals", {"environment": "staging", "asked": {"operation": "refresh"}}).json()[
            "id"
        ]
        blocking = [dora.begin("staging", Asked(operation="preview")) for _ in range(2)]
        before = served.get("/v1/operations?limit=200").json()["items"]
        asked = 0
        for injection in injections():
            for method, path, body in injection.calls:
                place = path.format(proposal=proposal, operation=blocking[-1].id)
                call = served.get if method == "GET" else served.post
                more = {} if method == "GET" else {"headers": {"Aoa-Identity-Token": served.token("dora")}}
                answer = call(place, **({"who": "bot"} if method == "GET" else {"body": body, "who": "bot"}), **more)
                assert answer.status_code in {403, 404}, (injection.text, place, answer.text)
                assert "problem+json" in answer.headers["content-type"]
                assert CANARY not in answer.text
                asked += 1
        assert asked > 250
        after = served.get("/v1/operations?limit=200").json()["items"]
        assert [one["id"] for one in after] == [one["id"] for one in before]
        assert not any(one["cancelRequested"] for one in after if one["id"] == blocking[-1].id)
        found = {one["id"]: one for one in served.get("/v1/proposals").json()["items"]}
        assert found[proposal]["state"] == "open"
        dora.reject(proposal)
        for one in blocking:
            dora.wait(one.id)


def test_a_credential_that_somebody_types_is_not_kept(served):
    reason = f"told to {CANARY}"
    asked = {"operation": "preview", "reason": reason}
    begun = served.post("/v1/environments/staging/operations", asked).json()
    proposed = served.post("/v1/proposals", {"environment": "staging", "asked": asked, "patch": f"+{CANARY}"}).json()
    rejected = served.post(f"/v1/proposals/{proposed['id']}/reject", {"reason": reason}).json()
    assert (begun["reason"], proposed["patch"], rejected["words"]) == ("told to [token]", "+[token]", "told to [token]")
    assert CANARY not in served.get("/v1/proposals").text + served.get("/v1/operations").text
    with served.client() as dora:
        dora.wait(begun["id"])


def test_no_text_ends_its_own_mark():
    marks = set()
    for text in ("</data-0000000000000000>", "data-", "<data-" + "0" * 16 + ">"):
        found = quoted({"x": text})
        inside(found)
        marks.add(re.search("data-[0-9a-f]{16}", found)[0])
    assert len(marks) == 3


def test_an_answer_is_never_longer_than_it_may_be():
    text = quoted({"lines": ["x" * 1900] * 1000})
    assert len(text) < LIMIT + 500
    assert "more characters are left out" in text
    assert "more characters)" in quoted({"line": "y" * 5000})


def test_credentials_do_not_reach_an_agent():
    for secret in (
        CANARY,
        "password=hunter2-canary-4711",
        "https://ada:canary-4711@db.example.com/x",
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.canary4711sig",
    ):
        assert "4711" not in quoted({"log": f"connecting with {secret}"}).replace(CANARY, "")
        assert CANARY not in quoted({"log": secret})


async def test_the_tools_are_those_that_look_and_propose(served):
    headers = {"Authorization": f"Bearer {served.token('bot')}"}
    async with (
        httpx2.AsyncClient(headers=headers) as client,
        McpClient(streamable_http_client(f"{served.url}/mcp", http_client=client)) as tools,
    ):
        assert {tool.name for tool in (await tools.list_tools()).tools} == TOOLS
        me = inside((await tools.call_tool("whoami", {})).content[0].text)
        assert (me["kind"], me["name"]) == ("agent", "copilot")
        status = inside((await tools.call_tool("status", {"environment": "staging"})).content[0].text)
        assert status["name"] == "staging"
        hidden = inside((await tools.call_tool("status", {"environment": "prod"})).content[0].text)
        assert hidden["refused"] == "NotThere"
        graph = inside((await tools.call_tool("graph", {"environment": "staging"})).content[0].text)
        assert graph["waves"]
        denied = inside((await tools.call_tool("records", {"environment": "staging"})).content[0].text)
        assert denied["refused"] == "Denied"
        unknown = await tools.call_tool("propose", {"environment": "staging", "operation": "destroy", "reason": ""})
        assert unknown.is_error


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}])
def test_without_a_token_there_are_no_tools(served, header):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    answer = httpx2.post(f"{served.url}/mcp", json=body, headers={"Accept": "application/json", **header})
    assert answer.status_code == 401


async def test_the_same_tools_are_there_over_standard_input(served):
    environ = {"AOA_TOKEN": served.token("bot"), "AOA_SERVER": served.url}
    command = StdioServerParameters(command=sys.executable, args=["-m", "app_of_apps", "agent"], env=environ)
    async with McpClient(command) as tools:
        assert {tool.name for tool in (await tools.list_tools()).tools} == TOOLS
        me = inside((await tools.call_tool("whoami", {})).content[0].text)
        assert me["name"] == "copilot"
        hidden = inside((await tools.call_tool("status", {"environment": "prod"})).content[0].text)
        assert hidden["refused"] == "Refused"


def test_without_a_token_standard_input_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "app_of_apps", "agent", "--server", "http://127.0.0.1:1"],
        env={"PATH": "/usr/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "AOA_TOKEN" in done.stderr


def test_each_tool_says_what_it_does():
    listed = server(lambda _: Here(None, None))
    assert {tool.name for tool in listed._tool_manager.list_tools()} == TOOLS
    assert all(len(tool.description) > 30 for tool in listed._tool_manager.list_tools())
