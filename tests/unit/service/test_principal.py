"""What the parent's roles let somebody do: each right, for each environment and child, and nothing beside."""

from __future__ import annotations

import pytest

from app_of_apps.release.project import load_world
from app_of_apps.service.principal import Denied, Principal, Rights, principal_of, told
from app_of_apps.service.settings import Login
from tests.unit.service.conftest import PEOPLE, copy_project

ALL = {"catalog", "mailer", "orders", "orders-migration", "settlement", "storefront"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return load_world(copy_project(tmp_path_factory.mktemp("principal") / "project"), None)


@pytest.fixture(scope="module")
def rights(world):
    return Rights(world.manifest, {n: frozenset(c.name for c in r.children) for n, r in world.releases.items()})


@pytest.fixture(scope="module")
def who(world):
    return lambda name: told(name, name, frozenset(PEOPLE[name]), world.manifest)


def test_a_grant_lets_its_group_look_at_its_children_alone(rights, who):
    assert rights.visible(who("ada"), "staging") == {"catalog", "storefront"}
    assert rights.visible(who("dora"), "prod") == ALL
    assert rights.visible(who("gus"), "prod") == set()
    assert rights.seen(who("emil")) == ("prod",)


def test_rights_follow_the_role_and_those_that_it_includes(rights, who):
    assert rights.allowed(who("dora"), "deploy", "staging") == ALL  # debugger there
    assert rights.allowed(who("dora"), "deploy", "prod") == set()  # operator there
    assert rights.allowed(who("dora"), "rollback", "prod") == ALL
    assert rights.allowed(who("emil"), "evidence", "prod") == ALL
    assert rights.allowed(who("emil"), "preview", "prod") == set()
    assert rights.allowed(who("ada"), "deploy", "staging") == {"catalog", "storefront"}


def test_the_whole_environment_takes_a_grant_for_all_of_it(rights, who):
    rights.check(who("dora"), "deploy", "staging")
    rights.check(who("ada"), "deploy", "staging", frozenset({"catalog"}))
    with pytest.raises(Denied, match="may not deploy children that you do not see in staging"):
        rights.check(who("ada"), "deploy", "staging")
    with pytest.raises(Denied, match="may not deploy catalog, mailer"):
        rights.check(who("dora"), "deploy", "prod")


def test_whoever_sees_nothing_is_not_told_that_it_is_there(rights, who):
    with pytest.raises(Denied) as nothing:
        rights.check(who("gus"), "preview", "prod")
    with pytest.raises(Denied) as invented:
        rights.check(who("gus"), "preview", "invented")
    assert str(nothing.value).replace("prod", "X") == str(invented.value).replace("invented", "X")


def test_an_agent_is_one_whatever_groups_its_token_carries(rights, world):
    claims = {"sub": "bot", "groups": ["platform-admins", "engineering"]}
    found = principal_of(claims, Login(issuer="http://127.0.0.1", audience="aoa"), world.manifest)
    assert (found.kind, found.who.name, found.groups) == ("agent", "copilot", frozenset())
    assert rights.seen(found) == ("staging",)
    assert rights.allowed(found, "preview", "staging") == ALL
    for right in ("deploy", "rollback", "evidence", "approve"):
        assert rights.allowed(found, right, "staging") == set()
    assert rights.visible(found, "prod") == set()


def test_an_agent_by_its_group_sees_its_children_alone(rights, world):
    found = told("any", "any", frozenset({"bots", "platform-admins"}), world.manifest)
    assert found.agent == "narrow"
    assert rights.visible(found, "staging") == {"catalog"}


def test_an_agent_that_the_parent_does_not_name_any_more_sees_nothing(rights):
    gone = Principal("agent", "x", "x", frozenset({"platform-admins"}), "gone")
    assert rights.seen(gone) == ()


def test_a_prefix_of_groups_is_taken_off(world):
    login = Login(issuer="http://127.0.0.1", audience="aoa", groups_prefix="okta:")
    found = principal_of({"sub": "x", "groups": ["okta:auditors", "plain"]}, login, world.manifest)
    assert found.groups == {"auditors", "plain"}
    assert principal_of({"sub": "x", "groups": "okta:one"}, login, world.manifest).groups == {"one"}
    assert principal_of({"sub": "x"}, login, world.manifest).groups == frozenset()


def test_somebody_is_known_by_the_claim_that_the_settings_name(world):
    login = Login(issuer="https://login.example.com", audience="aoa", subject_claim="oid")
    found = principal_of({"sub": "pairwise", "oid": "bot"}, login, world.manifest)
    assert (found.kind, found.subject) == ("agent", "bot")
