"""The guard: every mismatch is refused, and nothing is asked of a world that is not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest

from app_of_apps.environment import marker
from app_of_apps.environment.guard import DISCOVERY, KUBE_SYSTEM, check_environment
from app_of_apps.environment.refusals import FILE, FOLDER
from app_of_apps.environment.settings import Environment
from app_of_apps.environment.vault_reader import Forbidden
from app_of_apps.errors import Unavailable, WrongEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UID = "11111111-2222-3333-4444-555555555555"
OTHER_UID = "99999999-2222-3333-4444-555555555555"
CA = "ab" * 32


ISSUER = "https://kubernetes.staging.example.com"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are recorded in the current folder."""
    monkeypatch.chdir(tmp_path)


class Cluster:
    """Stands in for a cluster behind a kubeconfig: no two real ones can be had in a unit test."""

    verified = True

    def __init__(
        self,
        *,
        server: str = "https://a:6443",
        ca: tuple[str, ...] = (CA,),
        uid: str | None = UID,
        marker: str | None = "staging",
        issuer: str | None = ISSUER,
    ) -> None:
        self.server, self.ca_sha256 = server, ca
        self._uid, self._marker, self._issuer = uid, marker, issuer
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        self.asked.append(path)
        found = {
            KUBE_SYSTEM: None if self._uid is None else {"metadata": {"uid": self._uid}},
            marker.PATH: None if self._marker is None else {"data": {marker.KEY: self._marker}},
            DISCOVERY: None if self._issuer is None else {"issuer": self._issuer},
        }
        return found[path]


class Vault:
    """Stands in for a Vault and what its token may see."""

    def __init__(
        self, *, said: str | None = "staging", accepts: str | None = ISSUER, forbidden: bool = False, valid: bool = True
    ) -> None:
        self._said, self._accepts, self._forbidden, self._valid = said, accepts, forbidden, valid
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def custom_metadata(self, mount: str, path: str) -> dict[str, str] | None:
        self.asked.append(f"{mount}/metadata/{path}")
        if self._forbidden:
            msg = "answers 403"
            raise Forbidden(msg)
        return None if self._said is None else {marker.KEY: self._said}

    def bound_issuer(self, mount: str) -> str | None:
        self.asked.append(f"auth/{mount}/config")
        return self._accepts

    def token_is_valid(self) -> bool:
        return self._valid


def settings(**changes: Any) -> Environment:
    cluster = {
        "context": "staging",
        "server": "https://a:6443",
        "uid": UID,
        "caSha256": CA,
        **changes.pop("cluster", {}),
    }
    vault = {
        "address": "https://vault.example.com",
        "mounts": {"kv": "kv-staging", "jwt": "jwt-staging"},
        **changes.pop("vault", {}),
    }
    return Environment.model_validate({"name": "staging", "cluster": cluster, "vault": vault, **changes})


def check(cluster: Cluster, environment: Environment | None = None, *, vault: Vault | None = None, **more: Any) -> None:
    given = {"stack": "staging", "environ": {}, **more}
    connect: Callable[[str], Any] = lambda context: cluster if context == "staging" else pytest.fail(context)  # noqa: E731
    asked = vault or Vault()
    connect_vault: Callable[..., Any] = lambda *_: asked  # noqa: E731
    check_environment(environment or settings(), connect=connect, connect_vault=connect_vault, **given)


def test_the_right_environment_passes_and_is_asked_only_what_identifies_it() -> None:
    cluster, vault = Cluster(), Vault()
    check(cluster, vault=vault, environ={"VAULT_ADDR": "https://vault.example.com/"})
    assert cluster.asked == [KUBE_SYSTEM, marker.PATH, DISCOVERY]
    assert vault.asked == ["kv-staging/metadata/app-of-apps/environment", "auth/jwt-staging/config"]


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (
            Cluster(server="https://b:6443"),
            "cluster.server is https://a:6443, and context 'staging' says https://b:6443",
        ),
        (Cluster(ca=("cd" * 32,)), f"cluster.caSha256 is {CA}, and context 'staging' says {'cd' * 32}"),
        (Cluster(ca=()), "says no CA certificate"),
    ],
)
def test_another_address_or_ca_is_refused_without_a_request(cluster: Cluster, words: str) -> None:
    with pytest.raises(WrongEnvironment, match="nothing was touched") as caught:
        check(cluster)
    assert words in str(caught.value)
    assert not cluster.asked


def test_another_cluster_behind_the_same_address_is_refused() -> None:
    with pytest.raises(WrongEnvironment) as caught:
        check(Cluster(uid=OTHER_UID))
    assert f"cluster.uid is {UID}, and the namespace kube-system says {OTHER_UID}" in str(caught.value)


def test_every_mismatch_is_named_at_once() -> None:
    with pytest.raises(WrongEnvironment) as caught:
        check(Cluster(server="https://b:6443", ca=()))
    assert "cluster.server" in str(caught.value)
    assert "cluster.caSha256" in str(caught.value)


def test_one_of_several_ca_certificates_is_enough() -> None:
    check(Cluster(ca=("cd" * 32, CA)))


def test_another_stack_is_refused_before_anything_is_asked() -> None:
    cluster = Cluster()
    with pytest.raises(WrongEnvironment, match="the stack is 'prod', and the environment's file describes 'staging'"):
        check(cluster, stack="prod")
    assert not cluster.asked


def test_a_vault_elsewhere_is_refused_before_anything_is_asked() -> None:
    cluster = Cluster()
    with pytest.raises(WrongEnvironment, match=r"vault\.address is https://vault\.example\.com, and VAULT_ADDR says"):
        check(cluster, environ={"VAULT_ADDR": "https://vault.prod.example.com"})
    assert not cluster.asked


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VAULT_AGENT_ADDR", "http://127.0.0.1:8100", "VAULT_AGENT_ADDR says http://127.0.0.1:8100"),
        ("VAULT_ADDR", "https://me:hunter2@vault.example.com", "VAULT_ADDR says https://…@vault.example.com"),
        ("VAULT_NAMESPACE", "prod", "vault.namespace is not set, and VAULT_NAMESPACE says prod"),
        ("VAULT_PROXY_ADDR", "http://proxy:1", "VAULT_PROXY_ADDR sends the requests"),
        ("VAULT_HTTP_PROXY", "http://u:hunter2@proxy:1", "through http://…@proxy:1"),
        ("VAULT_SKIP_VERIFY", "true", "VAULT_SKIP_VERIFY lets anybody answer"),
    ],
)
def test_a_variable_that_leads_the_provider_elsewhere_is_refused(variable: str, value: str, words: str) -> None:
    cluster = Cluster()
    with pytest.raises(WrongEnvironment) as caught:
        check(cluster, environ={variable: value})
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not cluster.asked


def test_variables_that_lead_nowhere_else_pass() -> None:
    environ = {
        "VAULT_SKIP_VERIFY": "false",
        "VAULT_NAMESPACE": "team/",
        "VAULT_AGENT_ADDR": "https://vault.example.com",
    }
    check(Cluster(), settings(vault={"namespace": "team"}), environ=environ)


def test_a_cluster_for_which_anybody_could_answer_is_refused() -> None:
    cluster = Cluster()
    cluster.verified = False
    with pytest.raises(WrongEnvironment, match="insecure-skip-tls-verify"):
        check(cluster)
    assert not cluster.asked


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "it has no ConfigMap app-of-apps/app-of-apps-environment; `aoa environment register staging` writes it"),
        ("prod", "the cluster says that it is 'prod'"),
        ("", "the cluster says that it is ''"),
    ],
)
def test_a_cluster_that_is_not_marked_as_this_environment_is_refused(said: str | None, words: str) -> None:
    vault = Vault()
    with pytest.raises(WrongEnvironment) as caught:
        check(Cluster(marker=said), vault=vault)
    assert words in str(caught.value)
    assert not vault.asked


@pytest.mark.parametrize(
    ("vault", "words"),
    [
        (Vault(said="prod"), "vault.mounts.kv is kv-staging, and Vault says that it belongs to 'prod'"),
        (Vault(said=None), "Vault has no marker at kv-staging/metadata/app-of-apps/environment"),
        (Vault(accepts=None), "Vault has no JWT auth method there"),
        (Vault(accepts="https://other"), "which accepts tokens of https://other; those of this cluster come from"),
        (Vault(accepts=""), "tokens of anybody, because its bound_issuer is not set"),
        (Vault(forbidden=True), "the token for Vault is not one for this environment"),
    ],
)
def test_engines_of_another_environment_are_refused(vault: Vault, words: str) -> None:
    with pytest.raises(WrongEnvironment) as caught:
        check(Cluster(), vault=vault)
    assert words in str(caught.value)


def test_a_dead_token_is_no_sign_of_another_environment() -> None:
    with pytest.raises(Unavailable, match="403"):
        check(Cluster(), vault=Vault(forbidden=True, valid=False))


def test_a_cluster_that_names_no_issuer_cannot_be_compared() -> None:
    with pytest.raises(Unavailable, match="who issues its tokens"):
        check(Cluster(issuer=None))


def test_an_unregistered_environment_is_refused_with_the_way_to_register_it() -> None:
    cluster = Cluster()
    unknown = settings(cluster={"server": None, "uid": None, "caSha256": None}, vault={"address": None})
    with pytest.raises(WrongEnvironment) as caught:
        check(cluster, unknown)
    text = str(caught.value)
    assert "`aoa environment register staging`" in text
    for key in ("cluster.server", "cluster.uid", "cluster.caSha256", "vault.address"):
        assert key in text
    assert not cluster.asked


def test_a_cluster_that_cannot_be_identified_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="shows no namespace kube-system"):
        check(Cluster(uid=None))


# -- the trace -------------------------------------------------------------------------------------------------------


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_refusal_leaves_a_private_line_behind(tmp_path: Path) -> None:
    for stack in ("prod", "other"):
        with pytest.raises(WrongEnvironment):
            check(Cluster(), stack=stack, environ={"VAULT_TOKEN": "hvs.canary"}, project=tmp_path / "project")
    file = tmp_path / "project" / FOLDER / FILE
    first, second = lines(file)
    assert (first["environment"], first["stack"], second["stack"]) == ("staging", "prod", "other")
    assert first["time"] <= second["time"]
    assert "the stack is 'prod', and the environment's file describes 'staging'" in first["reasons"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "canary" not in file.read_text()


def test_the_place_of_the_trace_can_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(WrongEnvironment):
        check(Cluster(uid=OTHER_UID), environ={"AOA_STATE_DIR": str(tmp_path / "state")})
    assert len(lines(tmp_path / "state" / FILE)) == 1


def test_a_pass_and_an_unreachable_world_leave_no_trace(tmp_path: Path) -> None:
    environ = {"AOA_STATE_DIR": str(tmp_path / "state")}
    check(Cluster(), environ=environ)
    with pytest.raises(Unavailable):
        check(Cluster(uid=None), environ=environ)
    assert not (tmp_path / "state").exists()


def test_what_cannot_be_recorded_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(WrongEnvironment, match=r"(?s)cluster\.uid.*could not be recorded"):
        check(Cluster(uid=OTHER_UID), environ={"AOA_STATE_DIR": str(tmp_path / "state")})
