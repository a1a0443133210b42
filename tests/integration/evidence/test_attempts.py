"""Every attempt leaves a record, with a plain `pulumi up` too: how it ended, and what it was about."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.evidence.chain import Signed
from app_of_apps.evidence.journal import Journal
from tests.integration.program.world import HELD, UP, World, eventually, migration, service, worker

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

EVIDENCE = "-l", "app-of-apps/evidence=record"


def make(box: Sandbox, area: Path, name: str, children: dict[str, Any], **more: Any) -> World:
    return World(box, area / "attempts" / name, name, children, **more)


def chain(world: World) -> list[dict[str, Any]]:
    """Return the records in order, as they stand in the cluster."""
    items = json.loads(world.kubectl("get", "configmaps", "-n", f"{world.name}-parent", *EVIDENCE, "-o", "json"))
    return [json.loads(item["data"]["record"]) for item in items["items"]]


def brief(records: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one["result"]) for one in records]


def journal(world: World) -> Journal:
    environ = world.environ
    settings = load_environment("staging", world.folder, world.box.layout.overlay).settings
    return Journal.open(settings, world.name, environ, world.folder)


@pytest.fixture(autouse=True)
def _as_the_program(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the cluster that the program finds."""
    monkeypatch.setenv("KUBECONFIG", box.environment("staging")["KUBECONFIG"])


def test_success_no_op_and_failure_are_told_in_order(box: Sandbox, area: Path) -> None:
    world = make(box, area, "told", {"api": service()})
    assert world.up().code == 0
    assert world.up().code == 0
    previewed = world.pulumi("preview")
    assert previewed.code == 0, previewed.text
    world.children["api"] = service(pods={"behaviour": "crash", "message": "no route"}, deadline="6s")
    world.versions["api"] = "2.0.0"
    failed = world.up()
    assert failed.code != 0

    records = chain(world)
    assert brief(records) == [
        ("began", None),
        ("ended", "succeeded"),
        ("began", None),
        ("ended", "succeeded"),
        ("began", None),
        ("ended", "failed"),
    ]
    first, _, again, _, third, end = records
    assert first["release"] == again["release"]
    assert first["release"]["name"] in world.records()
    assert third["release"]["number"] == first["release"]["number"] + 1
    assert third["release"]["name"] not in world.records()
    assert third["children"]["api"]["version"] == "2.0.0"
    assert "1.0.0 → 2.0.0" in " ".join(third["changes"][0]["words"])
    said = {one["policy"]: one["verdict"] for one in third["policies"]}
    assert said["environment-guard"] == "passed"
    assert said["deletion-budget"] == "passed: nothing goes"
    assert end["attempt"] == third["sequence"]
    assert "no route" in end["reason"]
    assert end["seconds"] >= 6
    for one in records:
        assert one["who"]["kubernetes"]["username"] == world.audit.admin
        assert one["who"]["vault"]["displayName"].endswith("aoa-program-staging")
    with journal(world) as kept:
        assert kept.findings() == []
        anchor = kept.anchor()
        assert anchor is not None
        assert anchor.sequence == len(records)


@pytest.mark.parametrize("arguments", [("--skip-preview",), ()], ids=["without-preview", "with-preview"])
def test_a_refusal_is_a_record_and_nothing_else(box: Sandbox, area: Path, arguments: tuple[str, ...]) -> None:
    secrets = {"TOKEN": {"path": "nowhere/at-all", "key": "token"}}
    world = make(box, area, f"refused-{len(arguments)}", {"api": service(secrets=secrets)})
    assert world.pulumi("preview").code != 0
    assert world.namespaces() == set()
    done = world.pulumi("up", "--yes", *arguments)
    assert done.code != 0
    assert world.writes(done) == []
    (record,) = chain(world)
    assert (record["kind"], record["result"], record["operation"]) == ("refused", "refused", "up")
    assert "nowhere/at-all" in record["reason"]


def test_a_killed_run_is_ended_by_the_next_one(box: Sandbox, area: Path) -> None:
    world = make(box, area, "plug", {"db": migration(pods=HELD, deadline="5m")})
    with world.started(*UP) as process:
        eventually(lambda: world.held("db"), process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert brief(chain(world)) == [("began", None)]
    assert world.pulumi("cancel", "--yes", write=False).code == 0
    done = world.pulumi_while(lambda running: world.release("db", running))
    assert done.code == 0, done.text
    records = chain(world)
    assert brief(records) == [("began", None), ("ended", "killed"), ("began", None), ("ended", "succeeded")]
    assert (records[1]["attempt"], records[3]["attempt"]) == (1, 3)


def test_what_aoa_sees_end_it_ends_on_the_record(box: Sandbox, area: Path) -> None:
    world = make(box, area, "seen", {"db": migration(pods=HELD, deadline="5m")})
    with world.started(sys.executable, "-m", "app_of_apps", "up", "staging") as process:
        eventually(lambda: world.held("db"), process)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 130, text
    records = chain(world)
    assert brief(records) == [("began", None), ("ended", "interrupted")]
    assert {one["front"] for one in records[:1]} == {"aoa"}
    (pod,) = world.held("db")
    world.kubectl("annotate", "pods", "-n", world.namespace("db"), pod, "sandbox.app-of-apps/behaviour-")
    gone = world.aoa("destroy", "staging", "--yes")
    assert gone.code == 0, gone.text
    records = chain(world)
    assert brief(records)[2:] == [("began", None), ("ended", "succeeded")]
    assert [one["operation"] for one in records[2:]] == ["destroy", "destroy"]
    with journal(world) as kept:
        assert kept.findings() == []


def test_two_parents_have_chains_of_their_own(box: Sandbox, area: Path) -> None:
    worlds = [make(box, area, name, {"api": worker()}) for name in ("one", "two")]
    for world in worlds:
        assert world.up().code == 0
    for world in worlds:
        records = chain(world)
        assert [one["sequence"] for one in records] == [1, 2]
        assert {one["parent"] for one in records} == {world.name}
        with journal(world) as kept:
            assert kept.findings() == []


def test_without_the_signing_key_nothing_is_begun(box: Sandbox, area: Path) -> None:
    world = make(box, area, "keyless", {"api": worker()}, evidence={"key": "somebody-elses"})
    done = world.aoa("up", "staging")
    assert done.code == 4, done.text
    assert "transit/sign/somebody-elses" in done.text
    assert "Traceback" not in done.text
    assert world.writes(done) == []
    assert world.namespaces() <= {"parent"}


def test_what_is_done_to_records_in_the_cluster_is_found(box: Sandbox, area: Path) -> None:
    world = make(box, area, "tampered", {"api": worker()}, evidence={"folder": "kept"})
    for version in ("1.0.0", "1.0.1"):
        world.versions["api"] = version
        assert world.up().code == 0
    home = ("-n", "tampered-parent")
    assert json.loads(world.kubectl("get", "configmap", "evidence-head", *home, "-o", "json"))["data"]["head"]
    copies = sorted((world.folder / "kept").rglob("evidence-*.json"))
    kept = [Signed.of(json.loads(file.read_text())) for file in copies]
    with journal(world) as open_journal:
        assert kept == open_journal.records()
        assert len(kept) == 4

        item = json.loads(world.kubectl("get", "configmap", "evidence-0000003", *home, "-o", "json"))
        item["metadata"] = {key: item["metadata"][key] for key in ("name", "namespace", "labels")}
        world.kubectl("delete", "configmap", "evidence-0000003", *home)
        assert [(one.subject, one.kind) for one in open_journal.findings()] == [("record 3", "dropped")]

        item["data"]["record"] = item["data"]["record"].replace("1.0.1", "1.0.0")
        file = world.folder / "edited.json"
        file.write_text(json.dumps(item))
        world.kubectl("create", "-f", str(file))
        assert ("record 3", "edited") in [(one.subject, one.kind) for one in open_journal.findings()]

        world.kubectl("delete", "configmap", "evidence-0000004", "evidence-0000003", *home)
        assert {one.kind for one in open_journal.findings()} == {"dropped"}
    # The chain goes on behind what is missing, and says so.
    done = world.up()
    assert done.code == 0, done.text
    assert "somebody removed the rest" in " ".join(done.text.split())
    assert [one["sequence"] for one in chain(world)][:4] == [1, 2, 5, 6]


def test_a_namespace_that_was_removed_with_all_records_is_made_again(box: Sandbox, area: Path) -> None:
    world = make(box, area, "homeless", {"api": worker()})
    assert world.up().code == 0
    world.kubectl("delete", "namespace", "homeless-parent", "--wait=true")
    # The engine still believes in what was in it; a look at the world comes first.
    done = world.pulumi("up", "--yes", "--refresh", "--skip-preview")
    assert done.code == 0, done.text
    assert "somebody removed the rest" in " ".join(done.text.split())
    assert [one["sequence"] for one in chain(world)] == [3, 4]
    with journal(world) as kept:
        assert [(one.subject, one.kind) for one in kept.findings()] == [("records 1 to 2", "dropped")]


def test_the_guards_refusals_are_taken_into_the_chain_once(box: Sandbox, area: Path) -> None:
    world = make(box, area, "guarded", {"api": worker()})
    wrong = world.aoa("up", "staging", environ={**world.environ, "VAULT_ADDR": "http://127.0.0.1:1"})
    assert wrong.code == 3, wrong.text
    assert world.namespaces() == set()
    for _ in range(2):
        assert world.up().code == 0
    records = chain(world)
    assert [one["operation"] for one in records].count("guard") == 1
    (taken,) = [one for one in records if one["operation"] == "guard"]
    assert taken["kind"] == "refused"
    assert "vault.address" in taken["reason"]
