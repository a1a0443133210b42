from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.deploy.redact import CREDENTIALS, Redactor, one_line, plain, without_credentials


@given(st.sampled_from(CREDENTIALS), st.text(min_size=6), st.text(), st.text())
def test_no_known_credential_survives(name, value, before, after):
    assert value not in Redactor({name: value})(f"{before}{value}{after}").replace(f"[{name}]", "")


def test_a_credential_that_contains_another_one_goes_as_a_whole():
    redact = Redactor({"VAULT_TOKEN": "secret-part", "GITHUB_TOKEN": "longer-secret-part-of-it"})
    assert redact("x longer-secret-part-of-it y") == "x [GITHUB_TOKEN] y"


def test_what_looks_like_a_token_goes_even_when_it_is_nobodys():
    assert Redactor({})("hvs.CAESIJabcdefghijklmnopqrstuvwxyz") == "[token]"
    assert Redactor({})("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw.c2lnbmF0dXJl") == "[token]"


@pytest.mark.parametrize("secret", ["hvs.CAESIJ0123456789abcdefghij", "password=hunter2", "ghp_" + "a1" * 18])
def test_what_somebody_types_loses_what_looks_like_a_credential_and_nothing_else(secret):
    kept = without_credentials(f"the database is down, see {secret} in the log")
    assert secret not in kept
    assert kept.startswith("the database is down, see ")
    assert kept.endswith(" in the log")
    assert without_credentials("no customer can pay; ticket 4711") == "no customer can pay; ticket 4711"


def test_a_short_value_does_not_take_words_with_it():
    assert Redactor({"VAULT_TOKEN": "root"})("the root cause") == "the root cause"


@given(st.text())
def test_plain_text_has_no_control_characters(text):
    assert not any(ord(char) < 32 and char not in "\t\n" for char in plain(text))
    assert "\n" not in one_line(text)


def test_a_long_text_is_cut():
    assert len(one_line("word " * 1000, 80)) <= 80
