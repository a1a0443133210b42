"""Whose tokens count: every way in which one could be forged, borrowed or old."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from app_of_apps.errors import Unavailable
from app_of_apps.service import tokens
from app_of_apps.service.settings import Login
from app_of_apps.service.tokens import Issuer, NoToken
from tests.unit.service.issuer import FakeIssuer


@pytest.fixture
def fake():
    found = FakeIssuer()
    yield found
    found.close()


@pytest.fixture
def issuer(fake):
    return Issuer(Login(issuer=fake.url, audience="aoa"))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_of_the_issuer_counts(fake, issuer):
    assert issuer.claims(fake.token("dora", ["team"]))["groups"] == ["team"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"aud": "other"}, "for somebody else"),
        ({"aud": None}, "does not count"),
        ({"iss": "http://127.0.0.1:1"}, "does not count"),
        ({"exp": 1}, "has expired"),
        ({"exp": None}, "does not count"),
        ({"iat": None}, "does not count"),
        ({"nbf": int(time.time()) + 3600}, "does not count"),
        ({"iat": int(time.time()) + 3600}, "does not count"),
        ({"sub": None}, "does not count"),
        ({"head": {"kid": "unknown"}}, "a key that its issuer does not have"),
    ],
)
def test_a_token_that_is_not_for_here_and_now_does_not_count(fake, issuer, changed, words):
    token = fake.token(**changed)
    with pytest.raises(NoToken, match=words) as told:
        issuer.claims(token)
    assert token not in str(told.value)


def test_clocks_may_differ_a_little_and_no_more(fake, issuer):
    assert issuer.claims(fake.token(exp=int(time.time()) - 20))
    with pytest.raises(NoToken, match="expired"):
        issuer.claims(fake.token(exp=int(time.time()) - 40))


def test_no_signature_is_none(fake, issuer):
    body = fake.token().split(".")[1]
    for algorithm in ("none", "None", "nOnE"):
        with pytest.raises(NoToken):
            issuer.claims(f"{part({'alg': algorithm, 'kid': fake.kid})}.{body}.")


def test_the_public_key_is_no_shared_secret(fake, issuer):
    body = fake.token().split(".")[1]
    head = part({"alg": "HS256", "kid": fake.kid})
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    secret = fake.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    seal = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    with pytest.raises(NoToken):
        issuer.claims(f"{head}.{body}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}")


def test_another_issuers_key_in_the_token_itself_is_not_believed(fake, issuer):
    stranger = FakeIssuer()
    try:
        head = {"kid": fake.kid, "jwk": stranger.public, "jku": f"{stranger.url}/keys"}
        token = stranger.token("dora", ["platform-admins"], iss=fake.url, head=head)
        with pytest.raises(NoToken):
            issuer.claims(token)
        assert stranger.asked == 0
    finally:
        stranger.close()


def test_changed_content_does_not_count(fake, issuer):
    head, body, seal = fake.token("gus").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    with pytest.raises(NoToken):
        issuer.claims(f"{head}.{part({**claims, 'groups': ['platform-admins']})}.{seal}")


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "..", "\x00.\x00.\x00", "é.é.é", "a" * 20_000])
def test_what_is_no_token_at_all_does_not_count(issuer, token):
    with pytest.raises(NoToken):
        issuer.claims(token)


def test_a_rotated_key_is_found_and_the_old_one_forgotten(fake, issuer, monkeypatch):
    old = fake.token()
    assert issuer.claims(old)
    fake.rotate("second")
    monkeypatch.setattr(tokens, "_PATIENCE", 0.0)
    assert issuer.claims(fake.token())
    with pytest.raises(NoToken):
        issuer.claims(old)


def test_invented_keys_do_not_make_us_ask_again_and_again(fake, issuer):
    issuer.claims(fake.token())
    for number in range(20):
        with pytest.raises(NoToken):
            issuer.claims(fake.token(head={"kid": f"invented-{number}"}))
    assert fake.asked == 1


def test_known_keys_go_on_counting_while_the_issuer_is_away(fake, issuer, monkeypatch):
    issuer.claims(fake.token())
    fake.down = True
    monkeypatch.setattr(tokens, "_KEYS_LAST", 0.0)
    assert issuer.claims(fake.token())


def test_without_the_issuer_nobody_is_let_in(fake, issuer):
    fake.down = True
    with pytest.raises(Unavailable, match="does not answer"):
        issuer.claims(fake.token())


def test_a_token_of_another_login_does_not_open_this_one(fake, issuer):
    token = fake.token(nonce="one")
    assert issuer.claims(token, nonce="one")
    with pytest.raises(NoToken, match="another login"):
        issuer.claims(token, nonce="two")


def test_a_token_for_another_client_counts_where_that_is_asked_for_alone(fake, issuer):
    token = fake.token("dora", aud="aoa-prod")
    assert issuer.claims(token, audience="aoa-prod")["sub"] == "dora"
    with pytest.raises(NoToken, match="its audience is not aoa-staging"):
        issuer.claims(token, audience="aoa-staging")
    with pytest.raises(NoToken, match="its audience is not aoa-prod"):
        issuer.claims(fake.token("dora"), audience="aoa-prod")


def test_the_claim_that_tells_whose_token_it_is_has_to_be_there(fake):
    issuer = Issuer(Login(issuer=fake.url, audience="aoa", subject_claim="oid"))
    assert issuer.claims(fake.token("pairwise", oid="dora"))["oid"] == "dora"
    with pytest.raises(NoToken, match="does not count"):
        issuer.claims(fake.token("pairwise"))
