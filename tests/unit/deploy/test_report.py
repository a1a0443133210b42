from __future__ import annotations

import json

import pytest

from app_of_apps.deploy.report import Cause, ChildOutcome, Report, State, duration, next_steps, render, short, to_json


def report(**fields) -> Report:
    return Report(**{"operation": "up", "parent": "shop", "environment": "prod", "ok": True, **fields})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59.4, "59s"), (60, "1m00s"), (200, "3m20s"), (7500, "2h05m")]
)
def test_durations_read_like_those_of_people(seconds, text):
    assert duration(seconds) == text


def test_a_digest_is_shortened_to_what_names_the_record():
    assert short("sha256:" + "0123456789abcdef" * 4) == "0123456789ab"


def test_a_good_report_has_nothing_to_do_next():
    assert next_steps(report()) == ()
    assert render(report(seconds=4.2)) == "up of shop in prod succeeded after 4s"


def test_a_cause_without_a_child_is_told_as_it_is():
    cause = Cause("the state backend is locked")
    assert cause.sentence == "the state backend is locked"
    assert next_steps(report(ok=False, causes=(cause,))) == ("Run `aoa up prod` again when the cause is gone.",)


def test_several_teams_are_asked_once_each():
    causes = tuple(
        Cause("x", child, team, f"#{team}", "Job", "n", "j") for child, team in [("a", "t"), ("b", "u"), ("c", "t")]
    )
    assert "Have team t (#t) and team u (#u) mend it; nothing else has to be undone." in next_steps(
        report(ok=False, causes=causes)
    )


def test_a_preview_speaks_of_what_would_be():
    child = ChildOutcome("api", "core", "service", State.CHANGED, "1.0.0", changes=(("created", 2), ("updated", 1)))
    text = render(report(operation="preview", children=(child,)))
    assert "WOULD CHANGE (1)\n  api (team core) service 1.0.0: 2 created, 1 updated" in text


def test_the_json_shape_is_versioned_and_complete():
    child = ChildOutcome("api", "core", "service", State.BLOCKED, "1", standing="0", because=("db",))
    cause = Cause("boom", "db", "core", "#core", "Job", "shop-db", "db-1", ("more",))
    shape = json.loads(json.dumps(to_json(report(ok=False, causes=(cause,), children=(child,), release="sha256:x"))))
    assert shape["format"] == "app-of-apps/report/v1"
    assert shape["causes"][0]["object"] == {"kind": "Job", "namespace": "shop-db", "name": "db-1"}
    assert shape["children"][0]["state"] == "blocked"
    assert shape["next"]


def test_what_a_release_deletes_is_told_before_the_children():
    gone = "mail (worker 1.0.0, team one): namespace shop-mail with 2 Secrets"
    assert f"\n\nWOULD BE DELETED\n  {gone}" in render(report(operation="preview", deletions=(gone,)))
    assert "DELETED BY THIS RELEASE" in render(report(deletions=(gone,)))
    assert to_json(report(deletions=(gone,)))["deletions"] == [gone]
