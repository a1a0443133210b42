from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.deploy.past import Past, PastRelease, completed_migrations, past_releases
from app_of_apps.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cluster:
    """Lists, by path."""

    def __init__(self, lists: Mapping[str, list[dict[str, Any]]]) -> None:
        self.lists = lists

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        return self.lists.get(path, [])

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        raise AssertionError(path)

    def names(self, path: str) -> tuple[str, ...]:
        raise AssertionError(path)


def began(sequence: int, digest: str, *, operation: str = "up", back: int | None = None, **children: str) -> Any:
    return {
        "kind": "began",
        "sequence": sequence,
        "operation": operation,
        "release": {"digest": digest},
        "children": {name: {"digest": one} for name, one in children.items()},
        "rollbackOf": back,
        "git": {"commit": f"commit-{sequence}"},
        "result": None,
    }


def ended(attempt: int, digest: str, result: str = "succeeded") -> Any:
    return {
        "kind": "ended",
        "sequence": attempt + 1,
        "attempt": attempt,
        "operation": "up",
        "release": {"digest": digest},
        "children": {},
        "rollbackOf": None,
        "git": None,
        "result": result,
    }


def past(*digests: str, records: tuple[Any, ...] = ()) -> Past:
    releases = tuple(PastRelease(number, f"release-{number}", one, None, {}) for number, one in enumerate(digests, 1))
    return Past("prod", releases, records)


def test_after_a_success_the_one_before_comes_back() -> None:
    assert past("a", "b", records=(began(1, "a"), ended(1, "a"), began(3, "b"), ended(3, "b"))).before().number == 1


@pytest.mark.parametrize("records", [(began(3, "c"),), (began(3, "c"), ended(3, "c", "failed"))])
def test_after_a_failure_the_last_success_comes_back(records: tuple[Any, ...]) -> None:
    assert past("a", "b", records=records).before().number == 2


@pytest.mark.parametrize(("api", "number"), [("x", 1), ("y", 2)])
def test_a_rollback_that_was_stopped_goes_on_when_it_was_one_of_all_children(api: str, number: int) -> None:
    known = past("a", "b", records=(began(1, "c", operation="rollback", back=1, api=api),))
    children = {"api": {"digest": "x", "type": "service"}, "db": {"digest": "z", "type": "migration"}}
    first = replace(known.releases[0], stored={"data": {"children": json.dumps(children)}})
    assert replace(known, releases=(first, known.releases[1])).before().number == number


def test_after_a_repair_of_what_stands_the_one_before_comes_back() -> None:
    failed = (began(1, "c"), ended(1, "c", "failed"))
    repaired = (*failed, began(3, "b", operation="drift-fix"), ended(3, "b"))
    assert past("a", "b", records=failed).before().number == 2
    assert past("a", "b", records=repaired).before().number == 1


def test_after_a_destruction_the_last_success_comes_back() -> None:
    gone = (began(1, "a"), ended(1, "a"), began(3, "a", operation="destroy"), ended(3, "a"))
    assert past("a", records=gone).before().number == 1


def test_a_preview_or_a_refresh_changes_nothing_about_that() -> None:
    records = (began(1, "b"), ended(1, "b"), began(3, "b", operation="refresh"), ended(3, "b", "failed"))
    assert past("a", "b", records=records).before().number == 1


def test_a_second_rollback_goes_further_back_and_not_to_what_the_first_one_left() -> None:
    records = (began(1, "d", operation="rollback", back=2), ended(1, "d"))
    assert past("a", "b", "c", "d", records=records).before().number == 1


def test_the_first_release_has_nothing_before_it() -> None:
    with pytest.raises(Refused, match="release 1 is the first that became healthy in prod"):
        past("a").before()


def test_before_the_first_success_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(Refused, match="nothing has become healthy in prod yet"):
        past(records=(began(1, "a"), ended(1, "a", "failed"))).before()


def test_a_release_that_is_not_there_is_invalid_input() -> None:
    with pytest.raises(InvalidInput, match=r"there is no release 7 in prod[\s\S]*known: 1, 2"):
        past("a", "b").numbered(7)


def test_a_release_that_no_record_vouches_for_is_refused() -> None:
    made_up = past("a", "evil", records=(began(1, "a"), ended(1, "a")))
    assert made_up.numbered(1).digest == "a"
    with pytest.raises(Refused, match="no signed record says that it succeeded"):
        made_up.numbered(2)


def test_approved_is_what_an_attempt_began_with() -> None:
    known = past("a", records=(began(1, "a", api="x"), ended(1, "a"), began(3, "b", api="y")))
    assert known.approved == frozenset(), "somebody could have written it"
    assert replace(known, vouched=True).approved == {"x", "y"}


def test_the_commits_of_a_child_are_found_newest_first() -> None:
    known = past("a", records=(began(1, "a", api="x"), began(3, "b", api="y"), began(5, "c", api="x")))
    assert known.commits(["x"]) == ("commit-5", "commit-1")


def test_releases_are_read_oldest_first_and_those_without_a_number_are_left_out() -> None:
    def record(number: str | None, digest: str) -> dict[str, Any]:
        data = {"digest": digest} | ({} if number is None else {"number": number})
        return {"metadata": {"name": digest, "annotations": {"app-of-apps/git-commit": "c"}}, "data": data}

    items = [record("10", "j"), record("9", "i"), record(None, "old")]
    kube = Cluster({"/api/v1/namespaces/shop-parent/configmaps": items})
    assert [(one.number, one.digest, one.commit) for one in past_releases(kube, "shop")] == [
        (9, "i", "c"),
        (10, "j", "c"),
    ]


def test_the_job_that_ran_to_its_end_last_says_where_the_schema_stands() -> None:
    def job(digest: str, when: str, kind: str = "Complete") -> dict[str, Any]:
        status = {"completionTime": when, "conditions": [{"type": kind, "status": "True"}]}
        return {"metadata": {"annotations": {"app-of-apps/child-digest": digest}}, "status": status}

    jobs = [job("one", "2026-01-01T00:00:00Z"), job("two", "2026-01-02T00:00:00Z"), job("bad", "", "Failed")]
    kube = Cluster({"/apis/batch/v1/namespaces/shop-db/jobs": jobs})
    assert completed_migrations(kube, "shop", ["db", "other"]) == {"db": "two"}
