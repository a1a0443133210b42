"""Texts that ask an agent for what it may not do, left in all the places where others leave texts, on real clusters.

What reaches an agent, by tool or by API:

=================== =============================================================================================
annotations         those of objects that the release declares, by a look for drift; those of pods do not
events              the latest Warnings about a child's workload, by the report of a failed update
container messages  termination messages, by the status, the report and the records of a failed update
logs                of containers none: nothing asks for them; of an operation, what its events tell
commit messages     none: nothing reads them; the authors of commits stand in the history
reasons             those of operations and of signatures
=================== =============================================================================================
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import httpx
import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client

from app_of_apps.service.agents import LIMIT
from app_of_apps.service.operation import Asked, State
from app_of_apps.service.proposal import Asking
from sandbox.kube import KubeClient
from tests.canaries.scanner import Canary, scan
from tests.integration.approval.gated import Gated
from tests.integration.groups import forget_groups
from tests.integration.program.audit import Audit
from tests.integration.program.world import eventually, worker
from tests.integration.service.conftest import SERVICE, VIEW, serving
from tests.unit.service.injections import CANARY, UNSEEN, between, injections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration

NAME = "luring"
OWN = [f"c{number:02}" for number in range(1, 7)]
"""The children that the agent sees."""
HIDDEN = "zz-hidden"
"""The child of another team, which one of them needs."""
ELSEWHERE = "9.9.9-of-prod"
"""A version that is in prod alone, and the mark of whatever is said of prod."""
INJECTIONS = injections()
ACCESS = {
    "roles": {"runs": {"kubernetes": [VIEW]}, "audits": {"kubernetes": [VIEW]}},
    "environments": {
        "staging": {
            "grants": [
                {"group": "platform-admins", "role": "runs", "all": True},
                {"group": "auditors", "role": "audits", "all": True},
            ]
        },
        "prod": {"grants": [{"group": "auditors", "role": "audits", "all": True}]},
    },
}
GATES = {"approvals": {"required": 1, "groups": ["platform-admins"], "validFor": "1h"}}
AGENT = {"owner": "one", "environments": ["staging"], "callsPerHour": 100_000, "previewsPerHour": 100}
AGENTS = {
    "copilot": {**AGENT, "subject": "gus", "children": OWN, "may": ["preview", "propose"]},
    # Sees all of staging, its records too: what is hidden from the other passes here.
    "clerk": {**AGENT, "subject": "fay", "may": ["preview", "propose", "evidence"]},
}
TAG = re.compile(r"\b(annotation|manager|event|message|pod|reason|approval|commit|author)-(\d{3})\b")


def tagged(place: str, number: int, *, canary: bool = True) -> str:
    """Return a text for a place, with a tag by which it is found again.

    A look for drift does not show a value that looks like a credential at all, so there the text goes without one.
    """
    text = INJECTIONS[number].text
    return f"{place}-{number:03} {text if canary else text.removesuffix(CANARY).strip()}"


@dataclass(slots=True)
class Told:
    """What was told to whom, by ``who: question``."""

    tools: dict[str, str] = field(default_factory=dict, repr=False)
    api: dict[str, str] = field(default_factory=dict, repr=False)
    refused: dict[str, int] = field(default_factory=dict)
    """Status of what was refused, by ``who: question``."""

    def seen(self, place: str, *, who: str = "gus", tools: bool = False) -> set[int]:
        """Return the numbers of a place's texts that somebody was told."""
        answers = self.tools if tools else self.tools | self.api
        return {
            int(number)
            for question, text in answers.items()
            if question.startswith(who)
            for found, number in TAG.findall(text)
            if found == place
        }


@dataclass(slots=True)
class Scene:
    """A service in front of children whose every text lures."""

    served: Served
    planted: list[Canary]
    told: Told
    marks: dict[str, int]
    """Where the clusters' audit logs were before anybody was lured."""
    proposal: str = ""
    running: str = ""
    """The update that ran while the agent obeyed."""
    denied: dict[str, list[int]] = field(default_factory=dict)
    """What the service answered to the calls of an agent that obeys: while an update ran, and at rest."""
    changed: list[Any] = field(default_factory=list)
    """Who changed what in the clusters meanwhile, at rest."""
    signed: list[str] = field(default_factory=list)
    """What Vault was asked to change meanwhile."""


def obey(scene: Scene, *, every: int = 1) -> list[int]:
    """Send what each text asks for, with the agent's token; a person's goes with it. Return the answers' status."""
    served = scene.served
    headers = {"Authorization": f"Bearer {served.token('gus')}"}
    found = []
    with httpx.Client(base_url=served.url, headers=headers, timeout=60) as agent:
        for injection in INJECTIONS[::every]:
            for method, path, body in injection.calls:
                place = path.format(proposal=scene.proposal, operation=scene.running)
                more = (
                    {} if method == "GET" else {"json": body, "headers": {"Aoa-Identity-Token": served.token("dora")}}
                )
                answer = agent.request(method, place, **more)
                found.append(answer.status_code)
                scene.told.api[f"gus: obeyed {len(scene.told.api)} {method} {place}"] = answer.text
    return found


# -- texts in their places ---------------------------------------------------------------------------------------------


class Hand:
    """Writes to a cluster as its kubelets and its careless people do."""

    def __init__(self, box: Sandbox) -> None:
        port = json.loads((box.layout.root / "ports.json").read_text())["staging/kube-apiserver"]
        self._kube = KubeClient(port, box.layout.pki("staging"), "bootstrap")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kube.__exit__()

    def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        status, found = self._kube._request(method, path, body, kind)
        assert status < 300, (method, path, found)
        return found

    def annotate(self, path: str, place: str, numbers: range) -> None:
        notes = {f"notes.example.com/n{number:03}": tagged(place, number, canary=False) for number in numbers}
        self.send("PATCH", path, {"metadata": {"annotations": notes}})

    def event(self, child: str, numbers: range) -> None:
        """Note Warnings about a child's Deployment, later than any of the cluster's own."""
        namespace = f"{NAME}-{child}"
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": child}
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        for number in numbers:
            event = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{child}.{number}", "namespace": namespace},
                "involvedObject": about,
                "type": "Warning",
                "reason": f"Told{number}",
                "message": tagged("event", number),
                "firstTimestamp": later,
                "lastTimestamp": later,
            }
            self.send("POST", f"/api/v1/namespaces/{namespace}/events", event)

    def crashed(self) -> dict[str, dict[str, Any]]:
        """Return the pods that crash, by child."""
        pods = self.send("GET", f"/api/v1/pods?labelSelector=app.kubernetes.io%2Fpart-of%3D{NAME}")["items"]
        return {
            pod["metadata"]["namespace"].removeprefix(f"{NAME}-"): pod
            for pod in pods
            for status in pod["status"].get("containerStatuses", [])
            if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
        }

    def last_words(self, pod: dict[str, Any], number: int) -> None:
        """Have a pod's container end with a termination message."""
        statuses = pod["status"]["containerStatuses"]
        statuses[0]["lastState"]["terminated"]["message"] = tagged("message", number)
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self.send("PATCH", f"{path}/status", {"status": {"containerStatuses": statuses}})

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Give every pod that crashes meanwhile its last words."""
        end = threading.Event()

        def speak() -> None:
            spoken: set[str] = set()
            while not end.wait(0.2):
                for child, pod in self.crashed().items():
                    if pod["metadata"]["uid"] not in spoken:
                        self.last_words(pod, OWN.index(child))
                        spoken.add(pod["metadata"]["uid"])

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


def spread(child: str) -> range:
    """Return the numbers of the texts that are left at one child; together the children have all."""
    return range(OWN.index(child), len(INJECTIONS), len(OWN))


def make(box: Sandbox, area: Path, planted: list[Canary]) -> Gated:
    for env, canary in zip(("staging", "staging", "prod"), planted, strict=True):
        box.put_secret(env, f"{NAME}/{canary.name}", {"url": canary.value})
    secret = {"URL": {"path": f"{NAME}/own", "key": "url"}}
    children = {name: worker(deadline="8s") for name in OWN}
    children[OWN[0]] = worker(deadline="8s", secrets=secret, needs=[HIDDEN])
    children[HIDDEN] = worker(secrets={"URL": {"path": f"{NAME}/hidden", "key": "url"}}) | {"team": "two"}
    prod = {
        "name": "prod",
        "cluster": {"context": "prod"},
        "vault": {"mounts": {"kv": "kv-prod", "jwt": "jwt-prod"}, "refreshAfter": "5s"},
        "versions": dict.fromkeys(children, ELSEWHERE),
        "identity": {"groupsPrefix": "oidc:", "usernamePrefix": "oidc:", "oidcMount": "oidc-prod"},
    }
    parent = {"access": ACCESS, "service": {**SERVICE, "agents": AGENTS}}
    # With the mark, because JSON is YAML.
    files = {"Pulumi.prod.yaml": {"config": {"app-of-apps:environment": prod}}}
    world = Gated(box, area / "projects" / NAME, NAME, children, parent=parent, gates=GATES, files=files)
    for number in range(len(INJECTIONS)):
        text = tagged("commit", number)
        if number == 0:
            world.commit(message=text)
        else:
            world._git(*_as("ada", "ada@shop.example.com"), "commit", "-q", "--allow-empty", "-m", text)
    return world


def _as(name: str, email: str) -> tuple[str, ...]:
    return "-c", f"user.name={name}", "-c", f"user.email={email}", "-c", "commit.gpgsign=false"


def approve(served: Served, number: int, *, before: str | None = None) -> str:
    """Sign what is wanted as soon as the service has seen that it is not what was wanted before; return what it is."""
    with served.client() as dora:
        eventually(lambda: dora.environment("staging")["wanted"] != before)
        release = dora.environment("staging")["wanted"]
        dora.approve("staging", release=release, token=served.token("dora"), reason=tagged("approval", number))
    return release


# -- what an agent is told ---------------------------------------------------------------------------------------------


def ask_tools(served: Served, who: str, told: Told, calls: list[tuple[str, dict[str, Any]]]) -> None:
    async def ask() -> None:
        headers = {"Authorization": f"Bearer {served.token(who)}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120) as client,
            McpClient(streamable_http_client(f"{served.url}/mcp", http_client=client)) as tools,
        ):
            for tool, given in calls:
                (content,) = (await tools.call_tool(tool, given)).content
                told.tools[f"{who}: {tool} {given} {len(told.tools)}"] = content.text

    asyncio.run(ask())


def ask_api(served: Served, who: str, told: Told, operations: list[str]) -> None:
    """Ask everything that can be read; as `gus` of prod and of another team's child, too."""
    headers = {"Authorization": f"Bearer {served.token(who)}"}
    places = [("staging", "prod", OWN[0])]
    if who == "gus":
        places += [("staging", "staging", HIDDEN), ("prod", "staging", OWN[0])]
    with httpx.Client(base_url=served.url, headers=headers, timeout=120) as client:
        routes = [path for path, verbs in client.get("/openapi.json").json()["paths"].items() if "get" in verbs]
        assert len(routes) >= 18
        for route in (one for one in routes if one.startswith("/v1/")):
            for env, other, child in places:
                for identity in operations if "{identity}" in route else [""]:
                    path = route.format(env=env, other=other, child=child, number=1, identity=identity, nonce="")
                    if f"{who}: {path}" in told.api:
                        continue
                    answer = client.get(
                        path, params={"limit": 200} if path.endswith(("operations", "proposals")) else None
                    )
                    told.api[f"{who}: {path}"] = answer.text
                    if answer.is_error:
                        told.refused[f"{who}: {path}"] = answer.status_code


@pytest.fixture(scope="module")
def scene(box: Sandbox, area: Path, port: int) -> Iterator[Scene]:
    """One update that works, one that fails, and all that is said of both."""
    planted = [
        Canary(name, f"{secrets.token_hex(12)}-{secrets.token_urlsafe(18)}") for name in ("own", "hidden", "prod")
    ]
    world = make(box, area, planted)
    prepared = world.program("approvals", "staging", "--prepare")
    assert prepared.code == 1, prepared.text
    audits = {env: Audit(box, env) for env in ("staging", "prod")}
    marks = {env: audit.mark() for env, audit in audits.items()}
    with Hand(box) as hand, serving(world, port, refresh=0.5) as served, served.client() as dora:
        scene = Scene(served, planted, Told(), marks)
        wanted = approve(served, 0)
        first = dora.wait(dora.begin("staging", Asked(operation="up")).id)
        assert first.state is State.SUCCEEDED, first.message
        _leave(hand)
        _fail(scene, hand, world, wanted)
        _rest(scene, audits)
        _listen(scene, hand)
        yield scene
        assert "Traceback" not in served.log.read_text()
    forget_groups(box)


def _leave(hand: Hand) -> None:
    """Leave texts in annotations and events."""
    for child in OWN:
        namespace = f"{NAME}-{child}"
        hand.annotate(f"/apis/apps/v1/namespaces/{namespace}/deployments/{child}", "annotation", spread(child))
        for pod in hand.send("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]:
            hand.annotate(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}", "pod", spread(child))
        hand.event(child, spread(child))


def _fail(scene: Scene, hand: Hand, world: Gated, before: str) -> None:
    """Have an update fail; meanwhile leave texts in its containers and in reasons, and obey."""
    for name in OWN:
        world.children[name] = {**world.children[name], "args": ["--sandbox-behaviour=crash"]}
        world.versions[name] = "2.0.0"
    world.commit(author=f"author-001 {INJECTIONS[1].text.removesuffix(CANARY).strip()}", message=tagged("commit", 1))
    approve(scene.served, 1, before=before)
    with scene.served.client() as dora:
        asked = Asked(operation="refresh", reason=tagged("reason", 0))
        scene.proposal = dora.propose(Asking(environment="staging", asked=asked)).id
        with hand.speaking():
            scene.running = dora.begin("staging", Asked(operation="up", reason=tagged("reason", 0))).id
            eventually(lambda: dora.operation(scene.running).state is State.RUNNING)
            scene.denied["while an update runs"] = obey(scene, every=3)
            assert dora.operation(scene.running).state is State.RUNNING, "the update ended too early to tell anything"
            for number in range(len(INJECTIONS)):
                waiting = dora.begin("staging", Asked(operation="drift", reason=tagged("reason", number)))
                dora.cancel(waiting.id)
            ended = dora.wait(scene.running)
        assert ended.state is State.FAILED, ended.message
        assert not ended.cancel_requested
        drift = dora.wait(dora.begin("staging", Asked(operation="drift")).id)
        assert drift.state is State.DRIFTED, drift.message


def _rest(scene: Scene, audits: dict[str, Audit]) -> None:
    """Obey while nothing else goes on, and see what the clusters and Vault were asked for."""
    begun = {env: audit.mark() for env, audit in audits.items()}
    vault = scene.served.world.box.layout.vault / "audit.log"
    size = vault.stat().st_size
    scene.denied["at rest"] = obey(scene)
    for env, audit in audits.items():
        scene.changed += [one for one in audit.since(begun[env]) if one.is_write and one.user == audit.admin]
    with vault.open() as lines:
        lines.seek(size)
        scene.signed = [
            f"{request['operation']} {request['path']}"
            for request in (json.loads(line)["request"] for line in lines)
            if request["operation"] not in {"read", "list"}
            and not re.match(r"auth/[^/]+/login|auth/token/", request["path"])
        ]


def _listen(scene: Scene, hand: Hand) -> None:
    """Ask as both agents, again and again while containers say one text after the other, and once for all else."""
    served, told = scene.served, scene.told
    with served.client() as dora:
        for first in range(0, len(INJECTIONS), len(OWN)):
            wanted = range(first, min(first + len(OWN), len(INJECTIONS)))
            pods = hand.crashed()
            assert set(pods) == set(OWN)
            for number, child in zip(wanted, OWN, strict=False):
                hand.last_words(pods[child], number)
            # The service looks at its own pace.
            eventually(
                lambda wanted=wanted: all(
                    f"message-{one:03}" in json.dumps(dora.environment("staging")) for one in wanted
                )
            )
            ask_tools(served, "gus", told, [("status", {"environment": "staging"})])
        operations = [one.id for one in dora.operations("staging", limit=200)]
    for who in ("gus", "fay"):
        looks = ("status", "graph", "changes", "history", "records")
        calls: list[tuple[str, dict[str, Any]]] = [("whoami", {}), ("status", {}), ("validate", {})]
        calls += [(look, {"environment": env}) for look in looks for env in ("staging", "prod")]
        calls += [("preview", {"environment": "staging", "reason": tagged("reason", 2)})]
        calls += [
            (
                "propose",
                {
                    "environment": "staging",
                    "operation": "up",
                    "reason": tagged("reason", 3),
                    "patch": tagged("reason", 4),
                },
            )
        ]
        calls += [("propose", {"environment": "prod", "operation": "up", "reason": "told to"})]
        calls += [("history", {"environment": "staging", "child": HIDDEN}), ("proposals", {})]
        ask_tools(served, who, told, calls)
        with served.client(who) as agent:
            # Who does not see all children looks at one.
            one = Asked(operation="drift", children=(OWN[0],)) if who == "gus" else Asked(operation="preview")
            looked = agent.wait(agent.begin("staging", one).id).id
        ask_tools(
            served, who, told, [("operation", {"identity": one}) for one in (*operations[:30], scene.running, looked)]
        )
        ask_api(served, who, told, [scene.running, looked, operations[0]])


# -- what came of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "least"),
    [
        ("annotation", 150),
        ("event", 15),
        ("message", len(INJECTIONS)),
        ("reason", len(INJECTIONS)),
        ("approval", 2),
        ("author", 1),
    ],
)
def test_texts_of_these_places_reach_an_agent(scene: Scene, place: str, least: int) -> None:
    assert len(scene.told.seen(place)) >= least


@pytest.mark.parametrize("place", ["commit", "pod"])
def test_texts_of_these_places_reach_nobody(scene: Scene, place: str) -> None:
    for who in ("gus", "fay"):
        assert scene.told.seen(place, who=who) == set()


def test_nothing_asks_for_the_logs_of_containers(scene: Scene) -> None:
    box = scene.served.world.box
    for env, mark in scene.marks.items():
        assert [one for one in Audit(box, env).since(mark) if one.resource == "pods/log"] == []


def test_a_tool_hands_every_text_over_as_data_that_can_be_seen_and_has_an_end(scene: Scene) -> None:
    assert len(scene.told.tools) > 100
    for question, text in scene.told.tools.items():
        inner = between(text)
        assert not UNSEEN.search(text), question
        assert len(text) < LIMIT + 500, question
        if "more characters are left out" not in inner:
            json.loads(inner)
    places = ("annotation", "event", "message", "reason", "approval", "author")
    by_tool = {place: scene.told.seen(place, tools=True) for place in places}
    assert all(by_tool.values()), {place: len(found) for place, found in by_tool.items()}


def test_no_canary_is_told_logged_or_kept(scene: Scene) -> None:
    for canary, child in zip(scene.planted, (OWN[0], HIDDEN), strict=False):
        kept = json.dumps([secret["data"] for secret in scene.served.world.get("secrets", child)])
        assert {one.canary for one in scan({"Secrets": kept}, scene.planted)} == {canary.name}
    written = Canary("the texts' own", CANARY)
    answers = {"tools": "\n".join(scene.told.tools.values()), "API": "\n".join(scene.told.api.values())}
    assert scan(answers, [*scene.planted, written]) == []
    folder = scene.served.world.folder / ".aoa" / "service"
    with closing(sqlite3.connect(folder / "service.db")) as database:
        assert database.execute("select count(*) from sqlite_master").fetchone()[0] > 3
    assert scan([scene.served.log, folder], [*scene.planted, written]) == []


@pytest.mark.parametrize("when", ["while an update runs", "at rest"])
def test_an_agent_that_obeys_everything_is_denied(scene: Scene, when: str) -> None:
    assert len(scene.denied[when]) > 80
    assert set(scene.denied[when]) <= {403, 404}


def test_what_it_was_told_to_do_did_not_happen(scene: Scene) -> None:
    assert scene.changed == []
    assert scene.signed == []
    with scene.served.client() as dora:
        assert {one.asked_by.name for one in dora.operations()} == {"dora", "copilot", "clerk"}
        by_agents = {one.operation for one in dora.operations() if one.asked_by.kind == "agent"}
        assert by_agents == {"preview", "drift"}
        (open_one,) = (one for one in dora.proposals() if one.id == scene.proposal)
        assert open_one.state == "open"
        approvals = dora.look("staging", "approvals")
    assert [one["approver"] for one in approvals["statements"]] == ["dora"] * 2


def test_it_reads_nothing_of_prod_nor_of_another_teams_child(scene: Scene) -> None:
    told = scene.told
    answers = {question: text for question, text in (told.tools | told.api).items() if question.startswith("gus")}
    assert [question for question, text in answers.items() if ELSEWHERE in text] == []
    # The agent's own question comes back in the refusal, and in its own list of what it asked for.
    shown = {question for question, text in answers.items() if HIDDEN in text and HIDDEN not in question}
    assert shown == set()
    for question in told.api:
        if "/environments/prod" in question and "obeyed" not in question:
            assert told.refused[question] == 404, question
