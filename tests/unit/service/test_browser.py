"""A person's login with a browser, and everything by which another site could use it."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urlsplit

import httpx
import pytest

from tests.unit.service.conftest import PEOPLE

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def person(served):
    """Log somebody in and return their browser."""
    browsers = []

    def login(who: str = "dora", to: str = "/") -> httpx.Client:
        served.issuer.person = {"sub": who, "groups": PEOPLE[who], "preferred_username": who}
        browser = httpx.Client(base_url=served.url, timeout=30)
        browsers.append(browser)
        asked = browser.get("/login", params={"to": to})
        assert asked.status_code == 303
        back = httpx.get(asked.headers["location"])
        assert back.status_code == 302
        browser.landed = browser.get(back.headers["location"])  # type: ignore[attr-defined]
        return browser

    yield login
    for browser in browsers:
        browser.close()


def form_token(browser: httpx.Client, path: str = "/") -> str:
    return re.search(r'name="token" value="([0-9a-f]{64})"', browser.get(path).text)[1]


def test_without_a_login_a_page_asks_for_one_and_tells_nothing(served):
    for path in ("/", "/environments/prod", "/operations/0123456789abcdef", "/proposals"):
        answer = httpx.get(served.url + path)
        assert answer.status_code == 200
        assert "Log in" in answer.text
        assert "catalog" not in answer.text
    assert httpx.get(f"{served.url}/live").status_code == 401


def test_a_login_uses_pkce_state_and_nonce_and_its_cookie_is_no_token(served, person):
    browser = person()
    asked = served.issuer.asked_for[-1]
    digest = hashlib.sha256(served.issuer.verifier.encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    assert browser.landed.status_code == 303
    kept = [line for line in browser.landed.headers.get_list("set-cookie") if line.startswith("aoa=")]
    assert re.search(r"HttpOnly", kept[0])
    assert re.search(r"samesite=lax", kept[0], re.IGNORECASE)
    assert "eyJ" not in kept[0]
    assert "dora" in browser.get("/").text


def test_a_login_that_was_begun_elsewhere_does_not_count(served):
    served.issuer.person = {"sub": "dora", "groups": PEOPLE["dora"]}
    victim, attacker = httpx.Client(base_url=served.url), httpx.Client(base_url=served.url)
    asked = attacker.get("/login")
    back = httpx.get(asked.headers["location"]).headers["location"]
    assert victim.get(back).status_code == 401, "the victim's browser has begun no login"
    victim.get("/login")
    assert victim.get(back).status_code == 401, "its own login has another state"
    assert attacker.get(back).status_code == 303
    assert attacker.get(back).status_code == 401, "a code counts once"
    victim.close()
    attacker.close()


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/x"]
)
def test_nobody_is_sent_elsewhere_after_a_login(person, to):
    assert person(to=to).landed.headers["location"] == "/"


def test_a_path_of_the_service_is_where_a_login_ends(person):
    assert person(to="/environments/staging").landed.headers["location"] == "/environments/staging"


def test_an_agent_has_no_session(served):
    served.issuer.person = {"sub": "bot"}
    with httpx.Client(base_url=served.url) as browser:
        back = httpx.get(browser.get("/login").headers["location"]).headers["location"]
        answer = browser.get(back)
        assert answer.status_code == 403
        assert "agents have no session" in answer.text


def test_a_form_of_another_site_does_nothing(served, person):
    browser = person()
    before = served.get("/v1/operations").json()["items"]
    token = form_token(browser, "/environments/staging")
    for data, headers in (
        ({"operation": "preview", "token": ""}, {}),
        ({"operation": "preview", "token": "0" * 64}, {}),
        ({"operation": "preview", "token": token}, {"Origin": "https://evil.example"}),
        ({"operation": "preview", "token": token}, {"Origin": "null"}),
        ({"operation": "preview", "token": token}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = browser.post("/environments/staging/begin", data=data, headers=headers)
        assert answer.status_code == 403, (data, headers)
        assert "not made here" in answer.text
    assert browser.post("/v1/environments/staging/operations", json={"operation": "preview"}).status_code == 403
    assert browser.post("/v1/proposals", json={}, headers={"X-Form-Token": "x"}).status_code == 403
    other = person("ada")
    stolen = other.post("/environments/staging/begin", data={"operation": "preview", "token": token})
    assert stolen.status_code == 403, "a token is its session's"
    assert served.get("/v1/operations").json()["items"] == before


def test_a_form_of_the_page_begins_what_its_reader_may(person):
    browser = person()
    page = browser.get("/environments/staging").text
    assert "Deploy the project" in page
    token = form_token(browser, "/environments/staging")
    answer = browser.post("/environments/staging/begin", data={"operation": "preview", "token": token})
    assert answer.status_code == 303
    shown = browser.get(answer.headers["location"])
    assert "preview of" in shown.text
    prod = browser.get("/environments/prod").text
    assert "Deploy the project" not in prod
    denied = browser.post("/environments/prod/begin", data={"operation": "up", "token": token})
    assert denied.status_code == 403
    wrong = browser.post("/environments/staging/begin", data={"operation": "destroy", "token": token})
    assert wrong.status_code == 409


def test_a_session_ends_with_its_logout(person):
    browser = person()
    secret = browser.cookies["aoa"]
    assert browser.post("/logout", data={"token": form_token(browser)}).status_code == 303
    browser.cookies.set("aoa", secret)
    assert "Log in" in browser.get("/").text


def test_what_somebody_lost_they_lose_at_once(served, person):
    """A session keeps groups; what they mean is read from the manifest each time."""
    browser = person("ada")
    assert "storefront" in browser.get("/environments/staging").text
    parent = served.project / "parent.yaml"
    text = parent.read_text()
    parent.write_text(text.replace("group: team-storefront", "group: team-other"))
    try:
        for _ in range(100):
            answer = browser.get("/environments/staging")
            if answer.status_code == 404:
                break
        assert answer.status_code == 404
    finally:
        parent.write_text(text)


def test_texts_of_others_are_text(served, person):
    asked = {"environment": "staging", "asked": {"operation": "refresh", "reason": SCRIPT}, "patch": SCRIPT}
    assert served.post("/v1/proposals", asked, "everybody").status_code == 201
    page = person().get("/proposals").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    first = person().get("/").text
    assert "&lt;script&gt;" in first
    assert "<script>alert" not in first


def test_pages_load_nothing_from_elsewhere(person):
    browser = person()
    for path in ("/", "/environments/staging", "/proposals"):
        text = browser.get(path).text
        for url in re.findall(r'(?:src|href|action)="([^"]+)"', text):
            assert urlsplit(url).netloc == "", url
            if url.startswith("/static/"):
                assert browser.get(url).headers["cache-control"].endswith("immutable")
