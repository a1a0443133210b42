"""What the loaders read resolves, orders and renders: the example at the root, and any world written to files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.compare import compare
from app_of_apps.release.resolve import resolve
from tests.strategies import World, worlds, write_world

ROOT = Path(__file__).parents[3]


@given(worlds())
@settings(max_examples=20, deadline=None)
def test_any_world_in_files_resolves_orders_and_renders(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        manifest = load_manifest(write_world(Path(folder), world))
        environment = load_environment(world.environment["name"], Path(folder))
    release = resolve(manifest, environment)
    position = {one.name: index for index, one in enumerate(release.children)}
    assert position.keys() == world.children.keys()
    for one in release.children:
        assert all(position[needed] < position[one.name] for needed in one.spec.depends_on)
    rendered = release_objects(release)
    assert [one.child for one in rendered] == list(position)
    for one in rendered:
        kind = release.child(one.child).spec.type
        assert (one.chart is not None) == (kind == "chart")
        assert bool(one.documents) == (kind == "manifests")


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_example_starts_the_database_migration_before_the_api(environment: str) -> None:
    release = resolve(load_manifest(ROOT / "parent.yaml"), load_environment(environment, ROOT))
    names = [one.name for one in release.children]
    assert names.index("orders-migration") < names.index("orders") < names.index("storefront")
    assert release.child("orders-migration").version == release.child("orders").version


def test_the_examples_environments_differ_only_in_what_their_files_say() -> None:
    manifest = load_manifest(ROOT / "parent.yaml")
    staging, prod = (resolve(manifest, load_environment(name, ROOT)) for name in ("staging", "prod"))
    said = ("version", "image", "spec.replicas", "spec.expose.host", "shared.market.PAYMENT_MODE", "spec.resources")
    for child in compare(staging, prod).children:
        assert child.change == "changed"
        assert all(field.path.startswith(said) for field in child.fields), child
