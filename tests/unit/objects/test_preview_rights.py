"""The rights of previews: what they hold, and above all what they do not."""

from __future__ import annotations

import pytest

from app_of_apps.environment.settings import Environment
from app_of_apps.objects.preview_rights import cluster_objects, vault_policy

WRITES = {"create", "update", "patch", "delete"}


def role(objects):
    return next(one for one in objects if one["kind"] == "ClusterRole")


@pytest.mark.parametrize("tries", [False, True])
def test_no_secret_no_token_and_nobody_elses_rights(tries):
    found = role(cluster_objects("User", "oidc:previews", tries=tries))
    resources = [
        (group, name) for rule in found["rules"] for group in rule.get("apiGroups", ()) for name in rule["resources"]
    ]
    assert ("", "*") not in resources
    assert not {name for group, name in resources if not group} & {"secrets", "serviceaccounts/token", "pods/exec"}
    verbs = {verb for rule in found["rules"] for verb in rule["verbs"]}
    assert not verbs & {"*", "escalate", "bind", "impersonate", "deletecollection"}
    assert bool(verbs & WRITES) is tries


def test_who_may_try_is_held_to_dry_runs_before_having_the_right():
    objects = cluster_objects("Group", "previews", tries=True)
    assert [one["kind"] for one in objects] == [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ClusterRole",
        "ClusterRoleBinding",
    ]
    spec = objects[0]["spec"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConditions"][0]["expression"] == '"previews" in request.userInfo.groups'
    assert objects[1]["spec"]["validationActions"] == ["Deny"]
    assert objects[3]["subjects"][0]["kind"] == "Group"


def test_a_name_cannot_be_more_than_a_name_in_the_policy():
    (policy, *_) = cluster_objects("User", 'x" || true || "', tries=True)
    expression = policy["spec"]["matchConditions"][0]["expression"]
    assert expression == 'request.userInfo.username == "x\\" || true || \\""'


def test_the_policy_for_vault_updates_nothing_but_what_changes_nothing():
    settings = Environment.model_validate(
        {
            "name": "prod",
            "cluster": {"context": "prod"},
            "vault": {"mounts": {"kv": "kv-p", "jwt": "jwt-p"}},
            "versions": {},
        }
    )
    text = vault_policy(settings, state_key="state", evidence_key="records")
    changing = [
        line for line in text.splitlines() if any(f'"{verb}"' in line for verb in ("update", "create", "delete"))
    ]
    assert [line.split('"')[1] for line in changing] == ["identity/lookup/group", "transit/decrypt/state"]
    assert "sudo" not in text
    assert 'path "kv-p/subkeys/*" { capabilities = ["read"] }' in text
    assert "transit/decrypt" not in vault_policy(settings, state_key=None, evidence_key="records")
    values = [line for line in text.splitlines() if line.startswith('path "kv-p/data/')]
    assert values == ['path "kv-p/data/app-of-apps/approvals/*" { capabilities = ["read"] }']
