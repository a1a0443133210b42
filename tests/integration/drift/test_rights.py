"""Rights of people that were changed by hand, in the cluster and in Vault, are found and taken back."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.objects.access import group_name
from tests.integration.program.world import World, service

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

NAME, PEOPLE = "rights", "drift-people"
GROUP = group_name(NAME, "staging", PEOPLE)
ACCESS = {
    "roles": {
        "operator": {
            "kubernetes": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "delete"]}],
            "vault": ["list"],
        }
    },
    "environments": {"staging": {"grants": [{"group": PEOPLE, "role": "operator", "all": True}]}},
}


class Guarded(World):
    """A parent that gives a group of the identity provider rights."""

    def write(self) -> None:
        World.write(self)
        parent = json.loads((self.folder / "parent.yaml").read_text())
        self._write("parent.yaml", {**parent, "access": ACCESS})
        stack = self.folder / "Pulumi.staging.yaml"
        head, _, settings = stack.read_text().partition("config: ")
        config = json.loads(settings)
        identity = {"groupsPrefix": "oidc:", "usernamePrefix": "oidc:", "oidcMount": "oidc-staging"}
        config["app-of-apps:environment"]["identity"] = identity
        stack.write_text(f"{head}config: {json.dumps(config)}\n")


@pytest.fixture(scope="module")
def world(box: Sandbox, area: Path) -> Guarded:
    box.put_secret("staging", f"{NAME}/api", {"token": "canary"})
    api = service(secrets={"API_TOKEN": {"path": f"{NAME}/api", "key": "token"}})
    made = Guarded(box, area / "drift" / NAME, NAME, {"api": api})
    done = made.up()
    assert done.code == 0, done.text
    return made


def vault(world: World, *arguments: str) -> None:
    token = world.box.layout.token().read_text().strip()
    environ = {**world.environ, "VAULT_TOKEN": token}
    subprocess.run(["vault", *arguments], env=environ, capture_output=True, text=True, check=True)


def look(world: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    run = world.aoa("drift", "staging", "--output", "json", *arguments)
    assert run.stdout, run.text
    return run.code, json.loads(run.stdout)


def fields(drift: dict[str, Any]) -> dict[tuple[str, str | None], str | None]:
    """Return (kind, field) → who did it."""
    return {
        (one["object"]["kind"], one["field"]): one["by"][0]["manager"] if one["by"] else None
        for one in drift["differences"]
    }


def test_rights_as_granted_have_no_drift(world: Guarded) -> None:
    code, drift = look(world)
    assert (code, drift["differences"], drift["unread"]) == (0, [], [])


def test_rights_that_were_widened_are_found_and_taken_back(world: Guarded) -> None:
    api = world.namespace("api")
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}
    add = json.dumps([{"op": "add", "path": "/subjects/-", "value": subject}])
    widen = json.dumps([{"op": "add", "path": "/rules/0/verbs/-", "value": "create"}])
    world.kubectl("patch", "rolebinding", "-n", api, "aoa-operator", "--type=json", "-p", add)
    world.kubectl("patch", "role", "-n", api, "aoa-operator", "--type=json", "-p", widen)
    vault(world, "write", f"identity/group/name/{GROUP}", "type=external", f"policies={GROUP},default")
    code, drift = look(world)
    assert code == 1
    assert fields(drift) == {
        ("RoleBinding", "subjects"): "kubectl-patch",
        ("Role", "rules[0].verbs"): "kubectl-patch",
        ("group", "policies"): None,
    }
    assert all(one["fixable"] for one in drift["differences"])
    code, drift = look(world, "--fix")
    assert (code, drift["differences"]) == (0, [])
    assert drift["fixed"] == {"ok": True, "before": 3, "left": 0}


def test_a_policy_and_a_role_that_are_gone_come_back(world: Guarded) -> None:
    vault(world, "policy", "delete", GROUP)
    vault(world, "delete", f"auth/jwt-staging/role/staging_{NAME}_api")
    code, drift = look(world)
    found = {(one["object"]["kind"], one["object"]["name"]): one["what"] for one in drift["differences"]}
    assert (code, found) == (1, {("policy", GROUP): "missing", ("role", f"staging_{NAME}_api"): "missing"})
    code, drift = look(world, "--fix")
    assert (code, drift["differences"]) == (0, [])


def test_a_group_that_is_gone_is_told_and_comes_back(world: Guarded) -> None:
    vault(world, "delete", f"identity/group/name/{GROUP}")
    refused = world.aoa("up", "staging")
    assert refused.code == 5, refused.text
    assert f"the group {GROUP} was made by an earlier run and is gone from Vault" in " ".join(refused.text.split())
    assert "Traceback" not in refused.text
    code, drift = look(world)
    found = {(one["object"]["kind"], one["object"]["name"]): one["what"] for one in drift["differences"]}
    assert (code, found) == (1, {("group", GROUP): "missing"})
    code, drift = look(world, "--fix")
    assert (code, drift["differences"]) == (0, [])
    assert world.aoa("up", "staging").code == 0


def test_what_is_left_is_removed_without_a_group_that_is_gone(world: Guarded) -> None:
    vault(world, "delete", f"identity/group/name/{GROUP}")
    gone = world.destroy()
    assert gone.code == 0, gone.text
