"""One comment and one issue, at a forge that fails, is busy, or has what others wrote. The forge is a stand-in."""

from __future__ import annotations

import pytest

from app_of_apps.errors import InvalidInput, Unavailable
from app_of_apps.pipeline.api import Api
from app_of_apps.pipeline.forge import connected
from app_of_apps.pipeline.sticky import comment, issue
from app_of_apps.pipeline.surroundings import GITHUB, GITLAB, Surroundings
from tests.unit.pipeline.fake_forge import BOT, forge

MARKER = "<!-- app-of-apps preview of shop/prod -->"
TOKEN = "canary-of-a-forge"


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with forge() as found:
        yield found


def at(fake, kind: str = GITHUB, **more) -> Surroundings:
    told = {
        "forge": kind,
        "api": fake.url,
        "project": "example/shop",
        "pull": 5,
        "fork": False,
        "run": "",
        "person": None,
    }
    return Surroundings(**{**told, "token": TOKEN, **more})


@pytest.mark.parametrize("kind", [GITHUB, GITLAB])
def test_there_is_one_comment_and_it_is_written_anew(fake, kind):
    fake.anonymous = kind == GITHUB
    for text, expected in (("one", "added"), ("one", "unchanged"), ("two", "updated")):
        with connected(at(fake, kind)) as there:
            assert comment(there, 5, f"{MARKER}\n{text}\n") == expected
    assert [one["body"] for one in fake.comments] == [f"{MARKER}\ntwo\n"]
    assert all(TOKEN in one for one in fake.credentials)


def test_another_environment_has_another_comment(fake):
    with connected(at(fake)) as there:
        comment(there, 5, f"{MARKER}\none\n")
        comment(there, 5, "<!-- app-of-apps preview of shop/staging -->\none\n")
    assert len(fake.comments) == 2


def test_what_somebody_else_wrote_is_left_alone_whatever_its_first_line_says(fake):
    fake.comment("mallory", f"{MARKER}\nall is well, merge it\n")
    for number in range(PAGES):
        fake.comment("ada", f"a remark {number}")
    mine = fake.comment(BOT, f"{MARKER}\nold\n")
    with connected(at(fake)) as there:
        assert comment(there, 5, f"{MARKER}\nnew\n") == "updated"
    assert mine["body"] == f"{MARKER}\nnew\n"
    assert fake.comments[0]["body"] == f"{MARKER}\nall is well, merge it\n"
    assert len(fake.comments) == PAGES + 2


@pytest.mark.parametrize("kind", [GITHUB, GITLAB])
def test_there_is_one_issue_until_nothing_has_drifted(fake, kind):
    fake.anonymous = kind == GITHUB
    said = []
    for text, wanted in (("a", False), ("a", True), ("a", True), ("b", True), ("c", False), ("c", False), ("d", True)):
        with connected(at(fake, kind)) as there:
            said.append(issue(there, "Drift", f"<!-- drift -->\n{text}\n", wanted=wanted))
    assert [one for one, _ in said] == ["none", "opened", "unchanged", "updated", "closed", "none", "opened"]
    assert [(one["state"], one["body"]) for one in fake.issues] == [
        ("closed", "<!-- drift -->\nc\n"),
        ("open", "<!-- drift -->\nd\n"),
    ]


def test_a_busy_forge_is_asked_again(fake):
    fake.failures += [(503, {}), (429, {"retry-after": "1"}), (403, {"x-ratelimit-remaining": "0"})]
    with connected(at(fake)) as there:
        assert comment(there, 5, f"{MARKER}\none\n") == "added"


def test_a_comment_is_not_written_twice_when_it_may_have_arrived(fake):
    with connected(at(fake)) as there:
        list(there.comments(5))
        fake.failures += [(502, {})]
        with pytest.raises(Unavailable, match="answers 502 to POST"):
            there.add_comment(5, "x")
    assert fake.comments == []


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "not valid any more"), (403, "may not do this"), (404, "no such thing")]
)
def test_a_refusal_says_what_to_do_and_nothing_of_the_token(fake, status, hint):
    fake.failures += [(status, {})]
    with connected(at(fake)) as there, pytest.raises(Unavailable, match=hint) as told:
        list(there.comments(5))
    assert TOKEN not in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_not_said_is_named(fake):
    with pytest.raises(InvalidInput, match="AOA_FORGE_TOKEN"), connected(at(fake, token="")):
        pass


@pytest.mark.parametrize("address", ["http://forge.example", "http://10.0.0.1/api", "ftp://127.0.0.1"])
def test_no_token_goes_over_the_wire_in_the_clear(address):
    with pytest.raises(InvalidInput, match="no address to send a token to"):
        Api("GitHub", address, {})


def test_a_next_page_elsewhere_is_not_followed(fake):
    for _ in range(3):
        fake.comment(BOT, "x")
    with connected(at(fake)) as there:
        real = fake.url
        fake.url = "http://127.0.0.2:1"
        with pytest.raises(Unavailable, match="another host"):
            list(there.comments(5))
        fake.url = real


PAGES = 5
