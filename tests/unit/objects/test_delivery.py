"""Both ways of delivery: the same Secrets, keys and rights, whichever operator makes them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.objects.delivery import DELIVERIES
from app_of_apps.objects.secrets import Lease, lease_names, secret_names
from tests.unit.objects.rendered import container, found, render, spec
from tests.unit.release.world import child

MOUNTS = {"kv": "kv-staging", "jwt": "jwt-staging", "dynamic": {"database": "database-staging"}}
DYNAMIC = {"mount": "database", "role": "orders-rw"}
SECRETS = {
    "API_KEY": {"path": "orders/payment_provider", "key": "api-key"},
    "DB_USER": {"dynamic": DYNAMIC, "key": "username"},
    "DB_PASSWORD": {"dynamic": DYNAMIC, "key": "password"},
}
VOLUMES = [{"name": "tls", "mountPath": "/tls", "secret": "orders/tls"}]


def delivered(delivery: str, **fields: Any) -> Any:
    vault = {"mounts": MOUNTS, "address": "https://vault.example.com", "namespace": "shop", "delivery": delivery}
    return render(settings={"vault": vault}, secrets=SECRETS, volumes=VOLUMES, **fields)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_the_containers_take_and_what_vault_grants_does_not_depend_on_the_operator(delivery: str) -> None:
    objects = delivered(delivery)
    assert {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container(objects)["env"]} == {
        "API_KEY": {"name": "vault-orders-payment-provider", "key": "api-key"},
        "DB_PASSWORD": {"name": "vault-database-creds-orders-rw", "key": "password"},
        "DB_USER": {"name": "vault-database-creds-orders-rw", "key": "username"},
    }
    (policy,) = objects.vault_policies
    granted = re.findall(r'^path "([^"]*)" \{\n  capabilities = (.*)$', policy.policy, re.MULTILINE)
    assert granted == [
        ("database-staging/creds/orders-rw", '["read"]'),
        ("kv-staging/data/orders/payment_provider", '["read"]'),
        ("kv-staging/data/orders/tls", '["read"]'),
    ]


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_each_secret_is_made_once_under_the_name_that_the_pod_asks_for(delivery: str) -> None:
    made = []
    for one in delivered(delivery).kubernetes:
        if one.group == "secrets" and one.wait:
            body = one.manifest["spec"]
            made.append((body.get("destination") or body["target"])["name"])
    one = child(secrets=SECRETS, volumes=VOLUMES)
    assert sorted(made) == sorted([*secret_names(one).values(), *lease_names(one).values()])


def test_one_lease_serves_all_references_to_its_role() -> None:
    objects = delivered("vault-secrets-operator")
    assert spec(objects, "lease-database-creds-orders-rw") == {
        "vaultAuthRef": "vault",
        "mount": "database-staging",
        "path": "creds/orders-rw",
        "namespace": "shop",
        "destination": {
            "name": "vault-database-creds-orders-rw",
            "create": True,
            "transformation": {"excludeRaw": True, "includes": ["^password$", "^username$"]},
        },
        "rolloutRestartTargets": [{"kind": "Deployment", "name": "api"}],
    }
    assert found(objects, "lease-database-creds-orders-rw").wait


def test_external_secrets_log_in_as_the_childs_service_account_to_the_same_role() -> None:
    objects = delivered("external-secrets")
    vault = spec(objects, "secret-store")["provider"]["vault"]
    (role,) = objects.vault_roles
    assert vault["auth"]["jwt"] == {
        "path": "jwt-staging",
        "role": role.name,
        "kubernetesServiceAccountToken": {"serviceAccountRef": {"name": "api", "audiences": ["vault"]}},
    }
    assert (vault["server"], vault["path"], vault["version"]) == ("https://vault.example.com", "kv-staging", "v2")


def test_external_secrets_copy_the_named_keys_or_all_of_a_volume() -> None:
    objects = delivered("external-secrets")
    remote = {"key": "orders/payment_provider", "property": "api-key"}
    assert spec(objects, "secret-orders-payment-provider")["data"] == [{"secretKey": "api-key", "remoteRef": remote}]
    assert spec(objects, "secret-orders-tls")["dataFrom"] == [{"extract": {"key": "orders/tls"}}]


def test_a_generator_makes_the_credentials_of_a_lease_and_only_named_keys_are_kept() -> None:
    objects = delivered("external-secrets")
    generator = found(objects, "lease-database-creds-orders-rw-generator").manifest
    body = spec(objects, "lease-database-creds-orders-rw")
    (source,) = body["dataFrom"]
    assert source["sourceRef"]["generatorRef"]["name"] == generator["metadata"]["name"]
    assert generator["spec"]["path"] == "database-staging/creds/orders-rw"
    assert sorted(body["target"]["template"]["data"]) == ["password", "username"]


def test_a_lease_and_a_path_that_would_meet_in_one_name_stay_apart() -> None:
    one = child(
        secrets={"A": {"path": "database/creds/orders-rw", "key": "k"}, "B": {"dynamic": DYNAMIC, "key": "username"}}
    )
    names = {**secret_names(one), **lease_names(one)}
    assert len(set(names.values())) == 2
    assert set(names) == {"database/creds/orders-rw", Lease("database", "orders-rw")}


def test_an_engine_that_the_environment_does_not_have_is_an_error_with_its_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        render(secrets=SECRETS)
    assert {problem.path for problem in caught.value.problems} == {
        "secrets.DB_USER.dynamic.mount",
        "secrets.DB_PASSWORD.dynamic.mount",
    }
    assert "staging has no engine database" in str(caught.value)


@pytest.mark.parametrize("path", ["kv-staging/orders/database", "database-staging/orders"])
def test_a_path_that_begins_with_a_mount_is_an_error_with_its_place(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        render(
            settings={"vault": {"mounts": MOUNTS}},
            secrets={"A": {"path": path, "key": "url"}},
            volumes=[{"name": "tls", "mountPath": "/tls", "secret": path}],
        )
    assert {problem.path for problem in caught.value.problems} == {"secrets.A.path", "volumes[0].secret"}
