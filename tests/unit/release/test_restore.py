from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_of_apps.errors import InvalidInput, Refused
from app_of_apps.objects.render import release_objects
from app_of_apps.release.content import release_content, release_digest, resolved_content
from app_of_apps.release.digest import digest
from app_of_apps.release.plan import plan
from app_of_apps.release.resolve import resolve
from app_of_apps.release.restore import Order, Restored, Sources, compose, restores_only_approved
from app_of_apps.release.schema_state import DOWN_TO, applied, migrations
from tests.unit.release.world import RUNS, child, environment, manifest, worlds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release, ResolvedChild

DOWN = {"args": ["down"]}


def release(*children: Any, versions: Mapping[str, str], **more: Any) -> Release:
    return resolve(manifest(*children, **more), environment(versions=dict(versions)))


def shop(version: str, *others: Any, api: Mapping[str, Any] | None = None, **db: Any) -> Release:
    """A migration, an API that depends on it and a site that depends on the API, all at one version."""
    made = (
        child(type="migration", name="db", versionFrom="api", image="registry.example.com/api", **db),
        child(**{"name": "api", "dependsOn": ["db"], **(api or {})}),
        child(name="site", dependsOn=["api"]),
        *others,
    )
    return release(*made, versions={one.name: version for one in made if one.type != "migration"})


def restored(
    now: Release,
    target: Release,
    *children: str,
    base: Release | None = None,
    schema: Mapping[str, ResolvedChild] | None = None,
) -> Restored:
    standing = base or now
    at = {name: standing.child(name) for name in migrations(standing)} if schema is None else schema
    return compose(Sources(now, standing, target, at, 7), children, lambda _: now.access)


def words(done: Restored) -> list[str]:
    return [str(one) for one in done.returns]


def test_every_child_comes_back_and_the_schema_stays() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.0.0")
    done = restored(new, old)
    assert {name: one.version for name, one in done.release.by_name.items()} == {
        "db": "2.0.0",
        "api": "1.0.0",
        "site": "1.0.0",
    }
    assert words(done) == [
        "api 2.0.0 → 1.0.0 comes back",
        "db stays at 2.0.0: a schema goes forward only",
        "site 2.0.0 → 1.0.0 comes back",
    ]
    assert done.release.child("db") == new.child("db")


def test_a_release_with_the_same_schema_comes_back_with_its_own_digest() -> None:
    old, new = shop("1.0.0"), shop("1.0.0", api={"command": ["other"]})
    done = restored(new, old)
    assert done.release.digest == old.digest
    assert words(done) == ["api 1.0.0 comes back"]


def test_one_child_comes_back_and_the_others_stay() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.0.0")
    done = restored(new, old, "site")
    assert {name: one.version for name, one in done.release.by_name.items()} == {
        "db": "2.0.0",
        "api": "2.0.0",
        "site": "1.0.0",
    }


def test_where_a_release_goes_and_who_may_do_what_is_as_it_is_now() -> None:
    old = resolve(manifest(child()), environment(versions={"api": "1"}, cluster={"context": "gone"}))
    new = resolve(
        manifest(child(), teams={"core": {"contact": "#new"}}, labels={"example.com/new": "1"}),
        environment(versions={"api": "2"}, vault={"mounts": {"kv": "kv-2", "jwt": "jwt-2"}}),
    )
    done = restored(new, old).release
    assert (done.cluster, done.vault, done.teams) == (new.cluster, new.vault, new.teams)
    assert done.labels == old.labels
    assert restored(new, old, "api").release.labels == new.labels


def test_children_added_since_go_and_children_removed_since_come_back() -> None:
    old = shop("1.0.0", child(name="old", dependsOn=["api"]))
    new = shop("1.0.0", child(name="new", dependsOn=["api"]))
    done = restored(new, old)
    assert done.release.by_name.keys() == {"db", "api", "site", "old"}
    assert words(done) == ["new 1.0.0 was added since, goes", "old 1.0.0 was removed since, comes back"]


def test_a_team_that_is_gone_comes_back_with_its_child() -> None:
    teams = {"core": {"contact": "#core"}, "gone": {"contact": "#gone"}}
    old = release(child(), child(name="old", team="gone"), versions={"api": "1", "old": "1"}, teams=teams)
    new = release(child(), versions={"api": "2"})
    assert restored(new, old).release.teams["gone"].contact == "#gone"


def test_a_child_that_would_miss_what_it_needs_is_refused() -> None:
    old = shop("1.0.0", child(name="cache"), api={"dependsOn": ["db", "cache"]})
    new = shop("1.0.0")
    with pytest.raises(Refused, match=r"api depends on cache.*--child api --child cache"):
        restored(new, old, "api")
    assert "cache" in restored(new, old, "api", "cache").release.by_name


def test_two_sound_releases_that_make_a_circle_together_are_refused() -> None:
    one, two = child(name="one"), child(name="two")
    old = release(child(name="one", dependsOn=["two"]), two, versions={"one": "1", "two": "1"})
    new = release(one, child(name="two", dependsOn=["one"]), versions={"one": "1", "two": "1"})
    with pytest.raises(Refused, match="in a circle: one → two → one"):
        restored(new, old, "one")


def test_an_unknown_child_is_invalid_input() -> None:
    with pytest.raises(InvalidInput, match=r"has a child named apii[\s\S]*did you mean api"):
        restored(shop("1"), shop("1"), "apii")


# --- the schema -------------------------------------------------------------------------------------------------------


def test_past_what_a_schema_can_live_with_a_rollback_is_refused() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.5.0")
    with pytest.raises(Refused) as refused:
        restored(new, old)
    text = str(refused.value)
    assert "the schema of db 2.0.0 needs api 1.5.0 or newer (compatibleFrom), and api 1.0.0 would come back" in text
    assert "db has no way down" in text
    assert "release 7 of staging cannot come back; nothing was touched" in text


def test_a_schema_that_does_not_say_what_can_live_with_it_is_not_guessed_about() -> None:
    with pytest.raises(Refused, match=r"db 2\.0\.0 does not say which version of api can still live with its schema"):
        restored(shop("2.0.0"), shop("1.0.0"))


def test_versions_without_an_order_are_refused() -> None:
    with pytest.raises(Refused, match="nobody can say whether main is older"):
        restored(shop("2.0.0", compatibleFrom="1.0.0"), shop("main"))


def test_only_what_depends_on_the_migration_itself_is_asked() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.5.0")
    assert restored(new, old, "site").release.child("site").version == "1.0.0"


def test_two_that_were_released_together_can_live_together() -> None:
    old, new = shop("1.0.0", api={"command": ["old"]}), shop("1.0.0")
    assert old.child("db") == new.child("db")
    assert restored(new, old).release.digest == old.digest


def test_past_that_point_the_way_down_becomes_the_job() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.5.0", down=DOWN, command=["migrate"], args=["up"])
    done = restored(new, old)
    spec: Any = done.release.child("db").spec
    assert done.release.child("db").image == "registry.example.com/api:2.0.0"
    assert (spec.command, spec.args, spec.config.own) == (("migrate",), ("down",), {DOWN_TO: "1.0.0"})
    assert words(done)[1] == "db runs its down Job first, in the image of 2.0.0: back to 1.0.0"
    assert done.origins["db"] == new.child("db")
    order = plan(done.release).order
    assert order.index("db") < order.index("api")


def test_after_the_way_down_the_schema_stands_at_the_older_version() -> None:
    one, two = shop("1.0.0"), shop("2.0.0", compatibleFrom="2.0.0", down=DOWN)
    down = restored(two, one).release
    # Rolled back again, to a release of the same schema: nothing more has to go down.
    again = restored(two, one, base=down).release
    assert again.child("db") == down.child("db")
    # The rollback is undone: the schema goes forward to where it was.
    forward = restored(two, two, base=down)
    assert forward.release.digest == two.digest


def test_the_way_down_waits_for_no_child_that_would_stay() -> None:
    worker = child(type="worker", name="mail", dependsOn=["db"])
    old, new = shop("1.0.0", worker), shop("2.0.0", worker, compatibleFrom="2.0.0", down=DOWN)
    with pytest.raises(Refused, match=r"mail 2\.0\.0 depends on it and stays; bring it back too: --child mail"):
        restored(new, old, "api")


def test_a_migration_that_was_added_since_stays_and_its_schema_is_asked() -> None:
    old = release(child(), versions={"api": "1.0.0"})
    now = {"versions": {"api": "2.0.0"}}
    db = {"type": "migration", "name": "db", "versionFrom": "api"}
    sound = release(child(dependsOn=["db"]), child(**db, compatibleFrom="1.0.0"), **now)
    assert restored(sound, old).release.by_name.keys() == {"api", "db"}
    breaking = release(child(dependsOn=["db"]), child(**db, compatibleFrom="2.0.0"), **now)
    with pytest.raises(Refused, match=r"needs api 2\.0\.0 or newer"):
        restored(breaking, old)


def test_a_way_down_runs_before_a_child_that_did_not_know_the_migration() -> None:
    old = release(child(), versions={"api": "1.0.0"})
    db = child(type="migration", name="db", versionFrom="api", compatibleFrom="2.0.0", down=DOWN)
    new = release(child(dependsOn=["db"]), db, versions={"api": "2.0.0"})
    done = restored(new, old)
    assert plan(done.release).needs["api"] == ("db",)
    assert done.origins["api"] == old.child("api")


def test_the_schema_is_where_the_job_that_ran_last_left_it() -> None:
    last, attempted = shop("1.0.0"), shop("2.0.0", compatibleFrom="2.0.0")
    assert applied(last, attempted, [last], {})["db"] == last.child("db")
    assert applied(last, attempted, [last], {"db": last.child("db").digest})["db"] == last.child("db")
    schema = applied(last, attempted, [last], {"db": attempted.child("db").digest})
    assert schema["db"] == attempted.child("db")
    with pytest.raises(Refused, match=r"needs api 2\.0\.0 or newer"):
        restored(attempted, last, base=last, schema=schema)


def test_a_rollback_that_was_stopped_after_its_way_down_goes_on() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="2.0.0", down=DOWN)
    first = restored(new, old)
    schema = applied(new, new, [old], {"db": first.release.child("db").digest})
    again = restored(new, old, schema=schema)
    assert again.release == first.release
    assert restores_only_approved(again, new, old, approved(old, new, first.release))


def test_a_schema_that_nobody_knows_is_refused() -> None:
    with pytest.raises(
        Refused, match=r"neither where the last release[\s\S]*db: the Job that ran last is of sha256:ff"
    ):
        applied(shop("1"), shop("2"), [shop("1")], {"db": "sha256:ff"})


def test_a_migration_that_failed_goes_back_to_what_ran() -> None:
    last, attempted = shop("1.0.0"), shop("2.0.0")
    schema = applied(last, attempted, [last], {"db": last.child("db").digest})
    done = restored(attempted, last, "db", "api", "site", schema=schema)
    assert done.release.digest == last.digest


# --- what was approved ------------------------------------------------------------------------------------------------


def approved(*releases: Release) -> set[str]:
    return {one.digest for known in releases for one in known.children}


def test_what_passed_the_gate_before_needs_nobody_again() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.5.0", down=DOWN)
    assert restores_only_approved(restored(new, old), new, old, approved(old, new))


def test_a_child_that_never_passed_the_gate_needs_approval() -> None:
    old, new = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.0.0")
    assert not restores_only_approved(restored(new, old), new, old, approved(new))


def test_another_version_of_the_program_needs_approval() -> None:
    old, base = shop("1.0.0"), shop("2.0.0", compatibleFrom="1.0.0")
    now = base.model_copy(update={"program_version": "99"})
    assert not restores_only_approved(restored(now, old, base=base), base, old, approved(old, base))


@pytest.mark.parametrize(
    "changed",
    [
        {"vault": {"mounts": {"kv": "kv-2", "jwt": "jwt-2"}}},
        {"network": {"out": ["10.0.0.0/8"]}},
    ],
)
def test_settings_that_nobody_approved_need_approval(changed: dict[str, Any]) -> None:
    ways = {"network": {"ways": {"out": {"cidrs": ["192.0.2.0/24"]}}}}
    made = manifest(child(), tenancy=ways)
    old, base = (resolve(made, environment(versions={"api": version})) for version in ("1", "2"))
    now = resolve(made, environment(versions={"api": "2"}, **changed))
    assert restores_only_approved(restored(base, old), base, old, approved(old, base))
    assert not restores_only_approved(restored(now, old, base=base), base, old, approved(old, base))


# --- properties -------------------------------------------------------------------------------------------------------


@given(worlds(at_most=4), worlds(at_most=4), st.data())
@RUNS
def test_a_composition_never_mixes(one: Any, other: Any, data: st.DataObject) -> None:
    base, target = resolve(*one), resolve(*other)
    names = sorted(base.by_name.keys() | target.by_name.keys())
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True))
    try:
        done = restored(base, target, *chosen)
    except Refused:
        return
    for name in names:
        back = not chosen or name in chosen
        wanted = (target if back else base).by_name.get(name)
        if name in migrations(base):
            # A schema stays, or goes down; a newer one that comes back goes forward.
            assert done.origins.get(name) in (base.child(name), wanted)
        else:
            assert done.origins.get(name) == wanted
    assert done.release.by_name.keys() == done.origins.keys()
    assert done.release.digest == release_digest(**_fields(done.release))
    for found in done.release.children:
        assert found.digest == digest(resolved_content(found))
        origin = done.origins[found.name]
        if DOWN_TO not in getattr(getattr(found.spec, "config", None), "own", {}):
            # All of it, but for the edge to a way down that it has to wait for.
            edges = {"depends_on": origin.spec.depends_on}
            assert found.model_copy(update={"spec": found.spec.model_copy(update=edges)}) == origin.model_copy(
                update={"digest": found.digest}
            )
    plan(done.release)


@given(worlds(at_most=4))
@RUNS
def test_bringing_back_what_stands_changes_nothing(world: Any) -> None:
    standing = resolve(*world)
    done = restored(standing, standing)
    assert done.release == standing
    assert done.returns == ()


@given(worlds(at_most=4), worlds(at_most=4))
@RUNS
def test_a_rollback_outside_of_the_children_is_all_of_today(one: Any, other: Any) -> None:
    base, target = resolve(*one), resolve(*other)
    try:
        done = restored(base, target).release
    except Refused:
        return
    now, then = release_content(base), release_content(done)
    assert {key for key in now if now[key] != then[key]} <= {"labels"}


def _fields(made: Release) -> dict[str, Any]:
    names = ("parent", "environment", "labels", "teams", "vault", "access", "tenancy", "program_version", "children")
    return {name: getattr(made, name) for name in names}


# --- the variable -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["7", "7:api", "7:api,site", "7:api@12"])
def test_the_variable_is_read_as_it_is_written(text: str) -> None:
    assert str(Order.parse(text)) == text


@pytest.mark.parametrize("text", ["", "0", "x", "7:", "7:API", "7@0", "7;rm", "7:api@", "-1", "7\n"])
def test_anything_else_is_invalid(text: str) -> None:
    with pytest.raises(InvalidInput, match="AOA_RESTORE: does not say what to bring back"):
        Order.parse(text)


# --- what a migration says about going back ---------------------------------------------------------------------------


def test_saying_how_far_back_a_schema_goes_runs_no_migration_again() -> None:
    plain, said = shop("1.0.0"), shop("1.0.0", compatibleFrom="0.9.0", down=DOWN)

    def job(made: Release) -> Mapping[str, Any]:
        found = next(one for one in release_objects(made) if one.child == "db")
        return next(one.manifest for one in found.kubernetes if one.manifest["kind"] == "Job")

    assert job(plain)["metadata"]["name"] == job(said)["metadata"]["name"]
    assert job(plain)["spec"] == job(said)["spec"]
    # What a rollback may do is part of what is approved.
    assert plain.child("db").digest != said.child("db").digest
