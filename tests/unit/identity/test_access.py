"""What the parent grants is what is declared: nothing less, nothing more, for any manifest."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_of_apps.objects.access import CAPABILITIES, group_name, vault_groups
from app_of_apps.objects.access_table import changes, holdings, permissions
from app_of_apps.objects.render import release_objects
from app_of_apps.release.access import sources
from tests.unit.identity.world import PARENT, READ, child, load, problems, release_of, world

if TYPE_CHECKING:
    from app_of_apps.release.model import Release
    from tests.strategies import World

ROOT = Path(__file__).parents[3]
RBAC = "rbac.authorization.k8s.io"
ACCESS: dict[str, Any] = PARENT["access"]

_TEAMS = ["red", "blue"]
_NAMES = ["api", "web", "mail", "cron", "tool"]
_GROUPS = ["reds", "blues", "Admins of X", "arn:aws:iam::1:role/ops", "0f1e-uuid"]
_ROLES = ["viewer", "operator", "auditor"]
_RULES = st.fixed_dictionaries(
    {
        "apiGroups": st.lists(st.sampled_from(["", "apps", "batch"]), min_size=1, max_size=2, unique=True),
        "resources": st.lists(
            st.sampled_from(["pods", "pods/log", "services", "deployments", "deployments/scale", "jobs"]),
            min_size=1,
            max_size=3,
            unique=True,
        ),
        "verbs": st.lists(st.sampled_from(["get", "list", "watch", "delete"]), min_size=1, max_size=3, unique=True),
    },
    optional={"resourceNames": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True)},
)


@st.composite
def _worlds(draw: st.DrawFn) -> World:
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4, unique=True))
    roles: dict[str, Any] = {}
    for index, role in enumerate(_ROLES):
        roles[role] = {
            "kubernetes": draw(st.lists(_RULES, max_size=3)),
            "includes": draw(st.lists(st.sampled_from(_ROLES[:index]), max_size=2, unique=True)) if index else [],
            "vault": draw(st.lists(st.sampled_from(["list", "rotate", "destroy"]), max_size=3, unique=True)),
        }
    scope = st.one_of(
        st.fixed_dictionaries({"teams": st.lists(st.sampled_from(_TEAMS), min_size=1, max_size=2, unique=True)}),
        st.fixed_dictionaries({"children": st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)}),
        st.just({"all": True}),
    )
    grant = st.tuples(st.sampled_from(_GROUPS), st.sampled_from(_ROLES), scope).map(
        lambda parts: {"group": parts[0], "role": parts[1], **parts[2]}
    )
    workloads = {
        "leases": {"kubernetes": draw(st.lists(_RULES, min_size=1, max_size=2)), "teams": ["red"]},
        "jobs": {"kubernetes": draw(st.lists(_RULES, min_size=1, max_size=2)), "teams": ["red", "blue"]},
    }
    children = []
    for name in names:
        team = draw(st.sampled_from(_TEAMS))
        offered = [role for role, held in workloads.items() if team in held["teams"]]
        picked = draw(st.lists(st.sampled_from(offered), max_size=2, unique=True))
        paths = draw(st.lists(st.sampled_from([f"{team}/a", f"{team}/b"]), max_size=2, unique=True))
        secrets = {f"V{index}": {"path": path, "key": "k"} for index, path in enumerate(paths)}
        kind = draw(st.sampled_from(["service", "worker", "migration", "cronjob"]))
        children.append(child(kind, name, team, serviceAccount={"roles": picked}, secrets=secrets))
    environments = {env: {"grants": draw(st.lists(grant, max_size=4))} for env in ("staging", "prod")}
    return world(*children, access={**ACCESS, "roles": roles, "environments": environments, "workloads": workloads})


def _flat(rules: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Take rules apart to (group, resource, name or nothing, verb), independently of the code under test."""
    return {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
        for verb in rule["verbs"]
    }


def _granted(access: dict[str, Any], role: str) -> tuple[set[tuple[str, str, str, str]], set[str]]:
    declared = access["roles"][role]
    rules, words = _flat(declared.get("kubernetes", [])), set(declared.get("vault", []))
    for inner in declared.get("includes", []):
        more_rules, more_words = _granted(access, inner)
        rules, words = rules | more_rules, words | more_words
    return rules, words


def _covers(grant: dict[str, Any], one: dict[str, Any]) -> bool:
    return bool(grant.get("all")) or one["team"] in grant.get("teams", ()) or one["name"] in grant.get("children", ())


def _release(described: World) -> Release:
    with tempfile.TemporaryDirectory() as folder:
        return release_of(Path(folder), described)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_worlds())
def test_every_childs_rights_in_the_cluster_are_those_that_the_parent_grants(described: World) -> None:
    release = _release(described)
    access = described.parent["access"]
    grants = access["environments"]["staging"]["grants"]
    seen = set()
    for objects in release_objects(release):
        one = described.children[objects.child]
        manifests = [found.manifest for found in objects.kubernetes if found.manifest["apiVersion"].startswith(RBAC)]
        roles = {found["metadata"]["name"]: found for found in manifests if found["kind"] == "Role"}
        bindings = {found["metadata"]["name"]: found for found in manifests if found["kind"] == "RoleBinding"}
        assert len(roles) + len(bindings) == len(manifests)
        assert roles.keys() == bindings.keys()
        for name, role in roles.items():
            assert role["metadata"]["namespace"] == f"shop-{one['name']}"
            binding = bindings[name]
            assert binding["metadata"]["namespace"] == f"shop-{one['name']}"
            assert binding["roleRef"] == {"apiGroup": RBAC, "kind": "Role", "name": name}
            subjects = binding["subjects"]
            if name.startswith("aoa-workload-"):
                wanted = access["workloads"][name.removeprefix("aoa-workload-")]
                assert one["team"] in wanted["teams"]
                assert name.removeprefix("aoa-workload-") in one["serviceAccount"]["roles"]
                assert _flat(role["rules"]) == _flat(wanted["kubernetes"])
                account = {"kind": "ServiceAccount", "name": one["name"], "namespace": f"shop-{one['name']}"}
                assert subjects == [account]
                continue
            plain = name.removeprefix("aoa-")
            assert _flat(role["rules"]) == _granted(access, plain)[0]
            assert {subject["kind"] for subject in subjects} == {"Group"}
            groups = {subject["name"] for subject in subjects}
            assert groups == {f"oidc:{g['group']}" for g in grants if g["role"] == plain and _covers(g, one)}
            seen |= {(group, plain, one["name"]) for group in groups}
    everything = {
        (f"oidc:{grant['group']}", grant["role"], one["name"])
        for grant in grants
        for one in described.children.values()
        if _covers(grant, one) and _granted(access, grant["role"])[0]
    }
    assert seen == everything


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_worlds())
def test_every_groups_rights_in_vault_are_those_that_the_parent_grants(described: World) -> None:
    release = _release(described)
    access = described.parent["access"]
    expected: dict[str, dict[str, set[str]]] = {}
    for grant in access["environments"]["staging"]["grants"]:
        for one in described.children.values():
            if not _covers(grant, one):
                continue
            for reference in one["secrets"].values():
                for word in _granted(access, grant["role"])[1]:
                    for endpoint, capabilities in CAPABILITIES[word].items():
                        path = f"kv/{endpoint}/{reference['path']}"
                        expected.setdefault(grant["group"], {}).setdefault(path, set()).update(capabilities)
    found = {group.alias: _parsed(group.policy.policy) for group in vault_groups(release)}
    assert found == expected
    for paths in found.values():
        assert not any("*" in path or "+" in path for path in paths)
        assert not any(
            "read" in words or "list" in words for path, words in paths.items() if path.startswith("kv/data/")
        )


def _parsed(policy: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    path = ""
    for line in policy.splitlines():
        if line.startswith("path "):
            path = line.split('"')[1]
        elif "capabilities" in line:
            found[path] = set(line.split('"')[1::2])
    return found


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_worlds())
def test_the_table_says_what_the_objects_say(described: World) -> None:
    release = _release(described)
    table: dict[tuple[str, str], set[tuple[str, str, str, str]]] = {}
    for held in holdings(release):
        for right in held.kubernetes:
            for name in right.names or ("",):
                for verb in right.verbs:
                    rights = table.setdefault((held.subject, held.namespace), set())
                    rights.add((right.api_group, right.resource, name, verb))
    declared: dict[tuple[str, str], set[tuple[str, str, str, str]]] = {}
    for objects in release_objects(release):
        manifests = [found.manifest for found in objects.kubernetes]
        rules = {found["metadata"]["name"]: _flat(found["rules"]) for found in manifests if found["kind"] == "Role"}
        for found in manifests:
            if found["kind"] != "RoleBinding":
                continue
            for subject in found["subjects"]:
                namespace = found["metadata"]["namespace"]
                who = (
                    subject["name"]
                    if subject["kind"] == "Group"
                    else f"system:serviceaccount:{namespace}:{subject['name']}"
                )
                declared.setdefault((who, namespace), set()).update(rules[found["metadata"]["name"]])
    assert table == declared


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_worlds(), _worlds())
def test_a_difference_leads_from_one_to_the_other(before: World, after: World) -> None:
    old, new = permissions(_release(before)), permissions(_release(after))
    found = changes(old, new)
    result = set(old)
    for change in found:
        touched = {
            (change.subject, name, change.where, change.target, verb)
            for name in change.children
            for verb in change.verbs
        }
        if change.change == "gains":
            assert not touched & result
            result |= touched  # type: ignore[arg-type]
        else:
            assert touched <= result
            result -= touched  # type: ignore[operator]
    assert result == set(new)
    assert changes(new, new) == ()


def test_access_is_of_one_environment_only(tmp_path: Path) -> None:
    access = copy.deepcopy(ACCESS)
    access["environments"]["prod"] = {"grants": [{"group": "blues", "role": "viewer", "all": True}]}
    release = release_of(tmp_path, world(access=access))
    assert release.access.groups == ("reds",)
    described = world(access=access)
    described.environment["name"] = "prod"
    assert release_of(tmp_path / "prod", described).access.groups == ("blues",)


def test_an_environment_that_is_not_named_is_an_error_once_one_is(tmp_path: Path) -> None:
    described = world()
    described.environment["name"] = "stagin"
    (problem,) = problems(tmp_path, described)
    assert "did you mean staging?" in problem
    described.parent["access"]["environments"]["stagin"] = {"grants": []}
    assert problems(tmp_path, described) == []


def test_grants_need_to_know_how_the_api_server_sees_groups(tmp_path: Path) -> None:
    described = world()
    del described.environment["identity"]
    (problem,) = problems(tmp_path, described)
    assert "groupsPrefix" in problem
    described.parent["access"]["environments"]["staging"]["grants"] = []
    assert problems(tmp_path, described) == []


def test_without_a_mount_for_people_nobody_has_rights_in_vault(tmp_path: Path) -> None:
    described = world(child(secrets={"X": {"path": "red/api", "key": "k"}}))
    assert vault_groups(release_of(tmp_path / "a", described))
    del described.environment["identity"]["oidcMount"]
    release = release_of(tmp_path / "b", described)
    assert vault_groups(release) == ()
    assert not any(held.vault for held in holdings(release))


def test_access_belongs_to_the_releases_digest_and_to_no_childs(tmp_path: Path) -> None:
    before = release_of(tmp_path / "a", world())
    access = copy.deepcopy(ACCESS)
    access["roles"]["viewer"]["kubernetes"] = [{**READ, "verbs": ["get"]}]
    after = release_of(tmp_path / "b", world(access=access))
    assert before.digest != after.digest
    assert [one.digest for one in before.children] == [one.digest for one in after.children]
    access["roles"]["viewer"]["description"] = "told, not deployed"
    assert release_of(tmp_path / "c", world(access=access)).digest == after.digest


def test_every_grant_says_where_it_is_written(tmp_path: Path) -> None:
    manifest = load(tmp_path, world())
    where = sources(manifest, "staging")[("reds", "viewer", "api")]
    line = (tmp_path / "parent.yaml").read_text().splitlines()[where.line - 1]
    assert '"reds"' in line


def test_roles_that_include_each_other_are_named_with_the_whole_way(tmp_path: Path) -> None:
    access = copy.deepcopy(ACCESS)
    access["roles"] |= {"a": {"includes": ["b"]}, "b": {"includes": ["a"]}}
    (problem,) = problems(tmp_path, world(access=access))
    assert "a → b → a" in problem


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ({"role": "viewr", "all": True}, "did you mean `viewer`?"),
        ({"role": "viewer", "teams": ["rod"]}, "did you mean `red`?"),
        ({"role": "viewer", "children": ["apy"]}, "did you mean `api`?"),
        ({"role": "viewer"}, "exactly one of teams, children and `all: true`"),
        ({"role": "viewer", "all": False}, "exactly one of teams, children and `all: true`"),
        ({"role": "viewer", "all": True, "teams": ["red"]}, "exactly one of teams, children and `all: true`"),
    ],
)
def test_a_grant_that_means_nothing_is_an_error(tmp_path: Path, grant: dict[str, Any], said: str) -> None:
    access = copy.deepcopy(ACCESS)
    access["environments"]["staging"]["grants"] = [{"group": "reds", **grant}]
    assert any(said in problem for problem in problems(tmp_path, world(access=access)))


def test_a_groups_name_in_vault_is_its_own_and_no_childs() -> None:
    groups = ["orders", "Orders", "ORDERS", "a b", "a-b", "a/b", "ü", "arn:aws:iam::1:role/x", "x" * 200, "x" * 199]
    names = [group_name("shop", "prod", group) for group in groups]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and len(name) < 128 for name in names)
    assert all(name.startswith("prod_shop_group_") for name in names)
