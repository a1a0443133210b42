from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.release.version_order import order_of

# Each is older than the next.
ASCENDING = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "v1",
    "1.2",
    "1.10.1",
]
numbers = st.lists(st.integers(0, 99), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(ASCENDING, 2)))
def test_versions_are_ordered_by_their_numbers_and_then_by_what_comes_after(older: str, newer: str) -> None:
    assert order_of(older, newer) == -1
    assert order_of(newer, older) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1.0.0"), ("v2", "2.0"), ("1.4@sha256:aa", "1.4@sha256:bb"), ("main", "main")]
)
def test_the_same_version_may_be_written_in_several_ways(one: str, other: str) -> None:
    assert order_of(one, other) == 0


@pytest.mark.parametrize(
    ("one", "other"), [("sha-0a", "1.0"), ("1.0", "main"), ("@sha256:aa", "1.0"), ("@sha256:aa", "@sha256:bb")]
)
def test_nothing_is_guessed_about_names_without_an_order(one: str, other: str) -> None:
    assert order_of(one, other) is None


@given(numbers, numbers)
def test_the_order_is_that_of_the_numbers(one: str, other: str) -> None:
    def key(text: str) -> tuple[int, ...]:
        parts = [int(part) for part in text.split(".")]
        return tuple(parts + [0] * (4 - len(parts)))

    assert order_of(one, other) == (key(one) > key(other)) - (key(one) < key(other))
