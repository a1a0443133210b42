"""Operations in a database, on SQLite and on PostgreSQL: leases, fences, idempotency, pages, cancelling."""

from __future__ import annotations

import threading
import time

import pytest

from app_of_apps.errors import Refused, Unavailable
from app_of_apps.service.database import Database
from app_of_apps.service.desk import Decided, Desk
from app_of_apps.service.ledger import AskedDifferently, Fenced, Ledger
from app_of_apps.service.operation import Asked, State, Who
from app_of_apps.service.proposal import Asking
from app_of_apps.service.pulse import Pulse
from tests.postgres import postgres

ADA = Who(kind="person", name="ada", subject="ada")
BEN = Who(kind="person", name="ben", subject="ben")
UP = Asked(operation="up")


@pytest.fixture(scope="module")
def server():
    with postgres() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'service.db'}"
    else:
        server = request.getfixturevalue("server")
        url = server.url(f"db{time.monotonic_ns()}").replace("postgresql://", "postgresql+psycopg://")
    found = Database(url)
    found.create()
    found.create()  # a second worker finds the tables
    yield found
    found.close()


@pytest.fixture
def ledger(database):
    return Ledger(database)


def asked(ledger, env="staging", **more):
    return ledger.add(env, UP, ADA, release=None, **more)[0]


def test_what_is_asked_for_waits_and_has_an_event(ledger):
    operation, new = ledger.add("staging", UP, ADA, release="sha256:1")
    assert new
    assert (operation.state, operation.asked_by, operation.release) == (State.QUEUED, ADA, "sha256:1")
    assert [event.data for event in ledger.events(operation.id)] == [{"state": "queued"}]


def test_a_key_gives_the_same_operation_and_refuses_another_wish(ledger):
    first, new = ledger.add("staging", UP, ADA, release=None, key="k")
    again, old = ledger.add("staging", UP, ADA, release=None, key="k")
    assert (new, old, again.id) == (True, False, first.id)
    with pytest.raises(AskedDifferently):
        ledger.add("prod", UP, ADA, release=None, key="k")
    other, new = ledger.add("staging", UP, BEN, release=None, key="k")
    assert new
    assert other.id != first.id


def test_one_key_at_once_makes_one_operation(ledger):
    found = []

    def ask() -> None:
        found.append(ledger.add("staging", UP, ADA, release=None, key="k")[0].id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (8, 1)
    assert len(ledger.listed(["staging"])[0]) == 1


def begin(ledger, lease=30):
    """Begin what has its turn; return its id and its fence."""
    found = ledger.begin(lease)
    return None if found is None else (found[0].id, found[1])


def test_a_lease_is_one_operations_until_it_ends(ledger):
    one, two = asked(ledger), asked(ledger)
    assert begin(ledger) == (one.id, 1)
    assert begin(ledger) is None, "one at a time, and whoever runs it has it"
    prod = asked(ledger, "prod")
    assert begin(ledger) == (prod.id, 1), "environments do not wait for one another"
    ledger.end(ledger.get(one.id), 1, State.SUCCEEDED, exit_code=0)
    assert begin(ledger) == (two.id, 2)
    assert (ledger.get(one.id).state, ledger.get(two.id).state) == (State.SUCCEEDED, State.RUNNING)


def test_whoever_lost_the_lease_writes_nothing_any_more(ledger):
    one = asked(ledger)
    _, old = begin(ledger, 0.05)
    time.sleep(0.1)
    assert begin(ledger) == (one.id, old + 1), "what was left has its turn again"
    for write in (
        lambda: ledger.renew("staging", one.id, old, 30),
        lambda: ledger.note("staging", one.id, old, [("line", {"text": "late"})]),
        lambda: ledger.end(ledger.get(one.id), old, State.SUCCEEDED),
    ):
        with pytest.raises(Fenced):
            write()
    assert (ledger.get(one.id).state, ledger.get(one.id).attempt) == (State.RUNNING, 2)
    assert all(event.kind == "state" for event in ledger.events(one.id))
    assert ledger.renew("staging", one.id, old + 1, 30) is False


def test_many_at_once_get_one_lease(ledger):
    first, *_ = [asked(ledger) for _ in range(8)]
    found = []
    threads = [threading.Thread(target=lambda: found.append(begin(ledger))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in found if one] == [(first.id, 1)]


def test_what_waits_is_cancelled_at_once_and_what_runs_is_asked(ledger):
    one, two = asked(ledger), asked(ledger)
    _, fence = begin(ledger)
    assert ledger.cancel(two.id).state is State.CANCELLED
    assert ledger.cancel(one.id).state is State.RUNNING
    assert ledger.renew("staging", one.id, fence, 30) is True
    ledger.end(ledger.get(one.id), fence, State.CANCELLED)
    assert begin(ledger) is None, "what was cancelled does not begin"


def test_what_nobody_has_queued_is_found(ledger):
    one = asked(ledger)
    assert ledger.overdue(30) is None
    assert ledger.overdue(-1).id == one.id
    begin(ledger)
    asked(ledger)
    assert ledger.overdue(-1) is None, "it waits for another one"


def test_pages_go_on_where_the_last_one_ended(ledger):
    made = [asked(ledger).id for _ in range(7)]
    found, cursor = [], None
    while True:
        page, cursor = ledger.listed(["staging"], before=cursor, limit=3)
        found += [one.id for one in page]
        if cursor is None:
            break
    assert found == made[::-1]
    assert ledger.listed(["prod"])[0] == ()
    assert ledger.listed([])[0] == ()


def test_events_go_on_where_a_reader_was(ledger):
    one = asked(ledger)
    _, fence = begin(ledger)
    ledger.note("staging", one.id, fence, [("line", {"text": str(number)}) for number in range(5)])
    seen = ledger.events(one.id)
    assert ledger.events(one.id, seen[3].number) == seen[4:]
    assert [event.number for event in seen] == sorted({event.number for event in seen})


def test_nobody_overtakes_and_a_long_queue_holds_up_no_other(ledger):
    names = {asked(ledger).id: f"staging {number}" for number in (1, 2, 3, 4)}
    order = []

    def run():
        identity, fence = begin(ledger)
        order.append(names[identity])
        ledger.end(ledger.get(identity), fence, State.SUCCEEDED)

    run()
    names |= {asked(ledger, "prod").id: f"prod {number}" for number in (1, 2)}
    run()
    names[asked(ledger, "test").id] = "test 1"  # later than all others
    for _ in range(5):
        run()
    assert order == ["staging 1", "staging 2", "prod 1", "staging 3", "prod 2", "test 1", "staging 4"]
    assert begin(ledger) is None


def test_news_name_the_operations_that_have_events(ledger):
    first, second = asked(ledger), asked(ledger, "prod")
    number, named = ledger.news(None)
    assert named == frozenset()
    assert ledger.news(number) == (number, frozenset())
    ledger.cancel(second.id)
    later, named = ledger.news(number)
    assert (later, named) == (number + 1, {second.id})
    assert ledger.news(0) == (later, {first.id, second.id})
    assert (ledger.state(second.id), ledger.state("nobody's")) == (State.CANCELLED, None)


def test_a_pulse_tells_one_operation_from_another(ledger):
    first, second = asked(ledger), asked(ledger, "prod")
    pulse = Pulse(ledger)
    pulse.start()
    try:
        deadline = time.monotonic() + 10
        while not pulse.number:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        quiet, number = pulse.of(first.id), pulse.number
        ledger.cancel(second.id)
        while not pulse.of(second.id):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert pulse.of(first.id) == quiet
        assert pulse.number == number + 1
    finally:
        pulse.stop()


def test_a_silent_worker_is_told_to_one_alone(ledger):
    ledger.present("a", "host")
    ledger.present("b", "host")
    assert ledger.gone(60) == ()
    ledger.leave("a")
    found = []
    threads = [threading.Thread(target=lambda: found.extend(ledger.gone(60))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["a"]


def test_what_ended_long_ago_is_forgotten_with_its_events(ledger):
    one = asked(ledger)
    _, fence = begin(ledger)
    ledger.end(ledger.get(one.id), fence, State.SUCCEEDED)
    two = asked(ledger)
    ledger.forget(0)
    assert ledger.get(one.id) is None
    assert ledger.events(one.id) == ()
    assert ledger.get(two.id) is not None


def test_a_budget_is_spent_and_comes_back(database, monkeypatch):
    desk = Desk(database)
    assert [desk.spend("bot", "calls", seconds=3600, most=2) > 0 for _ in range(4)] == [False, False, True, True]
    assert desk.spend("other", "calls", seconds=3600, most=2) == 0
    assert desk.spend("bot", "previews", seconds=3600, most=0) > 0
    now = time.time()
    monkeypatch.setattr(Database, "now", lambda *_: now + 3600)
    assert desk.spend("bot", "calls", seconds=3600, most=2) == 0


def test_a_proposal_is_decided_once(database):
    desk = Desk(database)
    made = desk.propose(Asking(environment="staging", asked=UP), ADA)
    assert desk.decide(made.id, BEN, accepted=True).decided_by == BEN
    with pytest.raises(Decided):
        desk.decide(made.id, ADA, accepted=False)
    assert desk.proposal(made.id).state == "accepted"


def test_a_session_is_kept_as_a_hash_and_ends(database, monkeypatch):
    desk = Desk(database)
    secret = desk.open_session({"subject": "ada", "name": "ada", "groups": []})
    assert desk.session(secret)["subject"] == "ada"
    with database.read() as connection:
        kept = connection.exec_driver_sql("select id, principal from aoa_sessions").all()
    assert secret not in str(kept)
    later = time.time() + 9 * 3600
    monkeypatch.setattr(Database, "now", lambda *_: later)
    assert desk.session(secret) is None


def test_a_database_is_one_parents(database):
    assert len(database.claim("shop")) == 32
    assert database.claim("shop") == database.claim("shop"), "all workers seal with one key"
    with pytest.raises(Refused, match="service of shop, not of market"):
        database.claim("market")


def test_a_database_that_is_away_is_named_without_its_password():
    database = Database("postgresql+psycopg://aoa:hunter2-canary@127.0.0.1:9/none", patience=1)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9/none does not answer") as told:
        database.create()
    assert "canary" not in str(told.value)
