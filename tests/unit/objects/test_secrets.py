from __future__ import annotations

import re

from hypothesis import given

from app_of_apps.objects.render import release_objects
from app_of_apps.objects.secrets import UNKNOWN_ADDRESS, secret_names
from app_of_apps.release.resolve import resolve
from tests.unit.objects.rendered import container, found, render, spec
from tests.unit.release.world import RUNS, child, worlds

SECRETS = {
    "DATABASE_URL": {"path": "orders/database", "key": "url"},
    "DATABASE_CA": {"path": "orders/database", "key": "ca.pem"},
    "API_KEY": {"path": "orders/payment_provider", "key": "api-key"},
}


def test_a_child_without_secrets_has_nothing_to_do_with_vault() -> None:
    objects = render()
    assert objects.vault_policies == objects.vault_roles == ()
    assert not [one for one in objects.kubernetes if one.group == "secrets"]


def test_one_secret_is_synced_per_path_with_only_the_keys_that_are_named() -> None:
    objects = render(secrets=SECRETS)
    assert [one.name for one in objects.kubernetes if one.group == "secrets"] == [
        "vault-connection",
        "vault-auth",
        "secret-orders-database",
        "secret-orders-payment-provider",
    ]
    assert spec(objects, "secret-orders-database") == {
        "vaultAuthRef": "vault",
        "mount": "kv-staging",
        "type": "kv-v2",
        "path": "orders/database",
        "refreshAfter": "30s",
        "hmacSecretData": True,
        "destination": {
            "name": "vault-orders-database",
            "create": True,
            "transformation": {"excludeRaw": True, "includes": ["^ca[.]pem$", "^url$"]},
        },
        "rolloutRestartTargets": [{"kind": "Deployment", "name": "api"}],
    }


def test_a_path_mounted_as_a_volume_is_synced_with_all_of_its_keys() -> None:
    volumes = [{"name": "tls", "mountPath": "/tls", "secret": "orders/database"}]
    body = spec(render(secrets=SECRETS, volumes=volumes), "secret-orders-database")
    assert "includes" not in body["destination"]["transformation"]


def test_the_child_waits_until_the_secret_is_there() -> None:
    one = found(render(secrets=SECRETS, deadline="2m"), "secret-orders-database")
    assert (one.wait, one.deadline) == (True, 120)
    # By the program: a wait of the provider's would go on to its deadline while Vault is sealed.
    assert one.manifest["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_only_what_runs_all_the_time_is_restarted_by_a_rotation() -> None:
    for kind, restarted in (("service", True), ("worker", True), ("migration", False), ("cronjob", False)):
        body = spec(render(type=kind, secrets=SECRETS), "secret-orders-database")
        assert ("rolloutRestartTargets" in body) is restarted


def test_variables_refer_to_the_synced_secret_sorted_by_name() -> None:
    assert container(render(secrets=SECRETS))["env"] == [
        {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "vault-orders-payment-provider", "key": "api-key"}}},
        {"name": "DATABASE_CA", "valueFrom": {"secretKeyRef": {"name": "vault-orders-database", "key": "ca.pem"}}},
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "vault-orders-database", "key": "url"}}},
    ]


def test_the_operator_logs_in_as_the_childs_service_account() -> None:
    vault = {
        "mounts": {"kv": "kv-staging", "jwt": "auth/jwt"},
        "address": "https://vault.example.com",
        "namespace": "shop",
        "audience": "vault-staging",
        "refreshAfter": "1m30s",
    }
    objects = render(settings={"vault": vault}, secrets=SECRETS)
    assert spec(objects, "vault-connection") == {"address": "https://vault.example.com", "skipTLSVerify": False}
    assert spec(objects, "vault-auth") == {
        "vaultConnectionRef": "vault",
        "method": "jwt",
        "mount": "auth/jwt",
        "namespace": "shop",
        "jwt": {"role": "staging_shop_api", "serviceAccount": "api", "audiences": ["vault-staging"]},
    }
    assert spec(objects, "secret-orders-database")["namespace"] == "shop"
    assert spec(objects, "secret-orders-database")["refreshAfter"] == "90s"


def test_without_an_address_the_connection_leads_nowhere() -> None:
    assert spec(render(secrets=SECRETS), "vault-connection")["address"] == UNKNOWN_ADDRESS
    assert UNKNOWN_ADDRESS.endswith(".invalid")


def test_the_policy_reads_exactly_the_childs_paths() -> None:
    (policy,) = render(secrets=SECRETS).vault_policies
    assert policy.name == "staging_shop_api"
    assert policy.policy == (
        'path "kv-staging/data/orders/database" {\n  capabilities = ["read"]\n}\n\n'
        'path "kv-staging/data/orders/payment_provider" {\n  capabilities = ["read"]\n}\n'
    )


def test_the_role_takes_exactly_the_childs_service_account() -> None:
    (role,) = render(secrets=SECRETS).vault_roles
    assert role.name == "staging_shop_api"
    assert role.mount == "jwt-staging"
    assert role.bound_subject == "system:serviceaccount:shop-api:api"
    assert role.bound_audiences == ("vault",)
    assert role.policies == ("staging_shop_api",)
    assert 0 < role.token_ttl <= 3600


def test_names_of_secrets_stay_apart_and_short() -> None:
    paths = ["a/b", "a-b", "A_B", "x" * 200, "x" * 199 + "y", "-._"]
    secrets = {f"V{index}": {"path": path, "key": "k"} for index, path in enumerate(paths)}
    names = secret_names(child(secrets=secrets))
    assert len(set(names.values())) == len(paths)
    assert all(re.fullmatch(r"vault-[-a-z0-9]{1,57}", name) and name[-1] != "-" for name in names.values())
    assert secret_names(child(secrets={"V": {"path": "Orders/data_base.v2", "key": "k"}})) == {
        "Orders/data_base.v2": "vault-orders-data-base-v2"
    }


@given(worlds())
@RUNS
def test_policies_grant_exactly_what_is_synced_and_know_no_wildcard(world) -> None:
    for objects in release_objects(resolve(*world)):
        synced = {
            f"{one.manifest['spec']['mount']}/data/{one.manifest['spec']['path']}"
            for one in objects.kubernetes
            if one.manifest["kind"] == "VaultStaticSecret"
        }
        granted = [
            path
            for one in objects.vault_policies
            for path in re.findall(r'^path "([^"]*)" \{$', one.policy, re.MULTILINE)
        ]
        assert sorted(granted) == sorted(synced)
        assert not any(wildcard in path for path in granted for wildcard in "*+")
        for one in objects.vault_policies:
            assert set(re.findall(r"capabilities = (.*)", one.policy)) == {'["read"]'}
