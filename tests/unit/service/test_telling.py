"""Webhooks, messages for people, and traces: what leaves the service, to whom, and how it is tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app_of_apps.service.notify import Notifier, signature
from app_of_apps.service.operation import Asked
from app_of_apps.service.proposal import Asking
from app_of_apps.service.settings import Settings
from tests.unit.service.conftest import copy_project, serving
from tests.unit.service.injections import CANARY

KEY = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Receiver:
    """Takes whatever is posted; `failing` answers 500 so many times first."""

    def __init__(self) -> None:
        self.taken, self.failing, receiver = [], 0, self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                return

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = 200
                if self.path == "/events" and receiver.failing:
                    receiver.failing, status = receiver.failing - 1, 500
                if status == 200:
                    receiver.taken.append((self.path, dict(self.headers.items()), body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, count: int, path: str, limit: float = 40) -> list:
        deadline = time.monotonic() + limit
        while len(found := [one for one in self.taken if one[0] == path]) < count:
            assert time.monotonic() < deadline, self.taken
            time.sleep(0.05)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def receiver():
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(scope="module")
def telling(receiver, issuer, tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("telling") / "project")
    hooks = [
        {"url": f"{receiver.url}/events", "on": ["started", "failed", "proposed"]},
        {"urlVariable": "CHAT_HOOK", "form": "slack", "on": ["failed", "proposed"]},
    ]
    environ = {
        "AOA_SERVICE_WEBHOOK_KEY": KEY,
        "CHAT_HOOK": f"{receiver.url}/chat",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with serving(project, issuer, environ=environ, webhooks=hooks) as found:
        yield found


def test_what_happens_is_told_signed_and_tried_again(telling, receiver):
    receiver.failing = 2
    with telling.client() as client:
        operation = client.begin("staging", Asked(operation="up", reason=f"<!channel> & {CANARY}"))
        client.wait(operation.id)
    found = receiver.wait(2, "/events")
    kinds = set()
    for _, headers, body in found:
        told = json.loads(body)
        kinds.add(told["type"])
        assert told["data"]["operation"]["id"] == operation.id
        moment = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == signature(KEY, headers["webhook-id"], moment, body.decode())
        secret = base64.b64decode(KEY.removeprefix("whsec_"))
        seal = hmac.new(secret, f"{headers['webhook-id']}.{moment}.".encode() + body, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(seal).decode()}"
    assert kinds == {"app-of-apps.started", "app-of-apps.failed"}
    ((_, _, message),) = receiver.wait(1, "/chat")
    text = json.loads(message)["text"]
    assert "up of staging FAILED (asked for by dora)" in text
    assert "it is not registered" in text
    assert f"{telling.url}/operations/{operation.id}" in text


def test_a_message_for_people_calls_nobody(telling, receiver):
    with telling.client("bot") as agent:
        agent.propose(
            Asking(environment="staging", asked=Asked(operation="refresh", reason="<!here> <https://evil.example|x>"))
        )
    found = [json.loads(body)["text"] for _, _, body in receiver.wait(2, "/chat")]
    assert not any("<!" in text or "<http" in text for text in found)


def test_texts_are_escaped_and_bounded():
    settings = Settings.model_validate({"login": {"issuer": "http://127.0.0.1", "audience": "x"}})
    about = {
        "environment": "staging",
        "operation": {
            "id": "1",
            "operation": "up",
            "askedBy": {"name": "ada"},
            "message": "",
            "report": {
                "causes": [{"sentence": f"<!channel> & <@U1> {CANARY}"}, {"sentence": "x" * 5000}],
                "next": ["look"],
            },
        },
    }
    text = Notifier(settings, None)._words("failed", about)
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt; [token]" in text
    assert len(text) < 3000


def test_requests_and_operations_are_traced_as_one(telling, receiver):
    with telling.client() as client:
        client.wait(client.begin("staging", Asked(operation="preview")).id)
    deadline = time.monotonic() + 30
    wanted = {b"POST /v1/environments/{env}/operations", b"preview staging", b"aoa.state", b"refused"}
    while missing := {
        one for one in wanted if not any(one in body for path, _, body in receiver.taken if path == "/v1/traces")
    }:
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)
    assert not any(b"dora" in body for path, _, body in receiver.taken if path == "/v1/traces")
