"""A forge on loopback that keeps comments, issues and pull requests in memory, in the words of GitHub and GitLab.

A stand-in: the real ones cannot be reached from a test. It knows what `app_of_apps.pipeline.forge` asks and answers
404 to everything else, hands out pages of two, and can be told to fail.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BOT = "github-actions[bot]"
PAGE = 2


@dataclass
class Fake:
    """What the forge knows and was asked."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    credentials: set[str] = field(default_factory=set)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Answers, each given once, before anything else is done: status and headers."""
    anonymous: bool = True
    """Whether the token may not ask who it is, as the one of a workflow."""

    def comment(self, author: str, body: str) -> dict[str, Any]:
        """Let somebody write a comment."""
        made = {"id": 100 + len(self.comments), "user": {"login": author}, "author": {"username": author}}
        made |= {"body": body, "system": False}
        self.comments.append(made)
        return made


@contextmanager
def forge() -> Iterator[Fake]:
    """Give a forge that answers as long as this lasts."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            fake.requests.append(f"{self.command} {self.path}")
            fake.credentials.add(self.headers.get("authorization") or self.headers.get("private-token") or "")
            if fake.failures:
                status, headers = fake.failures.pop(0)
                self._send(status, {"message": "told to fail @somebody"}, headers)
                return
            parts = urlsplit(self.path)
            status, answer = _reply(fake, self.command, parts.path, body)
            headers = {}
            if isinstance(answer, list):
                number = int(parse_qs(parts.query).get("page", ["1"])[0])
                if len(answer) > number * PAGE:
                    query = re.sub(r"&page=\d+", "", parts.query)
                    headers["link"] = f'<{fake.url}{parts.path}?{query}&page={number + 1}>; rel="next"'
                answer = answer[(number - 1) * PAGE : number * PAGE]
            self._send(status, answer, headers)

        def _send(self, status: int, answer: object, headers: dict[str, str]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(content))}.items():
                self.send_header(name, value)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the base's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _reply(fake: Fake, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: PLR0911 - one for each
    if path == "/user":
        return (403, {"message": "Resource not accessible by integration"}) if fake.anonymous else (200, _BOT_USER)
    if method == "GET" and re.search(r"/(issues|merge_requests)/\d+/(comments|notes)$", path):
        return 200, fake.comments
    if method == "POST" and re.search(r"/(issues|merge_requests)/\d+/(comments|notes)$", path):
        return 201, fake.comment(BOT, body["body"])
    if method in {"PATCH", "PUT"} and (found := re.search(r"/(?:comments|notes)/(\d+)$", path)):
        one = next(one for one in fake.comments if one["id"] == int(found[1]))
        one["body"] = body["body"]
        return 200, one
    if method == "GET" and path.endswith("/issues"):
        return 200, [one for one in fake.issues if one["state"] == "open"]
    if method == "POST" and path.endswith("/issues"):
        number = 1 + len(fake.issues)
        text = body.get("body") or body.get("description")
        made = {"number": number, "iid": number, "user": {"login": BOT}, "author": {"username": BOT}, "state": "open"}
        fake.issues.append({**made, "title": body["title"], "body": text, "description": text})
        return 201, fake.issues[-1]
    if method in {"PATCH", "PUT"} and (found := re.search(r"/issues/(\d+)$", path)):
        one = fake.issues[int(found[1]) - 1]
        text = body.get("body") or body.get("description")
        closed = body.get("state") == "closed" or body.get("state_event") == "close"
        one |= {"body": text, "description": text, "state": "closed" if closed else one["state"]}
        return 200, one
    if method == "POST" and path.endswith(("/pulls", "/merge_requests")):
        fake.pulls.append(body)
        address = f"https://forge.example/{len(fake.pulls)}"
        return 201, {"html_url": address, "web_url": address}
    return 404, {"message": "Not Found"}


_BOT_USER = {"login": BOT, "username": BOT}
