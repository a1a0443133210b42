"""What is cut out for whoever sees some children of an environment and not the others."""

from __future__ import annotations

import pytest

from app_of_apps.service.front import _without_others
from app_of_apps.service.ledger import Event

SEEN = frozenset({"site"})


def child(name: str, doing: str, text: str) -> Event:
    return Event(1, 0.0, "child", {"child": name, "team": "one", "doing": doing, "text": text})


@pytest.mark.parametrize(
    "event",
    [
        child("site", "waiting", "waits for db"),
        child("site", "blocked", "blocked by db"),
        child("db", "in progress", "update Deployment db"),
        Event(1, 0.0, "line", {"text": "   2s  db: begins"}),
        Event(1, 0.0, "state", {"state": "failed", "message": "db (team one, #one): Deployment x-db/db: crashed"}),
    ],
)
def test_an_event_names_no_child_that_its_reader_does_not_see(event):
    kept = _without_others(event, SEEN)
    assert kept is None or "db" not in str(kept.data)


def test_what_is_the_readers_own_is_told_in_full():
    event = child("site", "in progress", "update Deployment site")
    assert _without_others(event, SEEN) == event
    assert _without_others(Event(1, 0.0, "state", {"state": "running"}), SEEN).data == {"state": "running"}
