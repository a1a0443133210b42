from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.graph.order import find_cycle, order

if TYPE_CHECKING:
    import random

names = st.text("abcdef", min_size=1, max_size=3)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    nodes = draw(st.lists(names, unique=True, max_size=12))
    return {
        name: tuple(draw(st.lists(st.sampled_from(nodes[:index]), max_size=4))) if index else ()
        for index, name in enumerate(nodes)
    }


@st.composite
def any_graph(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    nodes = draw(st.lists(names, unique=True, min_size=1, max_size=8))
    return {name: tuple(draw(st.lists(st.sampled_from(nodes), max_size=3))) for name in nodes}


def test_a_chain_is_one_child_per_wave() -> None:
    plan = order({"front": ("api",), "api": ("migration",), "migration": ()})
    assert plan.order == ("migration", "api", "front")
    assert plan.waves == (("migration",), ("api",), ("front",))
    assert plan.needs["front"] == ("migration", "api")


def test_independent_children_share_a_wave_sorted_by_name() -> None:
    plan = order({"c": (), "a": (), "b": ("c",)})
    assert plan.waves == (("a", "c"), ("b",))
    assert plan.dependents("c") == ("b",)
    assert plan.dependents("a") == ()


def test_a_repeated_edge_counts_once() -> None:
    assert order({"a": (), "b": ("a", "a")}).edges["b"] == ("a",)


def test_an_empty_graph_has_an_empty_plan() -> None:
    assert order({}).order == ()
    assert find_cycle({}) is None


def test_a_cycle_is_named_along_its_edges_from_its_smallest_name() -> None:
    edges = {"z": ("c",), "c": ("a",), "a": ("b",), "b": ("c",)}
    assert find_cycle(edges) == ("a", "b", "c", "a")
    with pytest.raises(ValueError, match="a → b → c → a"):
        order(edges)


def test_a_child_that_needs_itself_is_a_cycle() -> None:
    assert find_cycle({"a": ("a",)}) == ("a", "a")


def test_an_edge_into_nothing_is_an_error() -> None:
    assert find_cycle({"a": ("ghost",)}) is None
    with pytest.raises(ValueError, match="a depends on ghost, which does not exist"):
        order({"a": ("ghost",)})


@given(acyclic())
def test_every_dependency_comes_in_an_earlier_wave(edges: dict[str, tuple[str, ...]]) -> None:
    plan = order(edges)
    wave = {name: index for index, members in enumerate(plan.waves) for name in members}
    assert sorted(plan.order) == sorted(edges)
    assert plan.order == tuple(name for members in plan.waves for name in members)
    for name, needed in edges.items():
        assert all(wave[other] < wave[name] for other in needed)
        # As early as possible: a wave after the first holds only what the wave before it holds up.
        assert wave[name] == max((wave[other] + 1 for other in needed), default=0)


@given(acyclic())
def test_needs_is_the_transitive_closure_in_plan_order(edges: dict[str, tuple[str, ...]]) -> None:
    plan = order(edges)

    def reachable(name: str) -> set[str]:
        return set(edges[name]).union(*(reachable(other) for other in edges[name]))

    for name in edges:
        assert set(plan.needs[name]) == reachable(name)
        assert list(plan.needs[name]) == [other for other in plan.order if other in plan.needs[name]]


@given(acyclic(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_its_input(
    edges: dict[str, tuple[str, ...]], shuffler: random.Random
) -> None:
    keys = list(edges)
    shuffler.shuffle(keys)
    assert order({key: tuple(shuffler.sample(edges[key], len(edges[key]))) for key in keys}) == order(edges)


@given(any_graph())
def test_a_graph_has_either_a_plan_or_a_cycle_that_is_really_there(edges: dict[str, tuple[str, ...]]) -> None:
    cycle = find_cycle(edges)
    if cycle is None:
        assert len(order(edges).order) == len(edges)
        return
    assert cycle[0] == cycle[-1] == min(cycle)
    assert len(set(cycle)) == len(cycle) - 1
    assert all(needed in edges[name] for name, needed in itertools.pairwise(cycle))
    with pytest.raises(ValueError, match="in a circle"):
        order(edges)


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    length = 3000
    edges = {f"n{index:05}": (f"n{index - 1:05}",) if index else () for index in range(length)}
    assert len(order(edges).waves) == length
    assert find_cycle(edges | {"n00000": (f"n{length - 1:05}",)}) is not None
