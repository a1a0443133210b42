from __future__ import annotations

import pytest

from app_of_apps.deploy.drift_compare import What
from app_of_apps.deploy.drift_values import written
from app_of_apps.deploy.drift_vault import compare_group, compare_policy, compare_role
from app_of_apps.objects.access import VaultGroup
from app_of_apps.objects.model import VaultPolicy, VaultRole

POLICY = VaultPolicy("staging_shop_api", 'path "kv/data/api" {\n  capabilities = ["read"]\n}\n')
ROLE = VaultRole(
    "staging_shop_api", "jwt", "system:serviceaccount:shop-api:api", ("vault",), ("staging_shop_api",), 1200
)
GROUP = VaultGroup("staging_shop_group_ops", "ops", "oidc", VaultPolicy("staging_shop_group_ops", ""))
# What Vault 1.20 answers for a role that was written by the program.
THERE = {
    "allowed_redirect_uris": None,
    "bound_audiences": ["vault"],
    "bound_claims": {},
    "bound_claims_type": "string",
    "bound_subject": "system:serviceaccount:shop-api:api",
    "clock_skew_leeway": 0,
    "groups_claim": "",
    "role_type": "jwt",
    "token_bound_cidrs": [],
    "token_max_ttl": 0,
    "token_no_default_policy": False,
    "token_policies": ["staging_shop_api"],
    "token_ttl": 1200,
    "token_type": "default",
    "user_claim": "sub",
    "verbose_oidc_logging": False,
}
MEMBERS = {
    "type": "external",
    "policies": ["staging_shop_group_ops"],
    "alias": {"name": "ops", "mount_accessor": "auth_oidc_1"},
    "member_entity_ids": ["somebody"],
}


def told(found):
    return [(one.what, written(one.path), one.wanted, one.there) for one in found]


def test_what_the_program_wrote_does_not_differ():
    assert told(compare_policy(POLICY, {"policy": POLICY.policy})) == []
    assert told(compare_role(ROLE, THERE)) == []
    assert told(compare_group(GROUP, MEMBERS, "auth_oidc_1")) == []


@pytest.mark.parametrize(
    "text",
    [
        'path "kv/data/api" { capabilities = ["read"] }',
        '# a word\npath   "kv/data/api"{capabilities=["read"]}\n',
    ],
)
def test_how_a_policy_is_written_does_not_matter(text):
    assert told(compare_policy(POLICY, {"policy": text})) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('path "kv/data/api" { capabilities = ["read", "update"] }', ["kv/data/api"]),
        (POLICY.policy + 'path "kv/data/*" { capabilities = ["read"] }', ["kv/data/*"]),
        ('path "kv/data/other" { capabilities = ["read"] }', ["kv/data/api", "kv/data/other"]),
        ("", ["kv/data/api"]),
    ],
)
def test_a_changed_policy_is_told_path_by_path(text, found):
    fields = [field for _, field, _, _ in told(compare_policy(POLICY, {"policy": text}))]
    assert fields == [f'policy["{path}"]' for path in found]


@pytest.mark.parametrize(
    "text",
    [
        'path "kv/data/api" { capabilities = ["read"]\n max_wrapping_ttl = "1h" }',
        POLICY.policy + POLICY.policy.replace("read", "sudo"),
        "something else",
    ],
)
def test_a_policy_that_cannot_be_taken_apart_is_told_as_a_whole(text):
    assert [(what, field) for what, field, _, _ in told(compare_policy(POLICY, {"policy": text}))] == [
        (What.CHANGED, "policy")
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bound_subject", "system:serviceaccount:default:default"),
        ("bound_audiences", ["vault", "else"]),
        ("bound_audiences", None),
        ("token_policies", ["root", "staging_shop_api"]),
        ("token_ttl", 86400),
        ("user_claim", "email"),
        ("role_type", "oidc"),
        ("token_period", 3600),
        ("bound_claims", {"a": "b"}),
        ("token_type", "batch"),
        ("verbose_oidc_logging", True),
    ],
)
def test_a_changed_role_is_found(field, value):
    ((what, name, _, there),) = told(compare_role(ROLE, {**THERE, field: value}))
    assert (what, name, there) == (What.CHANGED, field, value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "internal"}, "type"),
        ({"policies": ["root"]}, "policies"),
        ({"alias": {**MEMBERS["alias"], "name": "everybody"}}, "alias.name"),
        ({"alias": {**MEMBERS["alias"], "mount_accessor": "auth_userpass_1"}}, "alias.mount_accessor"),
        ({"member_group_ids": ["g"]}, "member_group_ids"),
    ],
)
def test_a_changed_group_is_found(change, field):
    assert [name for _, name, _, _ in told(compare_group(GROUP, {**MEMBERS, **change}, "auth_oidc_1"))] == [field]


def test_what_is_missing_is_told_once():
    for found in (compare_policy(POLICY, None), compare_role(ROLE, None), compare_group(GROUP, None, "x")):
        assert [(what, field) for what, field, _, _ in told(found)] == [(What.MISSING, "")]
