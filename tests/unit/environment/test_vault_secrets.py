"""Versions and single keys of a kv-v2 engine, against a server that answers as Vault does."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.environment.vault_health import trouble
from app_of_apps.environment.vault_secrets import VaultSecrets
from app_of_apps.errors import Refused, SecretMissing, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRON = {"VAULT_TOKEN": "hvs.canary-of-a-persons-token"}
VALUE = "canary-of-the-new-value"
METADATA = {
    "current_version": 10,
    "versions": {
        "9": {"created_time": "2026-03-01T10:00:00.123456789Z", "deletion_time": "", "destroyed": True},
        "10": {"created_time": "2026-03-02T10:00:00.5Z", "deletion_time": "", "destroyed": False},
    },
}


class Server(ThreadingHTTPServer):
    def __init__(self, answers: Mapping[tuple[str, str], tuple[int, dict[str, Any]]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.bodies: list[tuple[str, str, Any]] = []

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def secrets(self) -> VaultSecrets:
        return VaultSecrets(self.address, None, ENVIRON)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix("/v1/").partition("?")[0]
        self.server.bodies.append((self.command, self.headers.get("Content-Type", ""), json.loads(body or b"null")))
        status, answer = self.server.answers.get((self.command, path), (404, {"errors": []}))
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = _any  # noqa: N815 - the base's names

    def log_message(self, *_: object) -> None:
        pass


def test_versions_are_in_order_of_number_and_tell_what_was_there_when() -> None:
    answers = {
        ("GET", "kv/metadata/a/b"): (200, {"data": METADATA}),
        ("GET", "kv/subkeys/a/b"): (200, {"data": {"subkeys": {"url": None}}}),
    }
    with Server(answers) as server, server.secrets() as vault:
        state = vault.state("kv", "a/b")
        assert vault.state("kv", "other") is None
    assert state is not None
    assert [(one.number, one.gone) for one in state.versions] == [(9, True), (10, False)]
    assert (state.latest.number, state.keys) == (10, {"url"})
    between = state.at(datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert between is not None
    assert between.number == 9
    assert state.at(datetime(2026, 2, 1, tzinfo=UTC)) is None


def test_one_key_is_merged_into_the_version_that_was_seen() -> None:
    with Server({("PATCH", "kv/data/a"): (200, {"data": {"version": 11}})}) as server, server.secrets() as vault:
        assert vault.write_key("kv", "a", "url", VALUE, version=10) == 11
        body = {"options": {"cas": 10}, "data": {"url": VALUE}}
        assert server.bodies == [("PATCH", "application/merge-patch+json", body)]


@pytest.mark.parametrize(
    ("status", "errors", "kind", "words"),
    [
        (400, ["check-and-set parameter did not match the current version"], Refused, "in the meantime"),
        (403, ["1 error occurred: permission denied"], Unavailable, "vault: [list, rotate]"),
        (404, [], SecretMissing, "no secret at kv/a"),
        (503, ["Vault is sealed"], Unavailable, "is sealed"),
        (500, [f"internal error with {VALUE}"], Unavailable, "answers 500"),
    ],
)
def test_a_write_that_fails_says_that_nothing_was_written_and_never_what(
    status: int, errors: list[str], kind: type[Exception], words: str
) -> None:
    answers = {("PATCH", "kv/data/a"): (status, {"errors": errors})}
    with Server(answers) as server, server.secrets() as vault, pytest.raises(kind) as caught:
        vault.write_key("kv", "a", "url", VALUE, version=10)
    assert words in str(caught.value)
    assert "nothing was written" in str(caught.value)
    assert VALUE not in str(caught.value)


def test_a_vault_that_is_not_there_is_told_from_one_that_may_have_written() -> None:
    with Server({}) as server:
        address = server.address
    with (
        VaultSecrets(address, None, ENVIRON) as vault,
        pytest.raises(Unavailable, match="nothing was written") as caught,
    ):
        vault.write_key("kv", "a", "url", VALUE, version=10)
    # The error of the HTTP library holds the request, and so the value.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_what_a_token_may_do_is_asked_without_doing_it() -> None:
    answers = {("POST", "sys/capabilities-self"): (200, {"data": {"kv/data/a": ["patch", "update"]}})}
    with Server(answers) as server, server.secrets() as vault:
        assert vault.may("kv/data/a") == {"patch", "update"}
    with Server({("POST", "sys/capabilities-self"): (403, {})}) as server, server.secrets() as vault:
        assert vault.may("kv/data/a") is None


@pytest.mark.parametrize(
    ("status", "says"),
    [(200, None), (429, None), (473, None), (503, "is sealed"), (501, "is not initialised"), (500, "answers 500")],
)
def test_health_is_whether_anybody_is_served(status: int, says: str | None) -> None:
    with Server({("GET", "sys/health"): (status, {})}) as server:
        assert trouble(server.address, {}) == says
    assert "does not answer" in str(trouble(server.address, {}))
