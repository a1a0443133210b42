"""The chart of the service, rendered by a real helm."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import toolchain
from deploy.manifests import CHART, PLAIN, VALUES, ChartError, render, wanted
from tests.unit.deploy_chart.rules import aoa, broken, kinds, objects, one, pod, settings, variables

pytestmark = pytest.mark.integration

LEAST = {
    "image": {"repository": "registry.example.com/platform/shop-service", "tag": "1.0.0"},
    "settings": {
        "publicUrl": "https://deploy.example.com",
        "login": {"issuer": "https://login.example.com", "audience": "app-of-apps"},
    },
    "secrets": {
        "kubeconfig": {"name": "clusters", "key": "config"},
        "vaultToken": {"name": "vault", "key": "token"},
    },
}


def over(base: dict, more: dict) -> dict:
    """Put one tree of values over another, as helm does; None takes a value away."""
    merged = dict(base)
    for key, value in more.items():
        merged[key] = over(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return {key: value for key, value in merged.items() if value is not None}


@pytest.fixture(scope="session")
def helm() -> Path:
    return toolchain.ensure(["helm"]).path("helm")


@pytest.fixture
def made(helm, tmp_path):
    """Return what the chart makes of the least values with some more."""

    def make(more: dict | None = None, *arguments: str) -> list[dict]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(over(LEAST, more or {})))
        return objects(render(helm, file, *arguments))

    return make


VARIANTS = {
    "least": {},
    "many": {"replicas": 3, "secrets": {"database": {"name": "db", "key": "url"}}},
    "address without a password": {"replicas": 2, "settings": {"database": "postgresql://db.example.com/aoa"}},
    "login at Vault": {
        "secrets": {"vaultToken": {"name": ""}},
        "vault": {
            "address": "https://vault.example.com",
            "login": {"image": "vault:1", "mount": "jwt", "role": "aoa", "audience": "vault"},
        },
        "variables": {"VAULT_CACERT": "/etc/app-of-apps/trust/ca.crt"},
        "trust": {"configMap": "authorities"},
    },
    "settings in a Secret": {"secrets": {"settings": {"name": "settings"}}, "settings": {"login": None}},
    "project in a volume": {"project": {"volume": {"persistentVolumeClaim": {"claimName": "shop"}}}},
    "tokens and a kubeconfig without credentials": {
        "tokens": [{"name": "clusters", "audience": "clusters"}],
        "secrets": {"kubeconfig": {"name": ""}},
        "kubeconfig": {"configMap": {"name": "clusters"}},
    },
    "everything off": {"networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}},
    "an address of IPv6": {"settings": {"listen": "[::]:9000"}},
    "all that can be turned on": {
        "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls", "annotations": {"a": "b"}},
        "serviceMonitor": {"enabled": True, "labels": {"team": "platform"}},
        "image": {"pullSecrets": ["pull"]},
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "priorityClassName": "high",
        "persistence": {"storageClassName": "fast"},
        "service": {"annotations": {"a": "b"}},
        "serviceAccount": {"annotations": {"a": "b"}},
        "secrets": {"variables": {"PULUMI_ACCESS_TOKEN": {"name": "pulumi", "key": "token"}}},
    },
}


@pytest.mark.parametrize("more", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_rule_is_kept_whatever_is_asked_for(made, more):
    assert list(broken(made(more))) == []


def test_the_plain_manifests_are_what_the_chart_makes(helm):
    for file, text in wanted(helm).items():
        assert file.read_text() == text, "run: make docs"
    assert objects(PLAIN.read_text())
    assert VALUES.is_file()


def test_one_pod_keeps_its_queue_in_a_file_and_ends_before_the_next_begins(made):
    found = made()
    assert one(found, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert variables(found)["AOA_SERVICE_DATABASE"] == "sqlite:////data/service.db"
    assert one(found, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert "PodDisruptionBudget" not in kinds(found)


def test_several_pods_go_one_by_one_and_keep_nothing_themselves(made):
    found = made(VARIANTS["many"])
    assert one(found, "Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "PersistentVolumeClaim" not in kinds(found)
    assert variables(found)["AOA_SERVICE_DATABASE"] == {"secretKeyRef": {"name": "db", "key": "url"}}
    assert one(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_the_settings_arrive_as_they_were_said(made):
    said = {
        "driftEvery": 3600,
        "requestsPerMinute": 1200000,
        "lease": 7.5,
        "workers": 0,
        "login": {"caFile": "/etc/app-of-apps/trust/ca.crt", "groupsPrefix": "oidc:"},
        "webhooks": [{"url": "https://hooks.example.com/aoa", "on": ["failed", "drift"]}],
    }
    found = settings(made({"settings": said}))
    assert (found.drift_every, found.requests_per_minute, found.lease, found.workers) == (3600, 1200000, 7.5, 0)
    assert found.login.ca_file == Path("/etc/app-of-apps/trust/ca.crt")
    assert found.webhooks[0].on == ("failed", "drift")


def test_other_settings_make_other_pods(made):
    def mark(more: dict) -> str:
        return one(made(more), "Deployment")["spec"]["template"]["metadata"]["annotations"]["app-of-apps/settings"]

    assert mark({}) == mark({}) != mark({"settings": {"workers": 2}})


def test_the_port_is_that_of_the_settings(made):
    assert aoa(made({"settings": {"listen": "[::]:9000"}}))["ports"][0]["containerPort"] == 9000


def test_a_pod_has_the_time_that_its_operations_are_given(made):
    found = made({"graceSeconds": 900, "interruptSeconds": 60})
    assert variables(found)["AOA_SERVICE_GRACE"] == "900"
    assert pod(found)["terminationGracePeriodSeconds"] == 980


def test_with_a_login_at_vault_no_token_is_kept_anywhere(made):
    found = made(VARIANTS["login at Vault"])
    assert "VAULT_TOKEN" not in variables(found)
    agent = pod(found)["initContainers"][0]
    assert (agent["name"], agent["restartPolicy"]) == ("vault-login", "Always")
    assert {"name": "VAULT_CACERT", "value": "/etc/app-of-apps/trust/ca.crt"} in agent["env"]
    volumes = {volume["name"]: volume for volume in pod(found)["volumes"]}
    assert volumes["vault-token"]["emptyDir"]["medium"] == "Memory"
    assert volumes["tokens"]["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "vault"
    assert 'role = "aoa"' in one(found, "ConfigMap")["data"]["agent.hcl"]


def test_settings_in_a_secret_are_in_no_config_map(made):
    found = made(VARIANTS["settings in a Secret"])
    assert "ConfigMap" not in kinds(found)
    assert "--config=/etc/app-of-apps/settings-secret/aoa-service.yaml" in aoa(found)["args"]


def test_the_host_of_the_ingress_is_that_of_the_public_address(made):
    ingress = one(made({"ingress": {"enabled": True, "tlsSecret": "tls"}}), "Ingress")["spec"]
    assert ingress["rules"][0]["host"] == "deploy.example.com"
    assert ingress["tls"] == [{"hosts": ["deploy.example.com"], "secretName": "tls"}]


def test_nobody_gets_in_where_no_namespace_may(made):
    assert one(made({"networkPolicy": {"fromNamespaces": []}}), "NetworkPolicy")["spec"]["ingress"] == []


REFUSED = [
    ({"replicas": 2}, "more than one pod needs a PostgreSQL"),
    ({"settings": {"publicUrl": None}}, r"settings\.publicUrl: the service listens beyond its pod"),
    ({"settings": {"publicUrl": None}, "ingress": {"enabled": True, "tlsSecret": "x"}}, r"settings\.publicUrl"),
    ({"settings": {"publicUrl": "http://deploy.example.com"}}, "has to begin with https://"),
    ({"settings": {"listen": "127.0.0.1:8440"}}, "reach a pod by its address"),
    ({"settings": {"listen": "[::1]:8440"}}, "reach a pod by its address"),
    ({"settings": {"login": None}}, r"settings\.login"),
    ({"settings": {"database": "sqlite:////tmp/x.db"}}, "keeps the SQLite file on its volume"),
    ({"secrets": {"kubeconfig": {"name": ""}}}, r"secrets\.kubeconfig: name the Secret"),
    ({"kubeconfig": {"configMap": {"name": "x"}}}, "not both"),
    ({"secrets": {"vaultToken": {"name": ""}}}, "how the service gets its Vault token"),
    ({"vault": {"login": {"image": "vault:1"}}}, "also say mount, role and audience"),
    ({"ingress": {"enabled": True}}, r"ingress\.tlsSecret"),
    ({"image": {"tag": ""}}, "say a tag or a digest"),
    ({"image": {"repository": ""}}, r"image\.repository"),
    ({"secrets": {"settings": {"name": "x"}}}, "only listen and publicUrl are repeated"),
    # By the schema:
    ({"replica": 2}, "'?replica'?"),
    ({"settings": {"publicURL": "https://x"}}, "publicURL"),
    ({"variables": {"DB_PASSWORD": "x"}}, "DB_PASSWORD"),
]


@pytest.mark.parametrize(("more", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_work_is_refused_with_the_remedy(made, more, words):
    with pytest.raises(ChartError, match=words):
        made(more)


def test_a_secret_in_the_values_is_refused_and_not_repeated(made):
    with pytest.raises(ChartError) as refusal:
        made({"settings": {"database": "postgresql://aoa:correct-horse@db.example.com/aoa"}})
    assert "database" in str(refusal.value)
    assert "correct-horse" not in str(refusal.value)


def test_helm_has_nothing_to_say_about_the_chart(helm, tmp_path):
    import subprocess

    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(LEAST))
    command = [str(helm), "lint", str(CHART), "--strict", "--kube-version", "1.33.0", "--values", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
