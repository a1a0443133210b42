"""No way into the wrong environment: on two real clusters and a real Vault, whose audit logs are the witness.

The credentials reach both environments, so that nothing but the guard stands between a mistake and its consequence.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.kube import KubeClient
from sandbox.vault_client import VaultClient, VaultError
from tests.integration.guard.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.guard.lane import Lane, Refusal

pytestmark = pytest.mark.integration

INVALID, REFUSED, UNAVAILABLE = 2, 3, 4
MARKER = {"name": "app-of-apps-environment", "namespace": "app-of-apps"}


# -- mistakes --------------------------------------------------------------------------------------------------------


def swap_contexts(lane: Lane) -> None:
    config = lane.kubeconfig()
    first, second = config["contexts"]
    first["name"], second["name"] = second["name"], first["name"]
    lane.use(config)


def swap_clusters_and_users(lane: Lane) -> None:
    config = lane.kubeconfig()
    staging, prod = config["contexts"]
    staging["context"] = prod["context"]
    lane.use(config)


def put_another_first(lane: Lane) -> None:
    swap_contexts(lane)
    lane.environ["KUBECONFIG"] += f":{lane.box.layout.kubeconfig}"


def change_cluster(**fields: Any) -> Callable[[Lane], None]:
    def change(lane: Lane) -> None:
        config = lane.kubeconfig()
        staging, prod = (one["cluster"] for one in config["clusters"])
        for key, value in fields.items():
            staging[key.replace("_", "-")] = prod[key.replace("_", "-")] if value == "prod" else value
        lane.use(config)

    return change


def same_server_by_another_name(lane: Lane) -> None:
    config = lane.kubeconfig()
    cluster = config["clusters"][0]["cluster"]
    cluster["server"] = cluster["server"].replace("127.0.0.1", "localhost")
    lane.use(config)


def another_fact(**facts: str) -> Callable[[Lane], None]:
    def change(lane: Lane) -> None:
        own = lane.facts("staging")
        own["cluster"] |= facts
        lane.overlay(staging=own, prod=lane.facts("prod"))

    return change


def everything_but_the_marker(lane: Lane) -> None:
    """Overlay and kubeconfig agree that prod's cluster is staging; nobody else's file is there to contradict."""
    swap_contexts(lane)
    facts = lane.facts("prod")
    facts["cluster"]["context"] = "staging"
    lane.overlay(staging=facts)
    del lane.environments["prod"]


def mount(kind: str, name: str) -> Callable[[Lane], None]:
    """Prod's engine in staging's file, in a project that has no file for prod."""

    def change(lane: Lane) -> None:
        del lane.environments["prod"]
        lane.environments["staging"]["vault"]["mounts"][kind] = name

    return change


def mount_beside_prod(kind: str) -> Callable[[Lane], None]:
    return lambda lane: lane.environments["staging"]["vault"]["mounts"].update({kind: f"{kind}-prod"})


def variable(name: str, value: str) -> Callable[[Lane], None]:
    return lambda lane: lane.environ.update({name: value})


def prods_token(lane: Lane) -> None:
    lane.environ["VAULT_TOKEN"] = lane.box.environment("prod")["VAULT_TOKEN"]


def prods_overlay_for_staging(lane: Lane) -> None:
    lane.overlay(staging=lane.facts("prod"), prod=lane.facts("prod"))


def contradicting_overlay(lane: Lane) -> None:
    lane.environments["staging"]["cluster"]["server"] = lane.facts("staging")["cluster"]["server"]
    another_fact(server=lane.facts("prod")["cluster"]["server"])(lane)


def no_overlay(lane: Lane) -> None:
    del lane.environ["AOA_ENVIRONMENT_OVERLAY_DIR"]


def copy_of_prod(lane: Lane) -> None:
    lane.environments["staging"] = lane.environments["prod"]


def renamed_copy_of_prod(lane: Lane) -> None:
    prod = lane.environments["prod"]
    # The overlay says staging's context already, and would be found to contradict first.
    lane.environments["staging"] = {**prod, "name": "staging", "cluster": {"context": "staging"}}


def text_of_prod(lane: Lane) -> None:
    lane.environments["prod"]["lane"] = {"texts": ["db.prod.example.com"]}
    lane.environments["staging"]["children"] = {"api": {"config": {"DB": "postgresql://db.prod.example.com/lane"}}}


def image_of_prod(lane: Lane) -> None:
    lane.environments["staging"]["lane"] = {"images": ["registry.example.com/staging/"]}


CASES: dict[str, tuple[Callable[[Lane], None], int, str]] = {
    "contexts-swapped": (swap_contexts, REFUSED, "cluster.server is"),
    "context-leads-to-prods-cluster-and-user": (swap_clusters_and_users, REFUSED, "cluster.server is"),
    "another-kubeconfig-first-in-the-list": (put_another_first, REFUSED, "cluster.server is"),
    "kubeconfig-of-prod-alone": (
        lambda lane: lane.environ.update(KUBECONFIG=str(lane.box.layout.env_kubeconfig("prod"))),
        UNAVAILABLE,
        "no context 'staging'",
    ),
    "kubeconfig-missing": (variable("KUBECONFIG", "/nonexistent"), UNAVAILABLE, "no kubeconfig"),
    "server-of-prod": (change_cluster(server="prod"), REFUSED, "cluster.server is"),
    "server-by-another-name": (same_server_by_another_name, REFUSED, "cluster.server is"),
    "server-changed-and-password-in-it": (change_cluster(server="https://u:hunter2@h:1"), REFUSED, "cluster.server is"),
    "ca-of-prod": (change_cluster(certificate_authority_data="prod"), REFUSED, "cluster.caSha256 is"),
    "tls-not-verified": (change_cluster(insecure_skip_tls_verify=True), REFUSED, "insecure-skip-tls-verify"),
    "another-uid": (another_fact(uid="00000000-0000-4000-8000-000000000000"), REFUSED, "cluster.uid is"),
    "another-ca-registered": (another_fact(caSha256="0" * 64), REFUSED, "cluster.caSha256 is"),
    "everything-but-the-clusters-marker": (everything_but_the_marker, REFUSED, "the cluster says that it is 'prod'"),
    "kv-engine-of-prod": (mount("kv", "kv-prod"), REFUSED, "kv-prod, and Vault says that it belongs to 'prod'"),
    "kv-engine-of-prod-beside-its-file": (mount_beside_prod("kv"), INVALID, "kv-prod is that of prod too"),
    "kv-engine-of-nobody": (mount("kv", "kv-other"), REFUSED, "the token for Vault is not one for this environment"),
    "jwt-method-of-prod": (mount("jwt", "jwt-prod"), REFUSED, "https://kubernetes.prod.sandbox.test"),
    "jwt-method-of-prod-beside-its-file": (mount_beside_prod("jwt"), INVALID, "jwt-prod is that of prod too"),
    "vault-token-of-prod": (prods_token, REFUSED, "the token for Vault is not one for this environment"),
    "vault-token-dead": (variable("VAULT_TOKEN", "hvs.dead"), UNAVAILABLE, "403"),
    "vault-elsewhere": (variable("VAULT_ADDR", "http://127.0.0.1:1"), REFUSED, "VAULT_ADDR says"),
    "vault-agent-elsewhere": (variable("VAULT_AGENT_ADDR", "http://127.0.0.1:1"), REFUSED, "VAULT_AGENT_ADDR says"),
    "vault-namespace": (variable("VAULT_NAMESPACE", "prod"), REFUSED, "VAULT_NAMESPACE says prod"),
    "vault-proxy": (variable("VAULT_PROXY_ADDR", "http://127.0.0.1:1"), REFUSED, "VAULT_PROXY_ADDR sends"),
    "vault-http-proxy": (variable("VAULT_HTTP_PROXY", "http://127.0.0.1:1"), REFUSED, "VAULT_HTTP_PROXY sends"),
    "vault-not-verified": (variable("VAULT_SKIP_VERIFY", "1"), REFUSED, "VAULT_SKIP_VERIFY"),
    "overlay-of-prod": (prods_overlay_for_staging, INVALID, "an overlay may add what is absent"),
    "overlay-contradicts": (contradicting_overlay, INVALID, "an overlay may add what is absent"),
    "overlay-missing": (no_overlay, REFUSED, "it is not registered"),
    "overlay-elsewhere": (variable("AOA_ENVIRONMENT_OVERLAY_DIR", "/nonexistent"), REFUSED, "it is not registered"),
    "state-folder-elsewhere": (
        lambda lane: (swap_contexts(lane), lane.environ.update(AOA_STATE_DIR="/dev/null")),
        REFUSED,
        "could not be recorded",
    ),
    "file-copied-from-prod": (copy_of_prod, INVALID, "the file is named for the environment `staging`"),
    "file-copied-from-prod-and-renamed": (renamed_copy_of_prod, INVALID, "kv-prod is that of prod too"),
    "text-of-prod": (text_of_prod, INVALID, "holds what belongs to prod alone"),
    "image-of-prod": (image_of_prod, INVALID, "this image may not run here"),
}
BY_THE_ENGINE = ("contexts-swapped", "another-uid", "jwt-method-of-prod", "vault-agent-elsewhere", "text-of-prod")

ON_THE_RECORD = re.compile(
    r"create selfsubjectreviews |create namespaces .*|create configmaps .*|patch configmaps evidence-head"
    r"|update transit/sign/aoa-evidence-staging|(create|update) kv-staging/metadata/app-of-apps/evidence/.*"
)


def refused(told: Refusal, code: int, words: str, *, by_engine: bool = False, may_read: bool = False) -> None:
    assert told.run.code != 0 if by_engine else told.run.code == code, told.run.text
    # The engine breaks long lines of a message.
    assert words in " ".join(told.run.text.split()), told.run.text
    # Whoever may read here has passed the guard, and then the attempt is on the record.
    mutating = [one for one in told.seen if one.mutating and not (may_read and ON_THE_RECORD.fullmatch(one.what))]
    assert mutating == []
    assert may_read or [one for one in told.seen if not one.identifying] == []
    assert "hunter2" not in told.run.text
    assert "Traceback" not in told.run.text
    if code == INVALID:
        assert told.seen == []
    if code == REFUSED and "could not be recorded" not in words:
        (line,) = told.recorded
        assert line["environment"] == "staging"
        assert words in " ".join(" ".join(line["reasons"]).split())
    else:
        assert told.recorded == []


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_refused_before_anything_is_touched(lane: Lane, case: str) -> None:
    change, code, words = CASES[case]
    change(lane)
    lane.write()
    refused(lane.aoa("up", "staging"), code, words)


@pytest.mark.parametrize("case", BY_THE_ENGINE)
def test_a_plain_run_of_the_engine_is_refused_too(lane: Lane, case: str) -> None:
    change, code, words = CASES[case]
    change(lane)
    lane.write()
    told = lane.pulumi("up", "--yes", "--skip-preview", "--stack", "staging")
    refused(told, code, words, by_engine=True)


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_the_engine_asks_the_guard_before_it_removes_or_reads(lane: Lane, operation: str) -> None:
    """A plain refresh, which changes nothing but the state, runs the program when this variable says so."""
    swap_contexts(lane)
    lane.environ["PULUMI_RUN_PROGRAM"] = "true"
    told = lane.pulumi(operation, "--yes", "--skip-preview", "--stack", "staging")
    refused(told, REFUSED, "cluster.server is", by_engine=True)
    refused(
        lane.aoa(operation, "staging", *(["--yes"] if operation == "destroy" else [])), REFUSED, "cluster.server is"
    )


# -- what is marked --------------------------------------------------------------------------------------------------


@pytest.fixture
def marker(lane: Lane) -> Iterator[Callable[[str | None], None]]:
    """Change what staging's cluster says it is; None: it says nothing. Put right afterwards."""

    def say(environment: str | None) -> None:
        kubectl = ["kubectl", "--context", "staging", "-n", MARKER["namespace"]]
        if environment is None:
            arguments = ["delete", "configmap", MARKER["name"]]
        else:
            arguments = ["patch", "configmap", MARKER["name"], "-p", json.dumps({"data": {"environment": environment}})]
        subprocess.run([*kubectl, *arguments], env=lane.environ, check=True, capture_output=True)

    yield say
    port = json.loads((lane.box.layout.root / "ports.json").read_text())["staging/kube-apiserver"]
    with KubeClient(port, lane.box.layout.pki("staging"), "bootstrap") as client:
        client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": MARKER, "data": {"environment": "staging"}})


@pytest.mark.parametrize(
    ("said", "words"),
    [("prod", "the cluster says that it is 'prod'"), (None, "the cluster does not say which environment it is")],
    ids=["wrong", "missing"],
)
@pytest.mark.parametrize("door", ["aoa", "pulumi"])
def test_a_cluster_with_another_marker_or_none_is_refused(
    lane: Lane, marker: Callable[[str | None], None], said: str | None, words: str, door: str
) -> None:
    marker(said)
    if door == "aoa":
        refused(lane.aoa("up", "staging"), REFUSED, words)
    else:
        refused(lane.pulumi("preview", "--stack", "staging"), REFUSED, words, by_engine=True)


@pytest.fixture
def root(lane: Lane) -> Iterator[VaultClient]:
    """Vault's root; the engine's marker is put right afterwards."""
    known = lane.box._known()
    assert known is not None
    with known[1].root() as client:
        yield client
        for env in lane.environments:
            custom = {"custom_metadata": {"environment": env}}
            client.write(f"kv-{env}/metadata/app-of-apps/environment", custom)


@pytest.mark.parametrize(
    ("noted", "words"),
    [({"environment": "prod"}, "Vault says that it belongs to 'prod'"), ({}, "Vault has no marker at kv-staging")],
    ids=["wrong", "missing"],
)
def test_an_engine_with_another_marker_or_none_is_refused(
    lane: Lane, root: VaultClient, noted: dict[str, str], words: str
) -> None:
    # Replaced whole: custom metadata that is left out of a write is gone.
    root.write("kv-staging/metadata/app-of-apps/environment", {"custom_metadata": noted})
    refused(lane.aoa("up", "staging"), REFUSED, words)


# -- stacks ----------------------------------------------------------------------------------------------------------


def test_a_renamed_stack_finds_no_environment(lane: Lane) -> None:
    renamed = lane.folder / "Pulumi.staging-two.yaml"
    done = subprocess.run(
        ["pulumi", "stack", "rename", "staging-two", "--stack", "staging", "--non-interactive"],
        cwd=lane.folder,
        env=lane.environ,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    try:
        if not renamed.exists():
            shutil.copy(lane.folder / "Pulumi.staging.yaml", renamed)
        told = lane.pulumi("up", "--yes", "--skip-preview", "--stack", "staging-two")
        refused(told, INVALID, "the file is named for the environment `staging-two`", by_engine=True)
        refused(lane.aoa("up", "staging-two"), INVALID, "the file is named for the environment `staging-two`")
    finally:
        back = ["pulumi", "stack", "rename", "staging", "--stack", "staging-two", "--non-interactive"]
        subprocess.run(back, cwd=lane.folder, env=lane.environ, check=True, capture_output=True)
        renamed.unlink(missing_ok=True)


def test_settings_that_only_the_engine_was_given_are_refused(lane: Lane) -> None:
    other = lane.folder / "given.yaml"
    other.write_text((lane.folder / "Pulumi.staging.yaml").read_text().replace("1.0.0", "6.6.6"))
    told = lane.pulumi("up", "--yes", "--skip-preview", "--stack", "staging", "--config-file", str(other))
    other.unlink()
    refused(told, REFUSED, "Pulumi was given other settings", by_engine=True)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_reference_to_the_other_stack_is_refused(lane: Lane, place: str) -> None:
    reference = f'pulumi.StackReference("organization/{lane.folder.name}/prod")\n'
    program = "import pulumi\nfrom components.program import run\n\n"
    program += reference + "run()\n" if place == "before" else "run()\n" + reference
    (lane.folder / "__main__.py").write_text(program)
    told = lane.pulumi("up", "--yes", "--skip-preview", "--stack", "staging")
    # What comes after `run` is found when `run` has looked which secrets there are; the other stack stays unread.
    refused(told, REFUSED, "the program holds a StackReference", by_engine=True, may_read=place == "after")


# -- registering -----------------------------------------------------------------------------------------------------


def test_an_environment_is_registered_once_and_then_passes(
    lane: Lane, marker: Callable[[str | None], None], root: VaultClient
) -> None:
    marker(None)
    root.write("kv-staging/metadata/app-of-apps/environment", {"custom_metadata": {}})
    no_overlay(lane)
    del lane.environments["prod"]
    lane.write()
    lane.environ["VAULT_TOKEN"] = root.token
    file = lane.folder / "Pulumi.staging.yaml"
    before = file.read_text()

    told = lane.aoa("environment", "register", "staging")
    assert told.run.code == REFUSED
    assert "nobody can answer here" in told.run.text
    assert [one for one in told.seen if one.mutating] == []
    assert file.read_text() == before

    told = lane.aoa("environment", "register", "staging", "--yes")
    assert told.run.code == 0, told.run.text
    written = [one.what for one in told.seen if one.mutating]
    assert written == ["patch namespaces app-of-apps", "patch configmaps app-of-apps-environment"]
    facts = lane.facts("staging")
    assert all(str(value) in file.read_text() for value in (*facts["cluster"].values(), facts["vault"]["address"]))
    assert lane.aoa("environment", "check", "staging").run.code == 0
    assert "nothing to write" in lane.aoa("environment", "register", "staging").run.text

    marker("prod")
    told = lane.aoa("environment", "register", "staging", "--yes")
    assert told.run.code == REFUSED
    assert "--force" in told.run.text
    assert lane.aoa("environment", "register", "staging", "--yes", "--force").run.code == 0


# -- what the program's token for one environment is held to ---------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "allowed"),
    [
        ("sys/policies/acl/staging_lane_x", {"policy": 'path "x" { capabilities = ["deny"] }'}, True),
        ("sys/policies/acl/prod_lane_x", {"policy": 'path "x" { capabilities = ["deny"] }'}, False),
        ("sys/policies/acl/aoa-program-staging", {"policy": 'path "x" { capabilities = ["deny"] }'}, False),
        ("sys/policy/prod_lane_x", {"policy": 'path "x" { capabilities = ["deny"] }'}, False),
        ("auth/jwt-staging/role/staging_lane_x", {"token_policies": ["staging_lane_x"]}, True),
        ("auth/jwt-staging/role/prod_lane_x", {"token_policies": ["staging_lane_x"]}, False),
        ("auth/jwt-prod/role/prod_lane_x", {"token_policies": ["staging_lane_x"]}, False),
        ("auth/jwt-prod/role/staging_lane_x", {"token_policies": ["staging_lane_x"]}, False),
        ("identity/group/name/prod_lane_group_x", {"type": "external"}, False),
        ("kv-staging/data/lane/x", {"data": {"a": "b"}}, False),
        ("kv-prod/data/lane/x", {"data": {"a": "b"}}, False),
        ("kv-staging/metadata/app-of-apps/environment", {"custom_metadata": {"environment": "prod"}}, False),
        # A known limit, named in docs/security-model.md: Vault holds no list of policies to a pattern.
        ("auth/jwt-staging/role/staging_lane_y", {"token_policies": ["prod_lane_x"]}, True),
    ],
)
def test_the_programs_token_writes_in_its_own_environment_alone(
    lane: Lane, path: str, body: dict[str, Any], *, allowed: bool
) -> None:
    role = {"role_type": "jwt", "user_claim": "sub", "bound_subject": "nobody"} if "/role/" in path else {}
    port = lane.box._known()[1].ports["vault"]
    with VaultClient(port, lane.box.environment("staging")["VAULT_TOKEN"]) as client:
        if allowed:
            client.write(path, {**role, **body})
            subprocess.run(["vault", "delete", path], env=lane.environ, check=True, capture_output=True)
            return
        with pytest.raises(VaultError) as caught:
            client.write(path, {**role, **body})
        assert caught.value.status == 403


# -- the right one, and the witness ----------------------------------------------------------------------------------


def test_the_right_environment_passes_and_only_what_identifies_it_is_asked(lane: Lane) -> None:
    for env in lane.environments:
        told = lane.aoa("environment", "check", env)
        assert told.run.code == 0, told.run.text
        assert {one.where for one in told.seen} == {env, "vault"}
        assert len(told.seen) == 5
        assert all(one.identifying and not one.mutating for one in told.seen)
        assert told.recorded == []


def test_the_witness_sees_a_change_in_each_of_the_three(lane: Lane) -> None:
    """A witness that sees nothing would let every test above pass."""
    for command, where in (
        (["kubectl", "--context", "staging", "create", "configmap", "planted"], "staging"),
        (["kubectl", "--context", "prod", "create", "configmap", "planted"], "prod"),
        (["vault", "kv", "metadata", "put", "-mount=kv-prod", "lane/planted"], "vault"),
        (["vault", "kv", "put", "-mount=kv-staging", "lane/planted", "a=b"], "vault"),
    ):
        witness = Witness(lane.box)
        assert witness.mutations() == []
        done = subprocess.run(command, env=lane.environ, check=False, capture_output=True, text=True)
        assert {one.where for one in witness.mutations()} == {where}, (command, done.stderr, witness.seen())
    for env in lane.environments:
        delete = ["kubectl", "--context", env, "delete", "configmap", "planted"]
        subprocess.run(delete, env=lane.environ, check=True, capture_output=True)
