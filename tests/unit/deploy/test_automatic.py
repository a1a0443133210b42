from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.automatic import take_back, to_bring_back, wants_rollback
from app_of_apps.deploy.past import Past, PastRelease
from app_of_apps.deploy.report import Cause, ChildOutcome, Report, State, render, to_json
from app_of_apps.deploy.rollback import VARIABLE, Rollback
from app_of_apps.deploy.run import Told
from app_of_apps.errors import Refused, Unavailable
from app_of_apps.release.resolve import resolve
from app_of_apps.release.restore import Order, Sources, compose
from tests.unit.release.world import child, environment, manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release

BACK = {"onFailure": "rollback"}


class Kept(PastRelease):
    """A release that is kept as it is, not as a ConfigMap."""

    def release(self) -> Release:
        return self.stored["release"]


def shop(version: str, *others: Any, **api: Any) -> Release:
    """A cache, an API on it, a site on the API, and a worker by itself."""
    made = [
        child(name="cache"),
        child(name="api", dependsOn=["cache"], **{**BACK, **api}),
        child(name="site", dependsOn=["api"]),
        child(name="mail", type="worker"),
        *others,
    ]
    return resolve(manifest(*made), environment(versions={one.name: version for one in made}))


def failed(release: Release, **states: State) -> Report:
    children = tuple(
        ChildOutcome(one.name, "core", one.spec.type, states.get(one.name, State.UP), one.version)
        for one in release.children
    )
    cause = Cause("no route to the broker", "api", "core", "#core")
    return Report("up", "shop", "staging", ok=False, causes=(cause,), children=children, release=release.digest)


API_FAILED = {"api": State.FAILED, "site": State.BLOCKED}


def story(second: Report | Exception, *, last: Release | None = None, attempt: str | None = None) -> tuple[Report, Any]:
    """Return the report after an update of which the API failed, and what was deployed to take it back."""
    release = shop("2.0.0")
    last = last or shop("1.0.0")
    began = {"kind": "began", "operation": "up", "sequence": 12, "release": {"digest": attempt or release.digest}}
    past = Past("staging", (Kept(7, "release-7", last.digest, None, {"release": last}),), ({**began, "children": {}},))
    deployed: list[tuple[Release, Mapping[str, str]]] = []

    def composed(order: Order, _: Past) -> Rollback:
        restored = compose(Sources(release, release, last, {}, 7), order.children, lambda _: release.access)
        return Rollback(order, past.last, restored, approved=True, commits=())

    def run(made: Release, environ: Mapping[str, str]) -> Told:
        deployed.append((made, environ))
        if isinstance(second, Exception):
            raise second
        return Told(second, "", 0 if second.ok else 5)

    told = Told(failed(release, **API_FAILED), "", 5)
    done = take_back(told, release, past=lambda: past, compose=composed, run=run)
    assert done.exit_code == 5
    return done.report, deployed


def test_only_a_child_that_asks_takes_an_update_back() -> None:
    release = shop("2.0.0")
    assert wants_rollback(release, failed(release, **API_FAILED))
    assert not wants_rollback(release, failed(release, mail=State.FAILED))
    stops = shop("2.0.0", onFailure="stop")
    assert not wants_rollback(stops, failed(stops, **API_FAILED))


def test_an_interruption_takes_nothing_back() -> None:
    release = shop("2.0.0")
    report = Report(
        "up", "shop", "staging", ok=False, children=failed(release, **API_FAILED).children, interrupted=True
    )
    assert not wants_rollback(release, report)


def test_what_failed_and_what_waits_for_it_come_back_and_what_is_healthy_stays() -> None:
    release = shop("2.0.0")
    assert to_bring_back(release, shop("1.0.0"), failed(release, **API_FAILED)) == ("api", "site")


def test_what_was_not_reached_is_not_rolled_out_meanwhile() -> None:
    release = shop("2.0.0", child(name="new"))
    report = failed(release, **API_FAILED, mail=State.NOT_STARTED, cache=State.UNFINISHED, new=State.NOT_STARTED)
    last = shop("1.0.0", child(name="old"))
    assert to_bring_back(release, last, report) == ("api", "cache", "mail", "new", "old", "site")


def test_what_failed_and_says_stop_is_left_for_a_look() -> None:
    release = shop("2.0.0")
    report = failed(release, **API_FAILED, mail=State.FAILED)
    assert "mail" not in to_bring_back(release, shop("1.0.0"), report)


def test_one_report_tells_what_failed_and_what_came_back() -> None:
    ok = Report("up", "shop", "staging", ok=True, seconds=12.0)
    report, ((made, environ),) = story(ok)
    assert environ == {VARIABLE: "7:api,site@12"}
    assert {name: one.version for name, one in made.by_name.items()} == {
        "api": "1.0.0",
        "cache": "2.0.0",
        "mail": "2.0.0",
        "site": "1.0.0",
    }
    text = render(report)
    assert text.index("ROOT CAUSE") < text.index("ROLLED BACK to release 7") < text.index("UP (2)")
    assert "up of shop in staging FAILED and was rolled back" in text
    assert "  api 2.0.0 → 1.0.0 comes back" in text
    assert "site 2.0.0 → 1.0.0" not in text, "it was never touched"
    assert "Have team core (#core) mend it" in text
    assert to_json(report)["cameBack"]["ok"] is True


def test_a_second_failure_is_told_and_what_to_do() -> None:
    second = Report("up", "shop", "staging", ok=False, causes=(Cause("no node left", "api"),), seconds=8.0)
    report, _ = story(second)
    text = render(report)
    assert text.count("ROOT CAUSE") == 1
    assert text.index("no route to the broker") < text.index("THE ROLLBACK to release 7")
    assert "FAILED, TOO after 8s\n  api: no node left" in text
    assert "Bring all children back to the last healthy release: `aoa rollback staging`." in text


@pytest.mark.parametrize("error", [Refused("past that point"), Unavailable("the cluster does not answer")])
def test_what_stands_in_the_way_of_a_rollback_hides_nothing(error: Exception) -> None:
    report, _ = story(error)
    text = render(report)
    assert "no route to the broker" in text
    assert f"NOT ROLLED BACK\n  {error}" in text


def test_an_attempt_that_the_evidence_does_not_know_is_not_taken_back() -> None:
    report, deployed = story(Refused("never asked"), attempt="sha256:other")
    assert deployed == []
    assert "the evidence does not know the attempt that failed" in render(report)


def test_a_first_deployment_says_that_there_is_nothing_to_go_back_to() -> None:
    release = shop("1.0.0")
    told = Told(failed(release, **API_FAILED), "", 5)

    def never(*_: Any) -> Any:
        raise AssertionError

    done = take_back(told, release, past=lambda: Past("staging", ()), compose=never, run=never)
    assert "nothing has become healthy in staging yet, so there is nothing to go back to" in render(done.report)
