"""What a cluster, a Vault and a registry say about a release; here they are stand-ins with fixed answers.

The real ones are asked in tests/integration/validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.checks.images import taken_apart
from app_of_apps.checks.online import Answers, check_online
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.errors import Refused, Unavailable
from tests.unit.checks.place import deployment, manifests, service, subject, thing, worker

if TYPE_CHECKING:
    from app_of_apps.checks.offline import Subject

UID = "01234567-89ab-cdef-0123-456789abcdef"
KINDS = {
    "/api/v1": ("Namespace", "ServiceAccount", "ResourceQuota", "LimitRange", "Service", "ConfigMap"),
    "/apis/apps/v1": ("Deployment",),
    "/apis/networking.k8s.io/v1": ("NetworkPolicy", "Ingress"),
    "/apis/policy/v1": ("PodDisruptionBudget",),
    "/apis/secrets.hashicorp.com/v1beta1": ("VaultAuth", "VaultConnection", "VaultStaticSecret"),
}
SECRET = {"secrets": {"TOKEN": {"path": "shop/api", "key": "token"}}}
VAULT = {"vault": {"address": "https://vault.example.com", "mounts": {"kv": "kv-prod", "jwt": "jwt-prod"}}}


@dataclass
class Cluster:
    """A stand-in that serves `kinds` in Kubernetes 1.36."""

    kinds: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(KINDS))
    quotas: list[dict[str, Any]] = field(default_factory=list)
    uid: str = UID
    context: str = "prod"
    lists_everything: bool = True
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if path == "/version":
            return {"major": "1", "minor": "36"}
        if path == "/api/v1/namespaces/kube-system":
            return {"metadata": {"uid": self.uid}}
        kinds = self.kinds.get(path)
        return None if kinds is None else {"resources": [{"kind": kind} for kind in kinds]}

    def list(self, path: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        if path == "/api/v1/resourcequotas":
            if not self.lists_everything:
                raise Forbidden(path)
            return self.quotas
        namespace = path.split("/")[4]
        return [one for one in self.quotas if one["metadata"]["namespace"] == namespace]


@dataclass
class Vault:
    """A stand-in that has some secrets."""

    secrets: dict[str, frozenset[str]] = field(default_factory=lambda: {"shop/api": frozenset({"token"})})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keys(self, mount: str, path: str) -> frozenset[str] | None:
        assert mount == "kv-prod"
        return self.secrets.get(path)


@dataclass
class Registry:
    """A stand-in that has every image but those of `gone`, and does not answer for hosts of `away`."""

    gone: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    asked: list[tuple[str, str]] = field(default_factory=list)

    def digest(self, repository: str, tag: str) -> str:
        self.asked.append((repository, tag))
        if repository.startswith(self.away):
            msg = "the registry does not answer"
            raise Unavailable(msg) from OSError()
        if tag in self.gone:
            msg = f"the registry has no tag {tag} of {repository}"
            raise Refused(msg)
        return "sha256:" + "a" * 64


def asked(
    what: Subject, cluster: Cluster | None = None, vault: Vault | None = None, registry: Registry | None = None
) -> Answers:
    here, there = cluster or Cluster(), vault or Vault()
    return check_online(
        what,
        {},
        registry or Registry(),
        connect=lambda _: here,
        connect_vault=lambda *_: there,  # type: ignore[arg-type, return-value]
    )


def found(answers: Answers, rule: str) -> list[tuple[str, str, str]]:
    return [
        (str(one.severity), Path(one.problem.position.file).name, one.problem.path)
        for one in answers.findings
        if one.rule.id == rule
    ]


def test_a_world_that_has_everything_is_fine(tmp_path):
    api = service(expose={"host": "shop.example.com"}, **SECRET)
    world = subject(tmp_path, {"api": api, "tool": manifests(deployment())}, VAULT)
    answers = asked(world)
    assert answers == Answers((), (), (1, 36))


# -- kind-not-served ---------------------------------------------------------------------------------------------


def test_a_kind_that_the_cluster_does_not_know_is_named_where_it_is_asked_for(tmp_path):
    route = thing("gateway.networking.k8s.io/v1", "HTTPRoute")
    world = subject(tmp_path, {"tool": manifests(thing("v1", "ConfigMap"), route)})
    (only,) = asked(world).findings
    assert only.rule.id == "kind-not-served"
    assert Path(only.problem.position.file).name == "tool.yaml"
    assert only.problem.position.line > 5
    assert "gateway.networking.k8s.io/v1 at all, and so no HTTPRoute, needed by tool" in only.problem.message


def test_an_operator_that_is_missing_is_named_once(tmp_path):
    without = Cluster({key: kinds for key, kinds in KINDS.items() if "hashicorp" not in key})
    world = subject(tmp_path, {"api": service(**SECRET), "job": worker(**SECRET)}, VAULT)
    problems = [one.problem for one in asked(world, without).findings]
    assert len(problems) == len({one.message for one in problems}) == 3  # kinds
    assert {one.path for one in problems} == {"secrets"}
    assert all(one.message.endswith("needed by api and 1 more") for one in problems)


def test_what_somebody_wrote_does_not_become_another_question(tmp_path):
    hostile = thing("../api/v1/namespaces/shop-api/secrets?x=v1", "Secrets")
    chart = thing("v1", "Pod", spec={"containers": [{"image": "registry.example.com/../../x y\n"}]})
    world = subject(tmp_path, {"tool": {"type": "chart"}}, charts={"tool": [hostile, chart]})
    cluster, registry = Cluster(), Registry()
    (only, pod) = asked(world, cluster, registry=registry).findings
    assert [one.rule.id for one in (only, pod)] == ["kind-not-served"] * 2
    assert not any("secrets" in path or ".." in path for path in cluster.asked)
    assert registry.asked == []


def test_what_kubernetes_has_dropped_is_left_to_the_rule_about_that(tmp_path):
    world = subject(tmp_path, {"tool": manifests(thing("batch/v1beta1", "CronJob"))})
    assert found(asked(world), "kind-not-served") == []


# -- kubernetes-version-stale ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recorded", "stale"), [("1.35", True), ("1.36", False)])
def test_a_recorded_version_is_the_one_that_runs(tmp_path, recorded, stale):
    world = subject(tmp_path, {"api": service()}, {"cluster": {"kubernetes": recorded}})
    assert found(asked(world), "kubernetes-version-stale") == (
        [("warning", "Pulumi.prod.yaml", "cluster.kubernetes")] if stale else []
    )


# -- secret-missing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({}, "there is no secret at kv-prod/shop/api (key 'token' is needed)"),
        ({"shop/api": frozenset({"other"})}, "kv-prod/shop/api has no key 'token'"),
    ],
)
def test_a_secret_that_is_not_there_is_named_where_it_is_referred_to(tmp_path, secrets, said):
    answers = asked(subject(tmp_path, {"api": service(**SECRET)}, VAULT), vault=Vault(secrets))
    assert found(answers, "secret-missing") == [("error", "api.yaml", "secrets.TOKEN")]
    assert said in answers.findings[0].problem.message


def test_a_volume_needs_a_secret_of_any_keys(tmp_path):
    volumes = [
        {"name": "work", "mountPath": "/work", "emptyDir": {}},
        {"name": "tls", "mountPath": "/tls", "secret": "shop/tls"},
    ]
    world = subject(tmp_path, {"api": service(volumes=volumes)}, VAULT)
    assert found(asked(world), "secret-missing") == [("error", "api.yaml", "volumes[1]")]
    assert found(asked(world, vault=Vault({"shop/tls": frozenset()})), "secret-missing") == []


# -- image-missing -----------------------------------------------------------------------------------------------


def test_an_image_that_is_not_there_is_named_where_its_version_stands(tmp_path):
    world = subject(
        tmp_path,
        {"api": service(), "job": worker(versionFrom="api"), "tool": manifests(deployment("thing"))},
        {"versions": {"api": "9.9.9"}},
    )
    answers = asked(world, registry=Registry(gone=("9.9.9", "1")))
    assert sorted(found(answers, "image-missing")) == [
        ("error", "Pulumi.prod.yaml", "versions.api"),
        ("error", "Pulumi.prod.yaml", "versions.api"),
        ("error", "tool.yaml", "spec.template.spec.containers[0].image"),
    ]
    assert found(asked(world), "image-missing") == []


def test_a_registry_that_does_not_answer_is_no_error_and_is_asked_once(tmp_path):
    registry = Registry(away=("registry.example.com",))
    answers = asked(subject(tmp_path, {"api": service(), "job": worker()}), registry=registry)
    assert answers.findings == ()
    assert [(one.what, one.silent) for one in answers.not_looked_at] == [("images of registry.example.com", False)]
    assert len(registry.asked) == 1


def test_an_image_that_nobody_may_look_at_does_not_hide_the_others(tmp_path):
    class Closed(Registry):
        def digest(self, repository: str, tag: str) -> str:
            if repository.endswith("/api"):
                msg = "the registry answers 403"
                raise Unavailable(msg)
            return super().digest(repository, tag)

    world = subject(tmp_path, {"api": service(), "job": worker()}, {"versions": {"job": "9.9.9"}})
    answers = asked(world, registry=Closed(gone=("9.9.9",)))
    assert [(one.what, one.silent) for one in answers.not_looked_at] == [
        ("image registry.example.com/shop/api:1.0.0", False)
    ]
    assert found(answers, "image-missing") == [("error", "Pulumi.prod.yaml", "versions.job")]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", ("nginx", "latest")),
        ("nginx:1.2", ("nginx", "1.2")),
        ("localhost:5000/shop/api", ("localhost:5000/shop/api", "latest")),
        ("localhost:5000/shop/api:1", ("localhost:5000/shop/api", "1")),
        ("r.example.com/api:1@sha256:ab", ("r.example.com/api", "sha256:ab")),
        ("r.example.com/api@sha256:ab", ("r.example.com/api", "sha256:ab")),
    ],
)
def test_an_image_is_taken_apart(image, expected):
    assert taken_apart(image) == expected


# -- quota-in-use ------------------------------------------------------------------------------------------------


def quota(name="tight", namespace="shop-api", used="0", **hard):
    spec = {key.replace("_", "."): value for key, value in hard.items()}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hard": spec},
        "status": {"hard": spec, "used": dict.fromkeys(spec, used)},
    }


@pytest.mark.parametrize(
    ("there", "bad"),
    [
        (quota(pods="6", used="3"), False),
        (quota(pods="5", used="3"), True),
        (quota(requests_cpu="1", used="900m"), True),
        (quota(cpu="1", used="900m"), True),
        (quota(requests_cpu="10", used="1"), False),
        (quota(namespace="elsewhere", pods="0"), False),
        # Our own quota has room for two times what the child declares, whatever it is now.
        (quota("quota", pods="1", used="1"), False),
        ({**quota(pods="0"), "spec": {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}}, False),
    ],
)
def test_a_rollout_needs_room_beside_what_is_used(tmp_path, there, bad):
    world = subject(tmp_path, {"api": service(replicas=3, resources={"requests": {"cpu": "100m", "memory": "1Mi"}})})
    answers = asked(world, Cluster(quotas=[there]))
    assert found(answers, "quota-in-use") == ([("warning", "api.yaml", "resources")] if bad else [])


def test_who_may_not_list_all_quotas_asks_for_those_of_the_children(tmp_path):
    cluster = Cluster(quotas=[quota(pods="0")], lists_everything=False)
    assert found(asked(subject(tmp_path, {"api": service()}), cluster), "quota-in-use") != []
    assert "/api/v1/namespaces/shop-api/resourcequotas" in cluster.asked


# -- who does not answer -----------------------------------------------------------------------------------------


def test_another_cluster_behind_the_context_is_not_asked_further(tmp_path):
    world = subject(tmp_path, {"api": service()}, {"cluster": {"uid": UID}})
    assert asked(world).not_looked_at == ()
    other = Cluster(uid="f" * 8 + UID[8:])
    (only,) = asked(world, other).not_looked_at
    assert only.silent
    assert "leads to another cluster" in only.why
    assert other.asked == ["/api/v1/namespaces/kube-system"]


def test_one_that_is_silent_does_not_keep_the_others_from_being_asked(tmp_path):
    def nobody(*_: object) -> Any:
        msg = "does not answer"
        raise Unavailable(msg)

    world = subject(tmp_path, {"api": service(**SECRET)}, VAULT)
    answers = check_online(world, {}, Registry(gone=("1.0.0",)), connect=nobody, connect_vault=nobody)
    assert [(one.what, one.silent) for one in answers.not_looked_at] == [
        ("kinds and quotas of the cluster", True),
        ("secrets in Vault", True),
    ]
    assert answers.server is None
    assert [one.rule.id for one in answers.findings] == ["image-missing"]


def test_without_secrets_nobody_asks_vault(tmp_path):
    def nobody(*_: object) -> Any:
        raise AssertionError

    world = subject(tmp_path, {"api": service()})
    answers = check_online(world, {}, Registry(), connect=lambda _: Cluster(), connect_vault=nobody)  # type: ignore[arg-type, return-value]
    assert answers.not_looked_at == ()
