"""A tag is resolved by its registry, or the version does not move.

The registry here is a stub on this machine: it says so in every answer, and knows what the tests tell it to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.registry import Registries, _login, _taken_apart
from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
MANIFEST = b'{"schemaVersion": 2}'
Answer = tuple[int, dict[str, str], bytes]


class StubRegistry:
    """Answers on loopback what `answer` returns for a request; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.answer: Callable[[str, str, str | None], Answer] = lambda *_: (404, {}, b"")
        stub = self

        class Handler(BaseHTTPRequestHandler):
            server_version = "StubRegistry/0 (a test's stand-in, no registry)"

            def _do(self) -> None:
                authorization = self.headers.get("Authorization")
                stub.asked.append((self.command, self.path, authorization))
                status, headers, content = stub.answer(self.command, self.path, authorization)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_HEAD = do_GET = _do  # noqa: N815 - the names are the base's

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(name="stub")
def a_stub() -> Iterator[StubRegistry]:
    stub = StubRegistry()
    yield stub
    stub.close()


def digest(stub: StubRegistry, **environ: str) -> str:
    with Registries({"HOME": "/nonexistent", **environ}, timeout=2) as registries:
        return registries.digest(f"{stub.host}/shop/catalog", "2.9.0")


def test_the_digest_is_what_the_registry_says(stub: StubRegistry) -> None:
    stub.answer = lambda *_: (200, {"Docker-Content-Digest": DIGEST}, b"")
    assert digest(stub) == DIGEST
    assert stub.asked == [("HEAD", "/v2/shop/catalog/manifests/2.9.0", None)]


@pytest.mark.parametrize("header", [{}, {"Docker-Content-Digest": "sha512:00"}, {"Docker-Content-Digest": "x" * 71}])
def test_without_a_header_that_can_be_used_the_manifest_itself_is_hashed(
    stub: StubRegistry, header: dict[str, str]
) -> None:
    stub.answer = lambda *_: (200, header, MANIFEST)
    assert digest(stub) == "sha256:" + hashlib.sha256(MANIFEST).hexdigest()


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_is_got_where_the_registry_says(stub: StubRegistry, key: str) -> None:
    realm = f'Bearer realm="http://{stub.host}/token?a=b",service="here",scope="repository:shop/catalog:pull"'

    def answer(_: str, path: str, authorization: str | None) -> Answer:
        if path.startswith("/token"):
            return 200, {}, json.dumps({key: "t1"}).encode()
        if authorization == "Bearer t1":
            return 200, {"Docker-Content-Digest": DIGEST}, b""
        return 401, {"WWW-Authenticate": realm}, b""

    stub.answer = answer
    assert digest(stub) == DIGEST
    _, path, authorization = stub.asked[1]
    assert path == "/token?a=b&scope=repository%3Ashop%2Fcatalog%3Apull&service=here"
    assert authorization is None


def test_a_docker_login_is_used_for_its_own_host_alone(stub: StubRegistry, tmp_path: Path) -> None:
    login = base64.b64encode(b"ci:pass").decode()
    config = {"auths": {stub.host: {"auth": login}, "other.example.com": {"auth": "b3RoZXI6eA=="}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    wanted = f"Basic {login}"
    stub.answer = lambda _, __, said: (
        (200, {"Docker-Content-Digest": DIGEST}, b"")
        if said == wanted
        else (401, {"WWW-Authenticate": 'Basic realm="stub"'}, b"")
    )
    assert digest(stub, DOCKER_CONFIG=str(tmp_path)) == DIGEST
    assert [said for _, _, said in stub.asked] == [None, wanted]
    with pytest.raises(Unavailable, match="run `docker login"):
        digest(stub)
    assert _login("registry-1.docker.io", {"DOCKER_CONFIG": str(tmp_path)}) is None


def test_a_tag_that_is_not_there_is_refused(stub: StubRegistry) -> None:
    with pytest.raises(Refused, match=r"has no tag 2\.9\.0 of shop/catalog"):
        digest(stub)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_registry_that_does_not_say_is_no_answer(stub: StubRegistry, status: int) -> None:
    realm = f'Bearer realm="http://{stub.host}/token"'
    stub.answer = lambda _, path, __: (
        (200, {}, b'{"token": "t"}') if path.startswith("/token") else (status, {"WWW-Authenticate": realm}, b"")
    )
    with pytest.raises(Unavailable, match=f"answers {status} for shop/catalog"):
        digest(stub)


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Bearer",
        'Negotiate realm="x"',
        'Bearer realm="http://registry.example.com/token"',
        'Bearer realm="ftp://127.0.0.1/token"',
        'Bearer realm="https://user:pass@registry.example.com/token"',
    ],
)
def test_no_credential_goes_where_it_should_not(stub: StubRegistry, challenge: str) -> None:
    stub.answer = lambda *_: (401, {"WWW-Authenticate": challenge}, b"")
    with pytest.raises(Unavailable):
        digest(stub)
    assert len(stub.asked) == 1


@pytest.mark.parametrize("token", [b"", b"[]", b"{}", b'"t"'])
def test_a_token_that_is_none_is_an_error_of_ours(stub: StubRegistry, token: bytes) -> None:
    realm = f'Bearer realm="http://{stub.host}/token"'
    stub.answer = lambda _, path, __: (
        (200, {}, token) if path.startswith("/token") else (401, {"WWW-Authenticate": realm}, b"")
    )
    with pytest.raises(Unavailable, match="no token"):
        digest(stub)


def test_a_redirect_is_followed_without_the_credentials_and_never_to_another_scheme(stub: StubRegistry) -> None:
    other = StubRegistry()
    try:
        realm = f'Bearer realm="http://{stub.host}/token"'

        def answer(_: str, path: str, said: str | None) -> Answer:
            if path.startswith("/token"):
                return 200, {}, b'{"token": "t1"}'
            if said is None:
                return 401, {"WWW-Authenticate": realm}, b""
            return 307, {"Location": f"http://{other.host}/elsewhere"}, b""

        stub.answer = answer
        other.answer = lambda *_: (200, {"Docker-Content-Digest": DIGEST}, b"")
        assert digest(stub) == DIGEST
        assert other.asked == [("HEAD", "/elsewhere", None)]
        stub.answer = lambda *_: (307, {"Location": f"https://{other.host}/elsewhere"}, b"")
        with pytest.raises(Unavailable, match="redirects from http to https"):
            digest(stub)
        assert len(other.asked) == 1
        stub.answer = lambda *_: (302, {"Location": "/again"}, b"")
        with pytest.raises(Unavailable, match="again and again"):
            digest(stub)
    finally:
        other.close()


def test_more_than_a_manifest_is_not_read(stub: StubRegistry) -> None:
    stub.answer = lambda *_: (200, {}, b" " * (5 * 1024 * 1024))
    with pytest.raises(Unavailable, match="more than 4 MiB"):
        digest(stub)


def test_a_registry_that_is_not_there_is_no_answer(stub: StubRegistry) -> None:
    stub.close()
    with pytest.raises(Unavailable, match="does not answer"):
        digest(stub)


@pytest.mark.parametrize(
    ("repository", "host", "name"),
    [
        ("registry.example.com/shop/catalog", "registry.example.com", "shop/catalog"),
        ("localhost/a", "localhost", "a"),
        ("localhost:5000/a", "localhost:5000", "a"),
        ("nginx", "registry-1.docker.io", "library/nginx"),
        ("grafana/loki", "registry-1.docker.io", "grafana/loki"),
        ("docker.io/nginx", "registry-1.docker.io", "library/nginx"),
    ],
)
def test_a_repository_names_its_registry(repository: str, host: str, name: str) -> None:
    assert _taken_apart(repository) == (host, name)


def test_several_threads_may_ask(stub: StubRegistry) -> None:
    def answer(_: str, path: str, authorization: str | None) -> Answer:
        if path.startswith("/token"):
            return 200, {}, b'{"token": "t"}'
        if authorization != "Bearer t":
            realm = f'Bearer realm="http://{stub.host}/token",service="here"'
            return 401, {"WWW-Authenticate": realm}, b""
        return 200, {"Docker-Content-Digest": f"sha256:{int(path.rpartition('/')[2]):064x}"}, b""

    stub.answer = answer
    with Registries({"HOME": "/nonexistent"}, timeout=5) as registries, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda tag: registries.digest(f"{stub.host}/shop/catalog", str(tag)), range(40)))
    assert found == [f"sha256:{tag:064x}" for tag in range(40)]
