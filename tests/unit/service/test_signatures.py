"""Signing in the page: a second login of the same person, and everything by which it could sign for somebody else."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import Request, Response

from app_of_apps.service.authorization import Cookies
from tests.unit.service.conftest import PEOPLE, copy_project, serving
from tests.unit.service.issuer import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.service.conftest import Served
    from tests.unit.service.issuer import FakeIssuer

CLIENT = "aoa-staging"
OTHER = "sha256:" + "0" * 64


class FakeVault:
    """Takes every login and nothing else: what comes after it is refused, as by a gate."""

    def __init__(self) -> None:
        self.logins: list[str] = []
        self.revoked: list[str] = []
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                return

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path == "/v1/auth/oidc-staging/login":
                    vault.logins.append(json.loads(body)["jwt"])
                    self._send(200, {"auth": {"client_token": "a-login-of-a-person"}})
                elif self.path == "/v1/auth/token/revoke-self":
                    vault.revoked.append(self.headers["X-Vault-Token"])
                    self._send(204, None)
                else:
                    self._send(403, {"errors": ["permission denied"]})

            def do_GET(self) -> None:
                self._send(403, {"errors": ["permission denied"]})

            def _send(self, status: int, body: Any) -> None:
                content = json.dumps(body).encode() if body is not None else b""
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def vault() -> Iterator[FakeVault]:
    found = FakeVault()
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(issuer: FakeIssuer, vault: FakeVault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = copy_project(tmp_path_factory.mktemp("signing") / "project")
    file = project / "Pulumi.staging.yaml"
    text = file.read_text()
    assert text.count("    vault:\n") == 1
    file.write_text(text.replace("    vault:\n", f"    vault:\n      address: {vault.url}\n"))
    login = {"issuer": issuer.url, "audience": AUDIENCE, "approvals": {"staging": CLIENT}, "skew": 5}
    environ = {"AOA_SERVICE_CLIENT_SECRET": "of-the-service", "AOA_SERVICE_CLIENT_SECRET_STAGING": "of-approvals"}
    with serving(project, issuer, environ=environ, login=login) as found:
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture
def person(served: Served) -> Iterator[Callable[..., httpx.Client]]:
    """Log somebody in and return their browser."""
    browsers = []

    def login(who: str = "dora") -> httpx.Client:
        _is(served, who)
        browser = httpx.Client(base_url=served.url, timeout=60)
        browsers.append(browser)
        back = httpx.get(browser.get("/login").headers["location"])
        assert browser.get(back.headers["location"]).status_code == 303
        return browser

    yield login
    for browser in browsers:
        browser.close()


@pytest.fixture
def release(served: Served) -> str:
    return str(served.get("/v1/environments/staging").json()["wanted"])


def _is(served: Served, who: str, **claims: object) -> None:
    served.issuer.person = {"sub": who, "groups": PEOPLE[who], "preferred_username": who, **claims}


def form_token(browser: httpx.Client) -> str:
    return re.search(r'name="token" value="([0-9a-f]{64})"', browser.get("/").text)[1]


def ask(browser: httpx.Client, release: str, env: str = "staging", **more: str) -> httpx.Response:
    data = {"token": form_token(browser), "release": release, **more}
    return browser.post(f"/environments/{env}/approve", data=data)


def login_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return re.search(r'class="button" href="([^"]+)"', answer.text)[1].replace("&amp;", "&")


def put(browser: httpx.Client, cookie: str) -> None:
    """Give a browser another cookie in the place of the one of its signature."""
    for one in [kept for kept in browser.cookies.jar if kept.name == "aoa-sign"]:
        browser.cookies.jar.clear(one.domain, one.path, one.name)
    browser.cookies.set("aoa-sign", cookie)


def back_from(answer: httpx.Response) -> str:
    return httpx.get(login_of(answer)).headers["location"]


def denials(served: Served) -> list[dict[str, Any]]:
    """Return what was denied, newest first; nobody of the example may ask for it everywhere."""
    with contextlib.closing(sqlite3.connect(served.project / ".aoa/service/service.db")) as database:
        rows = database.execute("SELECT who, what, environment, why FROM aoa_denials ORDER BY number DESC").fetchall()
    return [{"who": json.loads(who), "what": what, "environment": env, "why": why} for who, what, env, why in rows]


def test_what_will_be_signed_is_shown_and_a_new_login_of_the_environments_client_is_asked_for(
    served: Served, person: Callable[..., httpx.Client], release: str
) -> None:
    answer = ask(person(), release, reason=" <b>seen</b>\n with ada ")
    assert release in answer.text
    assert "&lt;b&gt;seen&lt;/b&gt; with ada" in answer.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(login_of(answer)).query).items()}
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"{served.url}/callback/sign"
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert asked["code_challenge_method"] == "S256"
    assert "form-action 'self';" in answer.headers["content-security-policy"]
    assert "data-live" not in answer.text
    (cookie,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith("aoa-sign="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


def test_the_token_goes_to_vault_once_and_is_kept_nowhere(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    before = len(vault.logins), len(vault.revoked)
    browser = person()
    answer = browser.get(back_from(ask(browser, release)))
    token = served.issuer.given
    assert vault.logins[before[0] :] == [token]
    assert vault.revoked[before[1] :] == ["a-login-of-a-person"]
    basic = base64.b64encode(f"{CLIENT}:of-approvals".encode()).decode()
    assert served.issuer.exchanged["authorization"] == f"Basic {basic}"
    assert answer.status_code in {409, 503}, "what aoa says is shown"
    assert "That did not work" in answer.text
    assert "aoa-sign" not in browser.cookies
    seen = [answer.text, *browser.cookies.values(), *map(str, answer.headers.multi_items())]
    assert not any(token in one for one in seen)
    for file in served.project.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file


def test_a_token_for_the_service_itself_signs_nothing(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    asked = ask(browser, release)
    _is(served, "dora", aud=AUDIENCE)
    answer = browser.get(back_from(asked))
    assert answer.status_code == 403
    assert f"its audience is not {CLIENT}" in answer.text.replace("&#39;", "'")
    assert len(vault.logins) == before


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"sub": "everybody"}, "somebody else has logged in"),
        ({"sub": "bot"}, "somebody else has logged in"),
        ({"nonce": "another"}, "of another login"),
        ({"azp": "another"}, "given to another client"),
        ({"auth_time": 1_700_000_000}, "who had logged in before"),
        ({"auth_time": "now"}, "who had logged in before"),
        ({"iat": int(time.time()) - 3600}, "who had logged in before"),
        ({"exp": 1_700_000_000}, "has expired"),
        ({"iss": "https://another.example"}, "does not count"),
    ],
)
def test_a_login_that_is_not_this_persons_now_is_denied_and_written_down(  # noqa: PLR0917 - fixtures
    served: Served,
    vault: FakeVault,
    person: Callable[..., httpx.Client],
    release: str,
    claims: dict[str, Any],
    words: str,
) -> None:
    browser, before = person(), len(vault.logins)
    asked = ask(browser, release)
    _is(served, "dora", **claims)
    answer = browser.get(back_from(asked))
    assert answer.status_code == 403
    assert words in answer.text
    assert "nothing was signed" in answer.text
    assert len(vault.logins) == before
    newest = denials(served)[0]
    assert (newest["who"]["name"], newest["what"], newest["environment"]) == ("dora", "approve", "staging")
    assert words in newest["why"]


def test_a_login_that_is_new_is_taken(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    asked = ask(browser, release)
    _is(served, "dora", auth_time=int(time.time()), azp=CLIENT)
    browser.get(back_from(asked))
    assert len(vault.logins) == before + 1


def test_what_was_begun_in_another_session_signs_nothing(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    """A login that somebody else has begun, down to its cookie, put into another browser."""
    attacker, victim, before = person("everybody"), person(), len(vault.logins)
    asked = ask(attacker, release)
    _is(served, "dora")
    back = back_from(asked)
    assert victim.get(back).status_code == 403, "the victim's browser has begun nothing"
    put(victim, attacker.cookies["aoa-sign"])
    answer = victim.get(back)
    assert answer.status_code == 403
    assert "begun in another session" in answer.text
    assert denials(served)[0]["why"].startswith("this login was begun in another session")
    again = person()
    put(again, attacker.cookies["aoa-sign"])
    assert again.get(back_from(asked)).status_code == 403, "a later session of the same person is another one"
    assert len(vault.logins) == before


def test_a_callback_without_a_session_signs_nothing(
    vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    back = back_from(ask(browser, release))
    browser.cookies.delete("aoa")
    answer = browser.get(back)
    assert answer.status_code == 401
    assert "Nothing was signed" in answer.text
    assert len(vault.logins) == before


def test_a_state_that_is_forged_stale_or_of_a_login_is_none(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    back = back_from(ask(browser, release))
    sealed = browser.cookies["aoa-sign"]
    body, _, mark = sealed.partition(".")
    content = json.loads(base64.urlsafe_b64decode(body))
    content["wish"]["what"] = OTHER
    forged = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    for cookie in (f"{forged}.{mark}", f"{body}.{'0' * 64}", f"{body}.", "", "x.y"):
        put(browser, cookie)
        assert browser.get(back).status_code == 403, cookie
    wrong = re.sub("state=[^&]+", "state=another", back)
    put(browser, sealed)
    assert browser.get(wrong).status_code == 403
    _is(served, "dora")
    browser.get("/login")
    put(browser, browser.cookies["aoa-login"])
    assert browser.get(back).status_code == 403, "what was sealed for a login is no signature"
    assert "begun elsewhere, or too long ago" in denials(served)[0]["why"]
    assert len(vault.logins) == before


def test_what_is_sealed_counts_for_its_purpose_and_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = Cookies("https://aoa.example.com", b"key")
    sealed = cookies.seal("aoa-sign", {"s": "é"})

    def opened(purpose: str, key: bytes = b"key") -> dict[str, Any] | None:
        header = f"__Host-{purpose}={sealed}".encode()
        request = Request({"type": "http", "headers": [(b"cookie", header)]})
        return Cookies("https://aoa.example.com", key).opened(request, purpose, seconds=600)

    assert opened("aoa-sign")["s"] == "é"
    assert opened("aoa-login") is None
    assert opened("aoa-sign", b"another") is None
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    assert opened("aoa-sign") is None


def test_a_cookie_for_https_is_taken_away_as_it_was_given() -> None:
    """A browser heeds a name with `__Host-` from nobody who does not say `Secure` and the path."""
    cookies, answer = Cookies("https://aoa.example.com", b"key"), Response()
    cookies.put(answer, "aoa", "x", 60)
    cookies.drop(answer, "aoa")
    given, taken = answer.headers.getlist("set-cookie")
    for line in (given, taken):
        assert line.startswith("__Host-aoa=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(line.split("; "))


def test_what_was_begun_to_sign_opens_no_session(person: Callable[..., httpx.Client], release: str) -> None:
    browser = person()
    back = back_from(ask(browser, release)).replace("/callback/sign", "/callback")
    browser.cookies.set("aoa-login", browser.cookies["aoa-sign"])
    assert browser.get(back).status_code == 401


def test_an_answer_counts_once(vault: FakeVault, person: Callable[..., httpx.Client], release: str) -> None:
    browser = person()
    back = back_from(ask(browser, release))
    sealed, before = browser.cookies["aoa-sign"], len(vault.logins)
    browser.get(back)
    assert len(vault.logins) == before + 1
    assert browser.get(back).status_code == 403, "the cookie is gone"
    put(browser, sealed)
    assert browser.get(back).status_code == 403, "the code is used"
    assert len(vault.logins) == before + 1


def test_somebody_who_does_not_log_in_signs_nothing(
    vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    state = parse_qs(urlsplit(back_from(ask(browser, release))).query)["state"][0]
    answer = browser.get("/callback/sign", params={"state": state, "error": "access_denied"})
    assert answer.status_code == 403
    assert "let nobody in; nothing was signed" in answer.text
    assert len(vault.logins) == before


def test_a_release_that_is_another_one_by_now_is_not_signed(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    answer = ask(browser, OTHER)
    assert answer.status_code == 409
    assert "look again, nothing was signed" in answer.text
    back = back_from(ask(browser, release))
    file = served.project / "Pulumi.staging.yaml"
    text = file.read_text()
    file.write_text(text.replace("mailer: 1.3.2", "mailer: 1.3.3"))
    try:
        answer = browser.get(back)
    finally:
        file.write_text(text)
    assert answer.status_code == 409
    assert "look again, nothing was signed" in answer.text
    assert len(vault.logins) == before


def test_a_form_of_another_site_begins_nothing(
    served: Served, person: Callable[..., httpx.Client], release: str
) -> None:
    browser = person()
    token = form_token(browser)
    stolen = form_token(person("everybody"))
    for path, field in (("approve", {"release": release}), ("revoke", {"nonce": "0" * 32})):
        for given, headers in (
            ("", {}),
            (stolen, {}),
            (token, {"Origin": "https://evil.example"}),
            (token, {"Sec-Fetch-Site": "cross-site"}),
        ):
            data = {**field, "token": given}
            answer = browser.post(f"/environments/staging/{path}", data=data, headers=headers)
            assert answer.status_code == 403
            assert "not made here" in answer.text
            assert "aoa-sign" not in browser.cookies
    assert denials(served)[0]["what"] == "send a form"
    assert browser.get("/environments/staging/approve").status_code == 405


def test_whoever_sees_a_part_signs_nothing(served: Served, person: Callable[..., httpx.Client], release: str) -> None:
    answer = ask(person("ada"), release)
    assert answer.status_code == 403
    assert "not all of them can be seen" in answer.text
    newest = denials(served)[0]
    assert (newest["who"]["name"], newest["what"]) == ("ada", "approve")
    assert ask(person("gus"), release).status_code == 404
    assert ask(person(), release, env="nowhere").status_code == 404


def test_an_environment_without_a_client_is_signed_with_the_command(
    served: Served, person: Callable[..., httpx.Client]
) -> None:
    wanted = served.get("/v1/environments/prod", "everybody").json()["wanted"]
    answer = ask(person("everybody"), wanted, env="prod")
    assert answer.status_code == 409
    assert "aoa approve prod" in answer.text


@pytest.mark.parametrize("nonce", ["--reason", "0" * 5, "0" * 33, "../x"])
def test_what_is_no_nonce_is_not_taken_back(person: Callable[..., httpx.Client], nonce: str) -> None:
    browser = person()
    data = {"token": form_token(browser), "nonce": nonce}
    assert browser.post("/environments/staging/revoke", data=data).status_code == 422


def test_a_signature_is_taken_back_by_the_same_way(vault: FakeVault, person: Callable[..., httpx.Client]) -> None:
    browser, before = person(), len(vault.logins)
    data = {"token": form_token(browser), "nonce": "0123456789abcdef"}
    answer = browser.post("/environments/staging/revoke", data=data)
    assert "0123456789abcdef" in answer.text
    browser.get(back_from(answer))
    assert len(vault.logins) == before + 1


def test_an_agent_never_comes_here(served: Served, vault: FakeVault, release: str) -> None:
    before = len(vault.logins)
    headers = {"Authorization": f"Bearer {served.token('bot')}"}
    with httpx.Client(base_url=served.url, headers=headers) as agent:
        form = agent.post("/environments/staging/approve", data={"release": release, "token": "0" * 64})
        assert (form.status_code, form.headers["location"]) == (303, "/")
        assert agent.get("/callback/sign", params={"state": "x", "code": "x"}).status_code == 401
    assert len(vault.logins) == before


def test_somebody_whom_the_parent_calls_an_agent_by_now_signs_nothing(
    served: Served, vault: FakeVault, person: Callable[..., httpx.Client], release: str
) -> None:
    browser, before = person(), len(vault.logins)
    back = back_from(ask(browser, release))
    parent = served.project / "parent.yaml"
    text = parent.read_text()
    parent.write_text(text.replace("subject: bot\n", "subject: dora\n"))
    try:
        _await_kind(served, "agent")
        answer = browser.get(back)
    finally:
        parent.write_text(text)
        _await_kind(served, "person")
    assert answer.status_code == 403
    assert "only people decide" in answer.text
    assert len(vault.logins) == before


def _await_kind(served: Served, kind: str) -> None:
    deadline = time.monotonic() + 20
    while served.get("/v1/me").json()["kind"] != kind:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_longest_reason_fits_into_the_cookie(person: Callable[..., httpx.Client], release: str) -> None:
    answer = ask(person(), release, reason="\U0001f600" * 500)
    (cookie,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith("aoa-sign="))
    assert len(cookie.partition(";")[0]) <= 4096
