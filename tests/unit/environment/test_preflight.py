"""The preflight against a server that answers as Vault does, and against lists of Jobs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.environment import preflight
from app_of_apps.environment.preflight import (
    Migration,
    Reference,
    await_migrations,
    check_migrations,
    check_secrets,
)
from app_of_apps.environment.settings import Vault
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Refused, SecretMissing, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "hvs.canary-of-the-programs-token"
ENVIRON = {"VAULT_TOKEN": TOKEN}


class FakeVault(ThreadingHTTPServer):
    """Answers `/subkeys` as a kv-v2 engine does; a real one runs in the integration tests."""

    def __init__(self, secrets: dict[str, list[str]], *, status: int = 200, pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secrets, self.status, self.pause = secrets, status, pause
        self.requests: list[tuple[str, str | None]] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeVault

    def do_GET(self) -> None:
        vault = self.server
        with vault.lock:
            vault.requests.append((self.path, self.headers.get("X-Vault-Namespace")))
            vault.busy += 1
            vault.busiest = max(vault.busiest, vault.busy)
        time.sleep(vault.pause)
        with vault.lock:
            vault.busy -= 1
        path = self.path.removeprefix("/v1/kv-staging/subkeys/").partition("?")[0]
        keys = vault.secrets.get(path)
        if self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": ["permission denied"]})
        elif vault.status != 200:
            self._answer(vault.status, {"errors": ["Vault is sealed"]})
        elif keys is None:
            self._answer(404, {"errors": []})
        else:
            self._answer(200, {"data": {"metadata": {"version": 1}, "subkeys": dict.fromkeys(keys)}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked has given up
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def settings(address: str, **more: Any) -> Vault:
    return Vault.model_validate({"address": address, "mounts": {"kv": "kv-staging", "jwt": "jwt-staging"}, **more})


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with FakeVault({"orders/database": ["url", "migration-url"], "shop": ["key"]}) as running:
        yield running


def test_keys_that_exist_pass_and_each_secret_is_asked_for_once(vault: FakeVault) -> None:
    references = [
        Reference("orders", "orders/database", "url"),
        Reference("migration", "orders/database", "migration-url"),
        Reference("storefront", "shop", None),
    ]
    check_secrets(references, settings(vault.address), ENVIRON)
    assert sorted(vault.requests) == [
        ("/v1/kv-staging/subkeys/orders/database?depth=1", None),
        ("/v1/kv-staging/subkeys/shop?depth=1", None),
    ]


def test_missing_keys_are_named_with_child_path_key_place_and_remedy(vault: FakeVault) -> None:
    references = [
        Reference("orders", "orders/database", "password", "apps/orders.yaml:20:5"),
        Reference("mailer", "orders/mailer", "smtp-password", "apps/mailer.yaml:16:5"),
        Reference("worker", "no/volume", None),
        Reference("orders", "orders/database", "url"),
    ]
    with pytest.raises(SecretMissing) as caught:
        check_secrets(references, settings(vault.address), ENVIRON)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"3 secrets are missing in Vault at {vault.address}; nothing was touched:"
    assert lines[1].strip() == (
        "apps/mailer.yaml:16:5: mailer: there is no secret at kv-staging/orders/mailer (key 'smtp-password' is needed)"
        "; pipe the value into `vault kv put -mount=kv-staging orders/mailer smtp-password=-`"
    )
    assert lines[2].strip() == (
        "apps/orders.yaml:20:5: orders: kv-staging/orders/database has no key 'password'; "
        "pipe the value into `vault kv patch -mount=kv-staging orders/database password=-`"
    )
    assert lines[3].strip().startswith("worker: there is no secret at kv-staging/no/volume; ")
    assert len(lines) == 4


def test_nothing_is_asked_when_nobody_needs_a_secret() -> None:
    check_secrets([], settings("http://127.0.0.1:1"), {})


def test_secrets_are_asked_for_at_the_same_time() -> None:
    with FakeVault({f"s{n}": ["k"] for n in range(16)}, pause=0.1) as vault:
        check_secrets([Reference("c", f"s{n}", "k") for n in range(16)], settings(vault.address), ENVIRON)
        assert vault.busiest > 4


def test_a_namespace_is_passed_on(vault: FakeVault) -> None:
    check_secrets([Reference("c", "shop", "key")], settings(vault.address, namespace="team-a"), ENVIRON)
    assert vault.requests[0][1] == "team-a"


@pytest.mark.parametrize(
    ("status", "words"),
    [(503, "is sealed or has no active node: unseal it"), (500, "answers 500 for kv-staging/subkeys/shop")],
)
def test_a_vault_that_cannot_answer_is_unavailable(status: int, words: str) -> None:
    with (
        FakeVault({"shop": ["key"]}, status=status) as vault,
        pytest.raises(Unavailable, match="nothing was touched") as caught,
    ):
        check_secrets([Reference("c", "shop", "key")], settings(vault.address), ENVIRON)
    assert words in str(caught.value)
    assert not isinstance(caught.value, SecretMissing)


def test_a_token_that_may_not_look_is_told_apart_and_never_repeated(vault: FakeVault) -> None:
    with pytest.raises(Unavailable, match="answers 403") as caught:
        check_secrets([Reference("c", "shop", "key")], settings(vault.address), {"VAULT_TOKEN": "hvs.another-canary"})
    assert "canary" not in str(caught.value)


def test_a_vault_that_is_not_there_is_unavailable() -> None:
    with FakeVault({}) as vault:
        gone = vault.address
    with pytest.raises(Unavailable, match="does not answer"):
        check_secrets([Reference("c", "shop", "key")], settings(gone), ENVIRON)


def test_a_vault_that_hangs_is_given_up(vault: FakeVault) -> None:
    vault.pause = 1.0
    with pytest.raises(Unavailable, match=r"does not answer \(ReadTimeout\)"):
        check_secrets(
            [Reference("c", "shop", "key")],
            settings(vault.address),
            ENVIRON,
            connect=lambda address, namespace, environ: VaultReader(address, namespace, environ, timeout=0.1),
        )


def test_the_token_file_of_vault_login_is_used(vault: FakeVault, tmp_path: Any) -> None:
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    check_secrets([Reference("c", "shop", "key")], settings(vault.address), {"HOME": str(tmp_path)})
    with pytest.raises(Unavailable, match="set VAULT_TOKEN, or run `vault login`"):
        check_secrets([Reference("c", "shop", "key")], settings(vault.address), {"HOME": str(tmp_path / "nobody")})


class Jobs:
    """The Jobs of some namespaces."""

    def __init__(self, **jobs: dict[str, str | None]) -> None:
        self._jobs = jobs

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        namespace = path.split("/")[5]
        return [
            {
                "metadata": {"name": name},
                "status": {"conditions": [{"type": ended, "status": "True"}]} if ended else {"active": 1},
            }
            for name, ended in self._jobs.get(namespace, {}).items()
        ]


WANTED = Migration("migration", "db", "migration-new")


def test_jobs_that_have_ended_and_the_wanted_one_are_no_obstacle() -> None:
    check_migrations([WANTED], Jobs())  # type: ignore[arg-type]
    jobs = {"migration-old": "Complete", "migration-older": "Failed", "migration-new": None}
    check_migrations([WANTED], Jobs(db=jobs))  # type: ignore[arg-type]


def test_a_job_of_another_content_that_still_runs_is_refused() -> None:
    with pytest.raises(Refused, match="a migration is still running; nothing was touched") as caught:
        check_migrations([WANTED], Jobs(db={"migration-old": None, "migration-new": None}))  # type: ignore[arg-type]
    look = "(look: `kubectl logs -n db job/migration-old`)"
    assert f"migration: Job db/migration-old {look} is of another content and has not ended" in str(caught.value)
    assert "migration-new" not in str(caught.value)


def test_the_wanted_job_of_an_interrupted_run_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_PAUSE", 0.01)
    jobs = Jobs(db={"migration-new": None})
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        jobs._jobs["db"]["migration-new"] = "Complete"

    await_migrations([WANTED], jobs, tell)  # type: ignore[arg-type]
    assert len(told) == 1
    assert "still runs since an earlier run; waiting for its end" in told[0]


def test_nobody_waits_where_nothing_runs() -> None:
    await_migrations([WANTED], Jobs(db={"migration-new": "Failed"}), pytest.fail)  # type: ignore[arg-type]


def test_a_wanted_job_that_outlives_its_deadline_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_PAUSE", 0.01)
    wanted = Migration("migration", "db", "migration-new", deadline=0)
    with pytest.raises(Refused, match="still runs after 0 s; nothing was touched"):
        await_migrations([wanted], Jobs(db={"migration-new": None}), lambda _: None)  # type: ignore[arg-type]
