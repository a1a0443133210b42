"""The printed table is what the real API servers and the real Vault answer to people who have logged in."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.identity.people import ENVIRONMENTS, GROUPS, PARENT, Login, Shop
from tests.integration.program.world import environment, run

if TYPE_CHECKING:
    from sandbox import Sandbox

    Logins = dict[tuple[str, str], Login]

pytestmark = pytest.mark.integration

CHILDREN = ("catalog", "orders-migration", "orders", "mailer", "settlement", "storefront")
NAMESPACES = (*(f"{PARENT}-{child}" for child in CHILDREN), f"{PARENT}-parent", "default", "kube-system", "app-of-apps")
EVERYBODY = [(who, env) for who in GROUPS for env in ENVIRONMENTS]
VERBS = (
    "get list watch create update patch delete deletecollection escalate bind impersonate".split()  # noqa: SIM905
)
RESOURCES = (
    *(("", name) for name in ("pods", "pods/log", "pods/exec", "pods/portforward", "pods/attach", "pods/proxy")),
    *(("", name) for name in ("pods/ephemeralcontainers", "pods/binding", "secrets", "configmaps", "services")),
    *(
        ("", name)
        for name in ("serviceaccounts", "serviceaccounts/token", "events", "endpoints", "nodes", "namespaces")
    ),
    *(("", name) for name in ("persistentvolumes", "resourcequotas", "limitranges")),
    *(("apps", name) for name in ("deployments", "deployments/scale", "replicasets", "daemonsets", "statefulsets")),
    *(("batch", name) for name in ("jobs", "cronjobs")),
    *(("networking.k8s.io", name) for name in ("ingresses", "networkpolicies")),
    *(("rbac.authorization.k8s.io", name) for name in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")),
    ("secrets.hashicorp.com", "vaultstaticsecrets"),
    ("secrets.hashicorp.com", "vaultauths"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("", "users"),
    ("", "groups"),
)


def table_rights(held: list[dict[str, Any]], namespace: str) -> set[tuple[str, str, str, str]]:
    return {
        (right["apiGroup"], right["resource"], name, verb)
        for one in held
        if one["namespace"] == namespace
        for right in one["kubernetes"]
        for name in right["names"] or [""]
        for verb in right["verbs"]
    }


@pytest.mark.parametrize(("who", "env"), EVERYBODY)
def test_a_persons_rights_in_every_namespace_are_those_of_the_table(
    shop: Shop, logins: Logins, who: str, env: str
) -> None:
    held, login = shop.held(env, who), logins[who, env]
    # What everybody has who is logged in at all: to ask the server about itself and about oneself.
    always = logins["gus", env].rules("default")
    assert all(verb == "create" and "self" in resource for _, resource, _, verb in always)
    for namespace in NAMESPACES:
        assert login.rules(namespace) - always == table_rights(held, namespace), namespace


@pytest.mark.parametrize(("who", "env"), [("ben", "staging"), ("fay", "prod"), ("emil", "prod"), ("gus", "prod")])
def test_the_api_server_answers_each_question_as_the_table_does(shop: Shop, logins: Logins, who: str, env: str) -> None:
    held, login = shop.held(env, who), logins[who, env]
    for namespace in (f"{PARENT}-orders", f"{PARENT}-catalog", "kube-system"):
        rights = table_rights(held, namespace)
        for (group, resource), verb in itertools.product(RESOURCES, VERBS):
            expected = (group, resource, "", verb) in rights
            assert login.may(namespace, group, resource, verb) is expected, (namespace, group, resource, verb)


@pytest.mark.parametrize(("who", "env"), EVERYBODY)
def test_a_persons_capabilities_in_vault_are_those_of_the_table(shop: Shop, logins: Logins, who: str, env: str) -> None:
    expected: dict[str, set[str]] = {}
    for one in shop.held(env, who):
        for right in one["vault"]:
            expected.setdefault(right["path"], set()).update(right["capabilities"])
    secrets = {right["path"].split("/", 2)[2] for one in shop.table(env) for right in one["vault"]}
    assert len(secrets) == 5
    endpoints = ("data", "metadata", "subkeys", "delete", "undelete", "destroy")
    every = {f"kv-{e}/{endpoint}/{path}" for e in ENVIRONMENTS for endpoint in endpoints for path in secrets}
    every |= {f"kv-{e}/metadata" for e in ENVIRONMENTS} | {f"kv-{e}/metadata/orders" for e in ENVIRONMENTS}
    every |= {
        "sys/policies/acl/x",
        "identity/group",
        "auth/token/create",
        "transit/decrypt/pulumi-prod",
        "sys/mounts/x",
    }
    every |= {f"auth/jwt-{e}/role/x" for e in ENVIRONMENTS} | {f"auth/oidc-{e}/role/people" for e in ENVIRONMENTS}
    found = {path: words for path, words in logins[who, env].capabilities(every).items() if words}
    assert found == expected


def test_membership_is_what_leads_to_the_policy(logins: Logins) -> None:
    ben = logins["ben", "prod"].vault_auth
    assert ben["identity_policies"] == [f"prod_{PARENT}_group_team-orders"]
    # What everybody has who logs in: a signing key of their own, and a place for what they sign.
    assert ben["token_policies"] == ["aoa-people-prod", "default"]
    assert not logins["gus", "prod"].vault_auth.get("identity_policies")
    # Only groups that something is granted to have rights: in prod nobody gave engineering any.
    assert not any("engineering" in name for name in ben["identity_policies"])


def test_nobody_reads_a_value_and_who_may_rotate_can(logins: Logins, box: Sandbox) -> None:
    path = "orders/payment-provider"
    ben, emil = logins["ben", "staging"].vault, logins["emil", "prod"].vault
    assert ben.get(f"kv-staging/data/{path}").status_code == 403
    before = ben.get(f"kv-staging/metadata/{path}").json()["data"]["current_version"]
    patched = ben.patch(
        f"kv-staging/data/{path}",
        content=json.dumps({"data": {"api-key": "made-up-by-a-test"}}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert patched.status_code == 200, patched.text
    assert "made-up-by-a-test" not in patched.text
    assert ben.get(f"kv-staging/metadata/{path}").json()["data"]["current_version"] == before + 1
    assert emil.get(f"kv-prod/metadata/{path}").status_code == 200
    refused = emil.post(f"kv-prod/data/{path}", json={"data": {"api-key": "x"}})
    assert refused.status_code == 403
    assert box.layout.root.is_dir()


def test_a_login_for_one_environment_is_none_for_the_other(logins: Logins) -> None:
    ben = logins["ben", "staging"]
    assert ben.cluster.get(f"/api/v1/namespaces/{PARENT}-orders/pods").status_code == 200
    with ben.cluster_of("prod") as prod:
        assert prod.get(f"/api/v1/namespaces/{PARENT}-orders/pods").status_code == 401
    answer = ben.vault.post("auth/oidc-prod/login", json={"role": "people", "jwt": ben.token})
    assert answer.status_code in {400, 403}
    assert "client_token" not in answer.text


@pytest.mark.parametrize(
    ("who", "env", "command", "code"),
    [
        ("ben", "staging", ["kubectl", "get", "pods", "-n", f"{PARENT}-orders"], 0),
        ("ben", "staging", ["kubectl", "get", "secrets", "-n", f"{PARENT}-orders"], 1),
        ("ben", "prod", ["kubectl", "get", "pods", "-n", f"{PARENT}-orders"], 0),
        ("ben", "prod", ["kubectl", "get", "pods", "-n", f"{PARENT}-catalog"], 1),
        ("ben", "prod", ["kubectl", "scale", "deployment/orders", "--replicas=2", "-n", f"{PARENT}-orders"], 0),
        ("ben", "prod", ["kubectl", "delete", "deployment/orders", "-n", f"{PARENT}-orders"], 1),
        ("emil", "prod", ["kubectl", "delete", "pods", "--all", "-n", f"{PARENT}-orders"], 1),
        ("gus", "staging", ["kubectl", "get", "pods", "-n", f"{PARENT}-orders"], 1),
        ("ben", "staging", ["vault", "kv", "metadata", "get", "-mount=kv-staging", "orders/database"], 0),
        ("ben", "staging", ["vault", "kv", "get", "-mount=kv-staging", "orders/database"], 2),
        ("emil", "prod", ["vault", "kv", "destroy", "-mount=kv-prod", "-versions=1", "orders/database"], 2),
    ],
)
def test_the_tools_that_people_use_work_with_their_login(
    shop: Shop, box: Sandbox, *, who: str, env: str, command: list[str], code: int
) -> None:
    done = run(command, cwd=shop.folder, environ=box.as_person(who, env))
    assert done.code == code, done.text


def test_who_is_taken_out_of_the_parent_has_nothing_after_the_next_run(shop: Shop, logins: Logins) -> None:
    ada = logins["ada", "staging"]
    namespace, path = f"{PARENT}-storefront", "kv-staging/data/storefront/storefront"
    assert ada.may(namespace, "", "pods/exec", "create")
    assert ada.capabilities([path])[path]
    parent = shop.folder / "parent.yaml"
    text = parent.read_text()
    grant = "- {group: team-storefront, role: debugger, teams: [storefront], reachesSecrets: true}"
    assert grant in text
    try:
        parent.write_text(text.replace(grant, ""))
        lost = shop.aoa("access", "diff", "prod", "staging", "--output", "json")
        assert '"group team-storefront"' in lost.stdout
        done = shop.up("staging")
        assert done.code == 0, done.text
        assert not ada.may(namespace, "", "pods/exec", "create")
        # The same token, without a new login: membership and policies are looked up at each request.
        assert not ada.capabilities([path])[path]
    finally:
        parent.write_text(text)
        done = shop.up("staging")
    assert done.code == 0, done.text
    assert ada.may(namespace, "", "pods/exec", "create")
    # The group is a new one in Vault, and who is in it is noted when somebody logs in.
    again = Login(shop.box, "ada", "staging")
    assert again.capabilities([path])[path]
    again.close()


def test_the_programs_credential_of_one_environment_cannot_touch_groups_of_the_other(shop: Shop, box: Sandbox) -> None:
    environ = environment(box, "staging")
    group = f"identity/group/name/prod_{PARENT}_group_team-orders"
    attempts = [
        ["vault", "write", group, "type=external", "policies=default"],
        ["vault", "delete", group],
        ["vault", "write", "identity/group", "name=mine", "type=external", "policies=root"],
        ["vault", "list", "identity/group/id"],
        ["vault", "write", "identity/group-alias", "name=auditors", "mount_accessor=elsewhere", "canonical_id=x"],
        ["vault", "write", f"sys/policies/acl/prod_{PARENT}_group_team-orders", "policy=x"],
        ["vault", "write", "auth/oidc-staging/role/people", "user_claim=sub"],
        ["vault", "write", "auth/oidc-prod/role/people", "user_claim=sub"],
    ]
    for command in attempts:
        done = run(command, cwd=shop.folder, environ=environ)
        assert done.code == 2, (command, done.text)
        assert "permission denied" in done.text, (command, done.text)
