"""The benchmarks measure what they say: their worlds, their arithmetic, their table."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve
from bench import baseline, table, worlds
from bench.__main__ import NAMES
from bench.measure import Result, Row, best_of, exponent

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_made_up_world_has_four_objects_per_child_in_four_waves(tmp_path: Path) -> None:
    project = worlds.many(tmp_path / "many", 10)
    release = resolve(load_manifest(project / "parent.yaml"), load_environment("staging", project))
    kinds = {tuple(sorted(item.manifest["kind"] for item in each.kubernetes)) for each in release_objects(release)}
    assert kinds == {("ConfigMap", "Deployment", "Namespace", "ServiceAccount")}
    assert [len(wave) for wave in plan(release).waves] == [3, 3, 3, 1]


def test_both_sides_deploy_the_same_objects_in_the_same_waves() -> None:
    release = resolve(load_manifest(CHECKOUT / "parent.yaml"), load_environment("staging", CHECKOUT))
    children = baseline.described(release)["children"]
    ours = [item.manifest for each in release_objects(release) for item in each.kubernetes]
    theirs = [item["manifest"] for child in children for item in child["objects"]]
    assert theirs == ours
    waves = [{child["name"] for child in wave} for wave in baseline.waves(children)]
    assert waves == [set(wave) for wave in plan(release).waves]


def test_the_flat_program_gets_namespaces_of_its_own() -> None:
    release = resolve(load_manifest(CHECKOUT / "parent.yaml"), load_environment("staging", CHECKOUT))
    children = baseline.described(release, rename=("shop-", "flat-"))["children"]
    namespaces = {item["manifest"]["metadata"].get("namespace") for child in children for item in child["objects"]}
    assert {name for name in namespaces if name} == {f"flat-{child['name']}" for child in children}


@pytest.mark.parametrize(("power", "expected"), [(1, 1.0), (2, 2.0), (0.5, 0.5)])
def test_the_exponent_of_a_power_is_that_power(power: float, expected: float) -> None:
    sizes = (25, 50, 100, 200)
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(expected)


def test_actions_take_turns_and_each_begins_prepared() -> None:
    turns: list[str] = []
    best = best_of(2, lambda: turns.append("a"), lambda: turns.append("b"), before=lambda: turns.append("-"))
    assert turns == ["-", "a", "-", "b"] * 2
    assert len(best) == 2


def test_the_least_time_counts() -> None:
    waits = iter([0.0, 0.05])
    (best,) = best_of(2, lambda: time.sleep(next(waits)))
    assert best < 0.05


def test_the_table_says_what_was_promised_and_what_came_of_it() -> None:
    result = Result("Speed", [Row("up", 3.0, 2, "kubectl", 2.0, "≤ 2×", met=True)], ["a note"])
    text = table.markdown(result, {"date": "today"})
    assert "| up | 2 | 3.00 | kubectl | 2.00 | 1.50× | ≤ 2× | met |" in text
    assert "a note" in text
    assert "date: today" in text


@pytest.mark.parametrize("name", NAMES)
def test_new_figures_replace_the_old_ones_and_nothing_else(name: str) -> None:
    document = (CHECKOUT / "docs/benchmarks.md").read_text()
    changed = table.replaced(document, name, "new figures")
    assert table.replaced(changed, name, "new figures") == changed
    start, end = table.marks(name)
    assert changed.partition(start)[0] == document.partition(start)[0]
    assert changed.partition(end)[2] == document.partition(end)[2]
    assert changed.partition(start)[2].partition(end)[0].strip() == "new figures"


def test_a_document_without_marks_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        table.replaced("# Benchmarks\n", "noop", "figures")
