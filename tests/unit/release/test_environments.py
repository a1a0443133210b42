"""Two environments: what their files declare is told apart from what nobody declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given

from app_of_apps.release.environments import (
    Deployed,
    DeployedChild,
    Differences,
    Kind,
    Side,
    compare_environments,
)
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import RUNS, child, environment, manifest, worlds

if TYPE_CHECKING:
    from app_of_apps.release.model import Release

TWO = (child(config={"shared": ["market"], "own": {"MODE": "x"}}), child(name="front", replicas=2))
VERSIONS = {"api": "1", "front": "1"}


def deployed(release: Release, number: int = 1, **replaced: Any) -> Deployed:
    children = {one.name: DeployedChild(one.digest, one.version) for one in release.children}
    return Deployed(number, **{"digest": release.digest, "program_version": "0.1.0", "children": children} | replaced)


def side(name: str, *children: Any, parent: dict[str, Any] | None = None, **fields: Any) -> Side:
    """An environment where exactly what its files say is deployed."""
    loaded = environment(name, **{"versions": VERSIONS, **fields})
    made = manifest(*(children or TWO), **{"config": {"market": {"VAT": "1"}}, **(parent or {})})
    release = resolve(made, loaded)
    return Side(loaded.settings, release, deployed(release))


def declared(found: Differences) -> list[tuple[str, str | None, str]]:
    return [(one.topic, one.child, str(one.field)) for one in found.declared]


def test_environments_that_say_the_same_do_not_differ() -> None:
    assert compare_environments(side("staging"), side("prod")) == Differences((), ())


def test_what_the_files_say_about_children_is_declared() -> None:
    prod = side(
        "prod",
        versions={"api": "2", "front": "1"},
        children={
            "api": {"config": {"MODE": "y", "MORE": "1"}},
            "front": {"replicas": 3, "resources": {"limits": {"memory": "1Gi"}}},
        },
    )
    found = compare_environments(side("staging"), prod)
    assert declared(found) == [
        ("config", "api", "spec.config.own.MODE x → y"),
        ("config", "api", "spec.config.own.MORE added (1)"),
        ("versions", "api", "version 1 → 2"),
        ("replicas", "front", "spec.replicas 2 → 3"),
        ("resources", "front", "spec.resources.limits.memory 128Mi → 1Gi"),
    ]
    assert found.other == ()


def test_hosts_networks_shared_sets_and_gates_are_declared_once() -> None:
    shown = child(name="shown", expose={"host": "shop.example.com"})
    way = {"network": {"ways": {"database": {"cidrs": ["192.0.2.0/24"], "ports": [5432]}}}}
    parts = {"parent": {"tenancy": way, "config": {"market": {"VAT": "1"}}}}
    both = [child(config={"shared": ["market"]}), shown]
    versions = {"api": "1", "shown": "1"}
    staging = side(
        "staging",
        *both,
        **parts,
        versions=versions,
        children={"shown": {"host": "staging.example.com"}},
        network={"database": ["10.1.0.0/24"]},
    )
    prod = side(
        "prod",
        *both,
        **parts,
        versions=versions,
        config={"market": {"VAT": "2"}},
        network={"database": ["10.2.0.0/24"]},
        gates={"approvals": {"required": 2, "groups": ["leads"]}},
        protected=True,
    )
    found = compare_environments(staging, prod)
    assert declared(found) == [
        ("host", "shown", "spec.expose.host staging.example.com → shop.example.com"),
        ("config", None, "market.VAT added (2)"),
        ("network", None, "network.database[0] 10.1.0.0/24 → 10.2.0.0/24"),
        ("gates", None, "gates.approvals.groups  → leads"),
        ("gates", None, "gates.approvals.required 0 → 2"),
        ("protected", None, "protected False → True"),
    ]
    assert found.other == ()


def test_a_version_that_follows_from_another_is_not_told_twice() -> None:
    both = [child(), child(name="api-migration", type="migration", versionFrom="api")]
    found = compare_environments(
        side("staging", *both, versions={"api": "1"}), side("prod", *both, versions={"api": "2"})
    )
    assert [(one.topic, one.child) for one in found.declared] == [("versions", "api")]


def test_access_that_the_parent_gives_in_one_environment_is_declared() -> None:
    access = {
        "roles": {"viewer": {"kubernetes": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}},
        "environments": {
            "staging": {"grants": []},
            "prod": {"grants": [{"group": "team", "role": "viewer", "children": ["api"]}]},
        },
    }
    identity = {"groupsPrefix": "oidc:", "usernamePrefix": "oidc:"}
    parts = {"parent": {"access": access, "config": {"market": {"VAT": "1"}}}, "identity": identity}
    found = compare_environments(side("staging", **parts), side("prod", **parts))
    assert declared(found) == [("access", None, "team.viewer added (api)")]


def test_what_is_deployed_apart_from_the_files_is_the_rest() -> None:
    staging, prod = side("staging"), side("prod")
    old = {**prod.deployed.children, "front": DeployedChild("sha256:old", "0.9")}  # type: ignore[union-attr]
    behind = Side(prod.settings, prod.release, deployed(prod.release, 7, digest="sha256:x", children=old))
    found = compare_environments(staging, behind)
    assert found.declared == ()
    assert [(one.kind, one.environment, one.child, one.words) for one in found.other] == [
        (Kind.BEHIND, "prod", "front", "release 7 of prod has front 0.9, the working tree 1"),
        (
            Kind.DEPLOYED,
            None,
            "front",
            "the files agree on front, and staging and prod have 1 and 0.9 of it deployed",
        ),
    ]


def test_a_difference_that_the_files_declare_is_none_of_the_rest_when_both_are_deployed() -> None:
    found = compare_environments(side("staging"), side("prod", versions={"api": "2", "front": "1"}))
    assert found.other == ()


def test_a_release_behind_its_files_is_told_child_by_child() -> None:
    staging = side("staging", *TWO, child(name="new"), versions={**VERSIONS, "new": "1"})
    children = {
        "api": DeployedChild("sha256:x", "1"),
        "front": DeployedChild("sha256:y", "0"),
        "gone": DeployedChild(""),
    }
    old = Side(staging.settings, staging.release, deployed(staging.release, 3, digest="sha256:z", children=children))
    assert [one.words for one in compare_environments(old, staging).other if one.kind is Kind.BEHIND] == [
        "release 3 of staging has another content of api than the working tree",
        "release 3 of staging has front 0, the working tree 1",
        "release 3 of staging has gone, and the working tree has it no more",
        "release 3 of staging does not have new yet",
    ]


def test_a_child_that_is_deployed_in_one_only_is_named() -> None:
    staging, prod = side("staging"), side("prod")
    fewer = {"api": prod.deployed.children["api"]}  # type: ignore[union-attr]
    other = compare_environments(
        staging, Side(prod.settings, prod.release, deployed(prod.release, children=fewer))
    ).other
    assert [(one.kind, one.words) for one in other] == [
        (Kind.ONLY_IN_ONE, "front is deployed in staging and not in prod"),
    ]


def test_another_version_of_the_program_and_a_change_outside_the_children_are_told() -> None:
    staging, prod = side("staging"), side("prod")
    elsewhere = deployed(prod.release, 5, digest="sha256:x", program_version="0.0.9")
    other = compare_environments(staging, Side(prod.settings, prod.release, elsewhere)).other
    assert [(one.kind, one.environment) for one in other] == [(Kind.BEHIND, "prod"), (Kind.PROGRAM, None)]
    assert other[0].words.startswith("release 5 of prod differs from the working tree outside of its children")
    assert other[1].words == "staging was released by version 0.1.0 of the program, prod by 0.0.9"


def test_an_environment_without_a_success_is_said_to_have_none() -> None:
    prod = side("prod")
    found = compare_environments(side("staging"), Side(prod.settings, prod.release, None))
    assert [(one.kind, one.environment) for one in found.other] == [(Kind.UNRELEASED, "prod")]


@given(worlds(at_most=3))
@RUNS
def test_an_environment_does_not_differ_from_itself(world: Any) -> None:
    made, loaded = world
    release = resolve(made, loaded)
    one = Side(loaded.settings, release, deployed(release))
    assert compare_environments(one, one) == Differences((), ())
