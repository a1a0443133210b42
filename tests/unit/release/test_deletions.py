"""What a release would delete, and how much of that may go unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.environment.settings import Gates
from app_of_apps.errors import Refused
from app_of_apps.release.deletions import (
    Contents,
    Deletions,
    Standing,
    check_deletions,
    deletions_of,
    describe_deletions,
    unasked,
)
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest

DATA = Contents(stateful_sets=("postgres",), claims=("data-postgres-0",))
NOTHING = Contents()


def release(*names: str, image: str = "registry.example.com/app") -> Any:
    made = manifest(*(child(name=name, image=image) for name in names))
    return resolve(made, environment(versions=dict.fromkeys(names, "1.0.0")))


def standing(*names: str) -> list[Standing]:
    return [Standing(name, f"shop-{name}", "service", "core", "1.0.0") for name in names]


def going(there: tuple[str, ...], kept: tuple[str, ...], **contents: Contents) -> Deletions:
    return deletions_of(standing(*there), release(*kept), {name: contents.get(name, NOTHING) for name in there})


def gates(**deletions: Any) -> Gates:
    return Gates.model_validate({"deletions": deletions})


def gated() -> Gates:
    approvals = {"required": 1, "groups": ["leads"]}
    return Gates.model_validate({"approvals": approvals, "deletions": {"budget": 1, "allowed": ["b", "c"]}})


def refused(deletions: Deletions, rules: Gates, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        check_deletions(deletions, rules, "prod", **more)
    return str(caught.value)


def test_nothing_goes_where_every_child_that_stands_is_in_the_release() -> None:
    found = going(("a", "b"), ("a", "b", "c"))
    assert not found
    assert describe_deletions(found) == ()
    check_deletions(found, gates(budget=0), "prod")


def test_a_child_that_goes_is_told_with_its_namespace_and_what_is_in_it() -> None:
    found = going(("a", "db"), ("a",), db=Contents(("postgres",), ("data-postgres-0",), 3))
    assert found.children == ("db",)
    (line,) = describe_deletions(found)
    kept = deletions_of([Standing("db", "shop-db", "manifests")], release("a"), {"db": DATA})
    assert "StatefulSet postgres (kept, with the namespace)" in describe_deletions(kept)[0]
    assert line == (
        "db (service 1.0.0, team core): namespace shop-db with StatefulSet postgres (DELETED with the namespace), "
        "PersistentVolumeClaim data-postgres-0 (DELETED with the namespace), 3 Secrets"
    )


def test_one_child_is_in_the_budget_and_a_second_one_is_not() -> None:
    check_deletions(going(("a", "b"), ("a",)), Gates(), "prod")
    said = refused(going(("a", "b", "c"), ("a",)), Gates())
    assert "it removes 2 children, and gates.deletions.budget is 1; nothing was touched" in said
    assert "\n  b (service 1.0.0, team core): namespace shop-b\n  c (service" in said
    assert "say so in Pulumi.prod.yaml: gates.deletions.allowed: [b, c]" in said


def test_a_budget_of_none_lets_nothing_go() -> None:
    assert "it removes 1 child, and" in refused(going(("a", "b"), ("a",)), gates(budget=0))


def test_a_child_that_keeps_data_is_in_no_budget() -> None:
    found = going(("a", "db"), ("a",), db=DATA)
    assert "db keeps data" in refused(found, gates(budget=9))
    claims = going(("a", "db"), ("a",), db=Contents(claims=("uploads",)))
    assert "db keeps data" in refused(claims, gates(budget=9))


def test_an_emptied_parent_is_in_no_budget() -> None:
    found = going(("a",), ("new",))
    assert found.emptied
    assert "it leaves nothing of what stands" in refused(found, gates(budget=9))
    assert "nothing of what stands is in the release any more" in describe_deletions(found)


def test_an_approval_lifts_what_it_names_and_nothing_else() -> None:
    found = going(("a", "b", "c", "db"), ("a",), db=DATA)
    check_deletions(found, gates(), "prod", approved=("b", "c", "db"))
    check_deletions(found, gates(), "prod", approved=("c", "db"))
    assert "db keeps data" in refused(found, gates(), approved=("b", "c"))
    assert "it removes 2 children" in refused(found, gates(), approved=("db",))
    check_deletions(going(("a",), ("new",)), gates(), "prod", approved=("a",))


def test_the_file_lifts_what_it_names_where_nobody_is_asked_for_approvals() -> None:
    found = going(("a", "b", "c"), ("a",), b=DATA)
    check_deletions(found, gates(allowed=["b", "c"]), "prod")
    said = refused(found, gated())
    assert "b keeps data" in said
    assert "approve it with what it deletes: aoa approve prod" in said
    assert "allowed" not in said


def test_a_commit_that_loosens_the_rules_is_held_to_those_before_it() -> None:
    found = replace(going(("a", "b", "c"), ("a",)), rules=gated())
    loose = gates(budget=9, allowed=["b", "c"])
    assert unasked(found, loose) == {"b", "c"}
    assert "aoa approve prod" in refused(found, loose)
    check_deletions(found, loose, "prod", approved=("b", "c"))
    # Where nobody was asked before, the file decides alone.
    check_deletions(replace(found, rules=Gates()), loose, "prod")


def test_a_renamed_child_is_told_as_what_it_is() -> None:
    after = release("a", "post")
    same = Contents(images=("registry.example.com/app:1.0.0",))
    (gone,) = deletions_of(standing("a", "mail"), after, {"mail": same}).removals
    assert gone.renamed_to == "post"
    newer = Contents(images=("registry.example.com/app:0.9.0@sha256:" + "0" * 64,))
    (gone,) = deletions_of(standing("a", "mail"), after, {"mail": newer}).removals
    assert gone.renamed_to == "post"
    other = Contents(images=("registry.example.com:5000/app",))
    (gone,) = deletions_of(standing("a", "mail"), after, {"mail": other}).removals
    assert gone.renamed_to is None


def test_a_rename_is_a_deletion_as_well() -> None:
    found = deletions_of(
        standing("a", "mail"), release("a", "post"), {"mail": Contents(images=("registry.example.com/app:1.0.0",))}
    )
    assert "post runs the same image: a rename makes a new one beside it" in describe_deletions(found)[0]
    assert "removes 1 child" in refused(found, gates(budget=0))


def test_what_no_release_that_succeeded_had_counts_for_nothing_and_is_told() -> None:
    there = standing("a", "b", "c", "db")
    contents = {"b": NOTHING, "c": NOTHING, "db": DATA}
    found = deletions_of(there, release("a"), contents, last=("a", "b"))
    assert found.children == ("b",)
    assert [one.child for one in found.left_over] == ["c", "db"]
    assert describe_deletions(found)[1].startswith("left over, in no release that succeeded: c (service")
    check_deletions(found, Gates(), "prod")


NAMES = st.sets(st.sampled_from("abcdefgh"), min_size=1)


@given(NAMES, NAMES, st.sets(st.sampled_from("abcdefgh")), st.sets(st.sampled_from("abcdefgh")), st.integers(0, 4))
def test_nothing_over_the_budget_goes_without_being_named(there, kept, data, approved, budget) -> None:
    """Whatever stands and whatever is approved: what passes is small, keeps no data, and leaves something standing."""
    found = going(tuple(there), tuple(kept), **dict.fromkeys(data, DATA))
    unnamed = there - kept - approved
    allowed = len(unnamed) <= budget and not unnamed & data and (not unnamed or bool(there & kept))
    try:
        check_deletions(found, gates(budget=budget), "prod", approved=approved)
    except Refused:
        assert not allowed
    else:
        assert allowed
