"""What is changed by hand in cluster and Vault is found with field and manager, and `--fix` brings it back."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.program.story import Story
from tests.integration.program.world import Run, World, eventually, migration, service

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld

pytestmark = pytest.mark.integration

CANARY = "hunter2-is-no-good-password"
NAME = "drifting"
POLICY, ROLE = f"sys/policies/acl/staging_{NAME}_api", f"auth/jwt-staging/role/staging_{NAME}_api"


def answer(run: Run) -> dict[str, Any]:
    return json.loads(run.stdout)


def look(world: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    run = world.aoa("drift", "staging", "--output", "json", *arguments)
    assert run.code in {0, 1}, run.text
    return run.code, answer(run)


def vault(world: World, *arguments: str) -> str:
    """Do something with the rights of an administrator."""
    token = world.box.layout.token().read_text().strip()
    environ = {**world.environ, "VAULT_TOKEN": token}
    return subprocess.run(["vault", *arguments], env=environ, capture_output=True, text=True, check=True).stdout


def deploy(world: World) -> None:
    done = world.up()
    assert done.code == 0, done.text
    # The Job with a time to live has to be gone.
    eventually(lambda: not world.get("jobs", "own"))


def untouched(world: World) -> tuple[int, dict[str, Any]]:
    return look(world)


def meddle(world: World) -> tuple[int, dict[str, Any]]:
    """Change what people change by hand in a hurry."""
    api, site = world.namespace("api"), world.namespace("site")
    image = "api=registry.example.com/test/app:9.9.9"
    data = json.dumps({"data": {"MODE": "dead", "PASSWORD": CANARY}})
    subjects = json.dumps([{"op": "add", "path": "/spec/egress/-", "value": {}}])
    for command in (
        ["set", "image", "-n", api, "deployment/api", image],
        ["set", "env", "-n", api, "deployment/api", "DEBUG=1"],
        ["scale", "-n", api, "deployment/api", "--replicas=3"],
        ["label", "-n", api, "deployment", "api", "app.kubernetes.io/component-"],
        ["delete", "service", "-n", api, "api"],
        ["patch", "configmap", "-n", api, "config", "--type=merge", "-p", data],
        ["create", "rolebinding", "-n", api, "by-hand", "--clusterrole=view", "--user=eve"],
        ["create", "deployment", "-n", site, "miner", "--image=registry.example.com/test/miner"],
        ["patch", "networkpolicy", "-n", site, "edges", "--type=json", "-p", subjects],
        ["label", "-n", site, "service", "site", "by=hand"],
        ["label", "namespace", site, "pod-security.kubernetes.io/enforce=privileged", "--overwrite"],
        ["patch", "cronjob", "-n", world.namespace("nightly"), "nightly", "-p", '{"spec":{"suspend":true}}'],
    ):
        world.kubectl(*command)
    vault(world, "policy", "write", f"staging_{NAME}_api", str(_widened(world)))
    role = json.loads(vault(world, "read", "-format=json", ROLE))["data"]
    given = {**role, "bound_subject": "system:serviceaccount:default:default"}
    _write(world, ROLE, given)
    _write(world, f"auth/jwt-staging/role/staging_{NAME}_backdoor", given)
    return look(world)


def _widened(world: World) -> Any:
    file = world.folder / "wide.hcl"
    file.write_text(
        f'path "kv-staging/data/{NAME}/api" {{\n  capabilities = ["read", "update"]\n}}\n'
        'path "kv-staging/data/*" {\n  capabilities = ["read"]\n}\n'
    )
    return file


def _write(world: World, path: str, data: dict[str, Any]) -> None:
    file = world.folder / "role.json"
    file.write_text(json.dumps({key: value for key, value in data.items() if value not in (None, "", [])}))
    vault(world, "write", path, f"@{file}")


def one_child(world: World) -> tuple[int, dict[str, Any]]:
    return look(world, "--child", "site")


def words(world: World) -> Run:
    return world.aoa("drift", "staging")


def fix(world: World) -> tuple[Run, dict[str, Any]]:
    run = world.aoa("drift", "staging", "--fix", "--output", "json")
    return run, answer(run)


def clear(world: World) -> tuple[int, dict[str, Any]]:
    """Remove by hand what nobody declared."""
    world.kubectl("delete", "rolebinding", "-n", world.namespace("api"), "by-hand")
    world.kubectl("delete", "deployment", "-n", world.namespace("site"), "miner")
    world.kubectl("label", "-n", world.namespace("site"), "service", "site", "by-")
    vault(world, "delete", f"auth/jwt-staging/role/staging_{NAME}_backdoor")
    eventually(lambda: look(world)[0] == 0)
    return look(world)


def other_tree(world: World) -> tuple[Run, Run]:
    """Look from a working tree that holds another release."""
    world.versions["api"] = "2.0.0"
    try:
        return world.aoa("drift", "staging"), world.aoa("drift", "staging", "--fix")
    finally:
        del world.versions["api"]


@pytest.fixture(scope="module")
def story(make_world: MakeWorld, box: Sandbox) -> Story:
    box.put_secret("staging", f"{NAME}/api", {"token": "canary"})
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "one",
                "image": "registry.example.com/test/app:1",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"ttlSecondsAfterFinished": 1, "template": {"spec": pod}},
    }
    children = {
        "db": migration(),
        "api": service(
            needs=["db"],
            secrets={"API_TOKEN": {"path": f"{NAME}/api", "key": "token"}},
            config={"own": {"MODE": "live"}},
            # The API server writes both its own way.
            resources={"requests": {"cpu": "0.10", "memory": "1024Mi"}},
        ),
        "site": service(needs=["api"], expose={"host": "a.example.com"}, disruptionBudget={"minAvailable": 1}),
        "nightly": {
            "type": "cronjob",
            "team": "one",
            "image": "registry.example.com/test/app",
            "schedule": "0 3 * * *",
        },
        "own": {"type": "manifests", "team": "one", "files": ["../more/once.yaml"]},
    }
    world = make_world(NAME, children, files={"more/once.yaml": job})
    return Story(world, deploy, untouched, meddle, one_child, words, other_tree, fix, clear)


def found(drift: dict[str, Any]) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    """Return each difference by the kind and the name of the object, and the field."""
    return {(one["object"]["kind"], one["object"]["name"], one["field"]): one for one in drift["differences"]}


def test_what_was_just_deployed_has_no_drift(story: Story) -> None:
    code, drift = story.step("untouched")
    assert (code, drift["differences"], drift["unread"]) == (0, [], [])


def test_a_job_that_ended_and_went_is_none(story: Story) -> None:
    _, drift = story.step("untouched")
    assert [(one["object"]["name"], one["why"]) for one in drift["tolerated"]] == [
        ("once", "a Job with a time to live goes when it has ended")
    ]


# What was done → kind, name, field, what it is called, who did it.
MEDDLED = [
    ("Deployment", "api", "spec.template.spec.containers[api].image", "changed", "kubectl-set"),
    ("Deployment", "api", "spec.template.spec.containers[api].env[DEBUG]", "added", "kubectl-set"),
    ("Deployment", "api", "spec.replicas", "changed", "kubectl"),
    ("Deployment", "api", 'metadata.labels["app.kubernetes.io/component"]', "removed", None),
    ("Service", "api", None, "missing", None),
    ("ConfigMap", "config", "data.MODE", "changed", "kubectl-patch"),
    ("ConfigMap", "config", "data.PASSWORD", "added", "kubectl-patch"),
    ("RoleBinding", "by-hand", None, "undeclared", "kubectl-create"),
    ("Deployment", "miner", None, "undeclared", "kubectl-create"),
    ("NetworkPolicy", "edges", "spec.egress", "changed", "kubectl-patch"),
    ("Service", "site", "metadata.labels.by", "added", "kubectl-label"),
    ("Namespace", "drifting-site", 'metadata.labels["pod-security.kubernetes.io/enforce"]', "changed", "kubectl-label"),
    ("CronJob", "nightly", "spec.suspend", "changed", "kubectl-patch"),
    ("policy", "staging_drifting_api", 'policy["kv-staging/data/drifting/api"]', "changed", None),
    ("policy", "staging_drifting_api", 'policy["kv-staging/data/*"]', "changed", None),
    ("role", "staging_drifting_api", "bound_subject", "changed", None),
    ("role", "staging_drifting_backdoor", None, "undeclared", None),
]


@pytest.mark.parametrize("meddled", MEDDLED)
def test_what_was_done_by_hand_is_found(story: Story, meddled: tuple[str, str, str | None, str, str | None]) -> None:
    *key, what, manager = meddled
    _, drift = story.step("meddle")
    one = found(drift)[tuple(key)]
    assert one["what"] == what
    assert [who["manager"] for who in one["by"]][:1] == ([manager] if manager else [])
    assert all(who["time"] or who["subresource"] for who in one["by"])


def test_nothing_else_is_found(story: Story) -> None:
    code, drift = story.step("meddle")
    assert code == 1
    assert found(drift).keys() == {one[:3] for one in MEDDLED}


def test_a_value_that_looks_like_a_secret_is_not_shown(story: Story) -> None:
    story.step("meddle")
    _, drift = story.step("meddle")
    assert CANARY not in json.dumps(drift)
    assert CANARY not in story.step("words").text


def test_one_child_alone_can_be_asked_for(story: Story) -> None:
    _, drift = story.step("one_child")
    assert {one["child"] for one in drift["differences"]} == {"site"}


def test_the_words_name_field_and_manager(story: Story) -> None:
    run: Run = story.step("words")
    assert run.code == 1
    assert "spec.template.spec.containers[api].image: registry.example.com/test/app:1.0.0 → " in run.stdout
    assert "by kubectl-set (Update at " in run.stdout


def test_a_look_writes_nothing(story: Story) -> None:
    assert story.world.writes(story.step("words")) == []


def test_from_another_working_tree_the_answer_is_the_same(story: Story) -> None:
    seen, _ = story.step("other_tree")
    assert seen.code == 1, seen.text
    assert seen.stdout == story.step("words").stdout


def test_from_another_working_tree_nothing_is_mended(story: Story) -> None:
    _, mended = story.step("other_tree")
    assert mended.code == 3, mended.text
    assert "the working tree is not what staging runs" in mended.stderr
    assert story.world.writes(mended) == []


def test_a_repair_brings_back_what_was_declared(story: Story) -> None:
    run, drift = story.step("fix")
    assert drift["fixed"]["ok"], run.text
    assert found(drift).keys() == {
        ("RoleBinding", "by-hand", None),
        ("Deployment", "miner", None),
        ("Service", "site", "metadata.labels.by"),
        ("role", "staging_drifting_backdoor", None),
    }
    assert run.code == 1


def test_what_a_repair_can_mend_is_said_before(story: Story) -> None:
    _, before = story.step("meddle")
    _, after = story.step("fix")
    assert {key for key, one in found(before).items() if not one["fixable"]} == found(after).keys()
    assert after["fixed"]["before"] == len(before["differences"])


def test_a_repair_is_on_the_record(story: Story) -> None:
    story.step("fix")
    records = [json.loads(one["data"]["record"]) for one in story.world.get("configmaps", "parent") if _is_record(one)]
    last = max(records, key=lambda one: one["sequence"])
    assert (last["operation"], last["kind"], last["result"]) == ("drift-fix", "ended", "succeeded")
    assert len({one["release"]["name"] for one in records if one["release"]}) == 1


def _is_record(item: dict[str, Any]) -> bool:
    return item["metadata"].get("labels", {}).get("app-of-apps/evidence") == "record"


def test_a_repair_deletes_nothing_and_runs_no_job_again(story: Story) -> None:
    run, _ = story.step("fix")
    writes = story.world.writes(run)
    assert [one for one in writes if one.verb == "delete"] == []
    assert [one for one in writes if one.resource == "jobs"] == []


def test_afterwards_there_is_no_drift(story: Story) -> None:
    code, drift = story.step("clear")
    assert (code, drift["differences"]) == (0, [])
