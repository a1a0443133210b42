"""The reader against a small HTTP server on loopback."""

from __future__ import annotations

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from app_of_apps.environment.kube_reader import Forbidden, KubeReader
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class Api(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, str | None]]] = []

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if url.path == "/list":
            first = "continue" not in query
            self.answer(200, {"items": [{"n": 1 if first else 2}], "metadata": {"continue": "next"} if first else {}})
        elif url.path == "/one":
            self.answer(200, {"kind": "One"})
        elif url.path == "/forbidden":
            self.answer(403, {"message": "pods is forbidden"})
        elif url.path == "/text":
            self.answer(200, None)
        elif url.path == "/broken":
            self.answer(500, {"message": "etcd is away"})
        else:
            self.answer(404, {"message": "not found"})

    def answer(self, status: int, body: Any) -> None:
        content = b"no json" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server():
    Api.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def kubeconfig(tmp_path):
    def write(server: str, user: dict[str, Any] | None = None, name: str = "config") -> Path:
        file = tmp_path / name
        file.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": {"server": server}}],
                    "users": [{"name": "u", "user": user or {}}],
                    "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "another-one",
                }
            )
        )
        return file

    return write


def test_an_object_is_read_and_what_is_not_there_is_none(server, kubeconfig):
    with KubeReader("staging", str(kubeconfig(server))) as kube:
        assert kube.get("/one") == {"kind": "One"}
        assert kube.get("/nothing") is None
        assert kube.list("/nothing") == []


def test_a_list_is_read_to_its_last_page(server, kubeconfig):
    with KubeReader("staging", str(kubeconfig(server))) as kube:
        assert kube.list("/list", labelSelector="a=b") == [{"n": 1}, {"n": 2}]
    assert "labelSelector=a%3Db" in Api.seen[1][1]
    assert "continue=next" in Api.seen[1][1]


def test_only_get_is_ever_sent(server, kubeconfig):
    with KubeReader("staging", str(kubeconfig(server))) as kube:
        kube.get("/one")
        kube.list("/list")
    assert {method for method, _, _ in Api.seen} == {"GET"}


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/forbidden", Forbidden, "403.*pods is forbidden"),
        ("/broken", Unavailable, "500.*etcd is away"),
        ("/text", Unavailable, "no JSON"),
    ],
)
def test_an_answer_that_is_no_object_says_what_was_asked(server, kubeconfig, path, kind, words):
    with KubeReader("staging", str(kubeconfig(server))) as kube, pytest.raises(kind, match=words):
        kube.get(path)


def test_a_server_that_is_not_there_is_unavailable(kubeconfig):
    with KubeReader("staging", str(kubeconfig("http://127.0.0.1:9"))) as kube, pytest.raises(Unavailable) as error:
        kube.get("/one")
    assert str(error.value).startswith("cluster 'staging' at http://127.0.0.1:9 does not answer: ")


def test_a_missing_context_names_those_that_there_are(server, kubeconfig):
    with pytest.raises(Unavailable, match=r"no context 'prod' \(known: staging\)"):
        KubeReader("prod", str(kubeconfig(server)))


def test_a_missing_kubeconfig_is_named(tmp_path):
    with pytest.raises(Unavailable, match=r"no kubeconfig: .*nowhere does not exist; set KUBECONFIG"):
        KubeReader("staging", str(tmp_path / "nowhere"))


def test_the_current_context_is_never_taken(server, kubeconfig):
    with pytest.raises(Unavailable, match="no context ''"):
        KubeReader("", str(kubeconfig(server)))


def test_several_files_are_one_configuration_and_the_first_wins(server, kubeconfig, tmp_path):
    first, second = kubeconfig(server, name="a"), kubeconfig("http://127.0.0.1:9", name="b")
    with KubeReader("staging", f"{first}:{tmp_path / 'missing'}:{second}") as kube:
        assert kube.server == server


@pytest.mark.parametrize("version", ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"])
def test_the_token_of_an_exec_plugin_is_sent(server, kubeconfig, version):
    script = "import os, json; assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'; "
    script += "print(json.dumps({'status': {'token': os.environ['GIVEN']}}))"
    plugin = {
        "apiVersion": version,
        "command": sys.executable,
        "args": ["-c", script],
        "env": [{"name": "GIVEN", "value": "from-plugin"}],
    }
    with KubeReader("staging", str(kubeconfig(server, {"exec": plugin}))) as kube:
        kube.get("/one")
    assert Api.seen[0][2] == "Bearer from-plugin"


def test_a_failing_exec_plugin_is_named_without_its_output(server, kubeconfig):
    plugin = {"command": sys.executable, "args": ["-c", "print('canary-output'); raise SystemExit(1)"]}
    with pytest.raises(Unavailable) as error:
        KubeReader("staging", str(kubeconfig(server, {"exec": plugin})))
    assert "credential plugin" in str(error.value)
    assert "canary-output" not in str(error.value)


def test_tokens_come_from_the_entry_or_a_file_beside_it(server, kubeconfig, tmp_path):
    (tmp_path / "token").write_text("from-file\n")
    for user in ({"token": "from-entry"}, {"tokenFile": "token"}):
        with KubeReader("staging", str(kubeconfig(server, user))) as kube:
            kube.get("/one")
    assert [header for _, _, header in Api.seen] == ["Bearer from-entry", "Bearer from-file"]


def test_a_removed_way_to_log_in_is_refused(server, kubeconfig):
    with pytest.raises(Unavailable, match="auth-provider, which Kubernetes removed"):
        KubeReader("staging", str(kubeconfig(server, {"auth-provider": {"name": "gcp"}})))


def test_a_certificate_that_is_none_is_named(server, kubeconfig):
    rubbish = base64.b64encode(b"rubbish").decode()
    user = {"client-certificate-data": rubbish, "client-key-data": rubbish}
    with pytest.raises(Unavailable, match="the certificates of kubeconfig context 'staging' cannot be used"):
        KubeReader("staging", str(kubeconfig(server, user)))
