"""The shell of `eval "$(make -s env)"`: plain pulumi, kubectl and vault, and a clean working tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import command, get

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def up(box: Sandbox) -> Sandbox:
    box.up()
    return box


def shell(box: Sandbox, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script as somebody would whose shell has variables of their own."""
    prelude = f'eval "$({" ".join(command(box, "env"))})"\n'
    return subprocess.run(
        ["sh", "-c", prelude + script],
        cwd=box.project,
        env={**os.environ, "PYTHONPATH": str(_checkout()), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def _checkout() -> Path:
    from sandbox.layout import CHECKOUT

    return CHECKOUT


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_plain_pulumi_works_and_leaves_the_tree_clean(up: Sandbox) -> None:
    before = content(up.project)
    done = shell(
        up,
        """set -e
        pulumi preview -s staging
        pulumi up -y -s staging
        pulumi preview -s staging --expect-no-changes
        pulumi refresh -y --stack=staging
        pulumi stack select staging
        pulumi up -y --skip-preview
        pulumi stack output token --show-secrets
        pulumi stack history -s staging --show-secrets --json >/dev/null
        pulumi stack export -s staging >/dev/null
        pulumi -C . preview -s staging
        pulumi destroy -y -s staging
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not-a-secret-but-marked" in done.stdout
    assert content(up.project) == before


def test_removing_a_stack_leaves_the_committed_file_and_the_next_up_makes_it_again(up: Sandbox) -> None:
    before = content(up.project)
    done = shell(up, "pulumi destroy -y --remove -s prod && pulumi stack rm -y -s staging")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(up.project) == before
    report = up.up()
    assert sorted(note.split(",")[0] for note in report.notes) == [
        "pulumi: stack prod made",
        "pulumi: stack staging made",
    ]
    assert shell(up, "pulumi preview -s prod").returncode == 0


def test_state_is_encrypted_by_the_environments_transit_key(up: Sandbox) -> None:
    done = shell(up, "pulumi up -y --skip-preview -s staging")
    assert done.returncode == 0, done.stderr
    text = (up.layout.state / ".pulumi/stacks/app-of-apps/staging.json").read_text()
    provider = json.loads(text)["checkpoint"]["latest"]["secrets_providers"]
    assert provider["type"] == "cloud"
    assert provider["state"]["url"] == "hashivault://pulumi-staging"
    assert "not-a-secret-but-marked" not in text
    # The other environment's token cannot open it.
    foreign = {**up.environment("staging"), "VAULT_TOKEN": up.environment("prod")["VAULT_TOKEN"]}
    refused = subprocess.run(
        ["pulumi", "stack", "output", "token", "--show-secrets", "-s", "staging"],
        env=foreign,
        cwd=up.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr
    assert shell(up, "pulumi destroy -y -s staging").returncode == 0


def test_the_callers_own_variables_have_no_say(up: Sandbox, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    foreign = {
        "HOME": str(home),
        "KUBECONFIG": str(tmp_path / "no-such-kubeconfig"),
        "VAULT_ADDR": "http://127.0.0.1:1",
        "VAULT_NAMESPACE": "elsewhere",
        "VAULT_SERVER_URL": "http://127.0.0.1:1",
        "PULUMI_BACKEND_URL": "file:///nowhere",
        "PULUMI_STACK": "prod",
        "PULUMI_CONFIG_PASSPHRASE": "x",
    }
    script = """set -e
        kubectl --context staging get pods -A >/dev/null
        kubectl --context prod get nodes >/dev/null
        vault kv list kv-staging
        vault kv list kv-prod >/dev/null
        pulumi preview -s staging
        """
    done = shell(up, script, **foreign)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "orders/" in done.stdout
    assert list(home.iterdir()) == []
    for name in foreign.keys() - {"HOME", "KUBECONFIG", "VAULT_ADDR", "PULUMI_BACKEND_URL"}:
        assert name not in up.environment("staging")


def test_env_prints_export_lines_and_no_token(up: Sandbox) -> None:
    done = subprocess.run(command(up, "env"), capture_output=True, text=True, check=True)
    assert all(line.startswith(("export ", "unset ")) for line in done.stdout.splitlines())
    for scope in (None, "staging", "prod"):
        assert up.layout.token(scope).read_text().strip() not in done.stdout


def test_an_environments_own_variables_reach_no_other(up: Sandbox) -> None:
    staging = up.environment("staging")
    assert (
        "prod"
        not in subprocess.run(
            ["kubectl", "config", "get-contexts", "-o", "name"], env=staging, capture_output=True, text=True, check=True
        ).stdout
    )

    def vault(*arguments: str) -> int:
        return subprocess.run(["vault", *arguments], env=staging, capture_output=True, check=False).returncode

    assert vault("kv", "list", "kv-staging") == 0
    assert vault("read", "kv-staging/subkeys/orders/database") == 0
    assert vault("kv", "list", "kv-prod") != 0
    assert vault("kv", "get", "kv-staging/orders/database") != 0
    assert vault("policy", "write", "prod_shop_orders", "-") != 0
    assert vault("policy", "read", "aoa-program-staging") != 0
    assert vault("list", "auth/jwt-prod/role") != 0


def test_values_are_seeded_and_put_without_being_shown(up: Sandbox) -> None:
    value = "canary-7f3a"
    done = subprocess.run(
        command(up, "vault-put", "staging", "orders/database", "extra"),
        input=value,
        capture_output=True,
        text=True,
        check=True,
    )
    assert value not in done.stdout + done.stderr
    keys = json.loads(
        subprocess.run(
            ["vault", "read", "-format=json", "kv-staging/subkeys/orders/database"],
            env=up.environment("staging"),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )["data"]["subkeys"]
    assert {"url", "migration-url", "read-only-url", "extra"} <= set(keys)
    assert up.up().notes == []


def test_a_person_puts_values_by_hand_and_reads_none(up: Sandbox) -> None:
    path = "kv-staging/team/own"
    done = shell(up, f"printf one | vault kv put {path} a=- && printf two | vault kv patch {path} b=-")
    assert done.returncode == 0, done.stderr
    refused = shell(up, f"vault kv get {path}")
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


def test_the_api_servers_audit_log_names_who_did_what(up: Sandbox) -> None:
    get(up, "staging", "configmap", "sandbox", "-n", "kube-system")
    entries = [json.loads(line) for line in up.layout.audit_log("staging").read_text().splitlines()]
    path = "/api/v1/namespaces/kube-system/configmaps/sandbox"
    seen = {entry["user"]["username"] for entry in entries if entry["requestURI"] == path and entry["verb"] == "get"}
    assert "staging-admin" in seen
    assert not any("requestObject" in entry or "responseObject" in entry for entry in entries)


def test_rbac_is_on(up: Sandbox) -> None:
    def allowed(*arguments: str) -> bool:
        done = subprocess.run(
            ["kubectl", "auth", "can-i", *arguments],
            env=up.environment("staging"),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() == "yes"

    assert allowed("delete", "nodes")
    assert not allowed("list", "secrets", "--as", "somebody", "--as-group", "system:authenticated")
    assert not allowed("delete", "nodes", "--as", "sandbox:vault-secrets-operator")


def test_a_service_account_of_the_cluster_logs_in_to_its_own_mount_only(up: Sandbox) -> None:
    environ = up.environment("staging")

    def run(
        *arguments: str, text: str | None = None, env: dict[str, str] = environ
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, env=env, input=text, capture_output=True, text=True, check=False)

    token = run("kubectl", "create", "token", "default", "-n", "default", "--audience", "vault").stdout.strip()
    for env in ("staging", "prod"):
        role = ("role_type=jwt", "user_claim=sub", "bound_audiences=vault", "token_policies=default")
        written = run("vault", "write", f"auth/jwt-{env}/role/{env}_probe", *role, env=up.environment(env))
        assert written.returncode == 0, written.stderr
    mine = run("vault", "write", "-field=policies", "auth/jwt-staging/login", "role=staging_probe", "jwt=-", text=token)
    assert mine.returncode == 0, mine.stderr
    other = run("vault", "write", "auth/jwt-prod/login", "role=prod_probe", "jwt=-", text=token)
    assert other.returncode != 0


def test_status_is_json_for_machines(up: Sandbox) -> None:
    done = subprocess.run(command(up, "status", "--output", "json"), capture_output=True, text=True, check=True)
    lines = json.loads(done.stdout)
    assert {line["health"] for line in lines} == {"healthy"}
    assert {"name", "health", "pid", "port", "uptime", "memory", "log", "detail"} == set(lines[0])
    assert sys.executable
