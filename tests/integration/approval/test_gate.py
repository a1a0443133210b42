"""The gate as people meet it: a real program, a real Vault, real logins."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.approval.gated import Gated
from tests.integration.evidence.kept import kubectl, names, without
from tests.integration.groups import forget_groups
from tests.integration.program.world import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

REFUSED = 3
GATES = {
    "approvals": {"required": 1, "groups": ["platform-admins", "team-platform", "team-storefront"]},
    "breakGlass": {"groups": ["storefront-on-call"], "validFor": "10m"},
}


@pytest.fixture(scope="module")
def gated(box: Sandbox, area: Path) -> Iterator[Gated]:
    """A release that nobody has approved, committed by ada; the approvers' groups are known to Vault."""
    world = Gated(box, area / "projects" / "gated", "gated", {"api": worker()}, gates=GATES)
    world.commit()
    prepared = world.program("approvals", "staging", "--prepare")
    assert prepared.code == 1, prepared.text
    assert "group platform-admins in Vault: made as staging_gated_group_platform-admins" in prepared.stdout, (
        prepared.text
    )
    assert "the gate is shut" in prepared.stdout
    yield world
    forget_groups(box)


def nonce_of(text: str) -> str:
    found = re.search(r"nonce ([0-9a-f]{32})", text)
    assert found, text
    return found[1]


def test_a_week_at_the_gate(gated: Gated) -> None:
    """One story, because each step stands on the one before it."""
    # Nobody has approved: both front doors refuse, and nothing is touched.
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "asks for 1 approval of this release and has 0; nothing was touched" in refused.stdout
    assert "aoa approve staging" in refused.stdout
    plain = gated.pulumi("up", "--yes", "--skip-preview", write=False)
    assert plain.code != 0
    assert "asks for 1 approval" in plain.text
    for done in (refused, plain):
        assert [one for one in gated.writes(done) if one.namespace != f"{gated.name}-parent"] == []
    assert gated.namespaces() <= {"parent"}

    # A preview goes through, and says what an update would meet.
    preview = gated.program("preview", "staging")
    assert preview.code == 0, preview.text

    # The author cannot, and neither can the pipeline; somebody of another group can sign, and it does not count.
    own = gated.approves("ada")
    assert own.code == REFUSED, own.text
    assert "ada is an author of this change" in own.stderr
    nobody = gated.program("approve", "staging", "--yes")
    assert nobody.code == REFUSED
    assert "belongs to nobody" in nobody.stderr
    unasked = gated.person("dora", "approve", "staging")
    assert unasked.code == REFUSED
    assert "Give --yes" in unasked.stderr

    # Dora sees what would change, and signs.
    signed = gated.approves("dora")
    assert signed.code == 0, signed.text
    for words in ("api: added", "DELETIONS\n  none", "UNKNOWN", "ada@shop.example.com", "dora has signed approve"):
        assert words in signed.stdout, signed.stdout
    listed = gated.program("approvals", "staging", "--format", "json")
    assert listed.code == 0, listed.text
    shape = json.loads(listed.stdout)
    assert shape["open"] is True
    assert [(one["approver"], one["counts"]) for one in shape["statements"]] == [("dora", True)]
    # To herself it is a list without a verdict.
    assert "not known to this login" in gated.person("dora", "approvals", "staging").stdout

    # She takes it back, and the gate shuts.
    taken = gated.person("dora", "revoke", "staging", nonce_of(signed.stdout)[:8])
    assert taken.code == 0, taken.text
    shut = gated.program("up", "staging")
    assert shut.code == REFUSED, shut.text
    assert "it was revoked" in shut.stdout

    # Cleo approves; the release goes out.
    assert gated.approves("cleo").code == 0
    done = gated.program("up", "staging")
    assert done.code == 0, done.text
    assert gated.namespaces() >= {"api"}

    # It stands: no approval is asked for, and there is nothing to approve.
    again = gated.program("up", "staging")
    assert again.code == 0, again.text
    assert "has this release already" in gated.approves("dora").stderr
    # Whoever approves can read who did, with nothing but their own logins.
    told = gated.person("dora", "history", "staging")
    assert told.code == 0, told.text
    assert "cleo" in told.stdout


def test_a_change_takes_another_approval_and_uncommitted_files_are_refused(gated: Gated) -> None:
    gated.versions["api"] = "1.1.0"
    gated.write()
    for done in (gated.program("up", "staging"), gated.approves("dora")):
        assert done.code == REFUSED, done.text
        assert "not committed" in done.text
        assert "Pulumi.staging.yaml" in done.text
    gated.commit("ben@shop.example.com")
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "not of its authors: ben@shop.example.com" in refused.stdout
    # How long the last one waited is on record: from its commit to cleo's signature.
    preview = gated.program("preview", "staging", "--format", "json")
    waiting = json.loads(preview.stdout)["preview"]["waiting"]
    assert waiting["approvalsWanted"], preview.text
    assert waiting["approvals"]["samples"] == 1
    assert waiting["approvals"]["seconds"] > 0
    # Ada wrote the release before, and no commit since then.
    shown = gated.person("dora", "approve", "staging", "--yes")
    assert shown.code == 0, shown.text
    assert "1.0.0 → 1.1.0" in shown.stdout
    # One more commit, and what was approved is another release.
    gated.versions["api"] = "1.2.0"
    gated.commit("ben@shop.example.com")
    moved = gated.program("up", "staging")
    assert moved.code == REFUSED, moved.text
    assert "has 0; nothing was touched" in moved.stdout
    # Back again, the approval is good: digest and base are those that she signed.
    gated.versions["api"] = "1.1.0"
    gated.commit("ben@shop.example.com")
    assert gated.program("up", "staging").code == 0


def test_what_was_used_does_not_open_the_gate_again(gated: Gated) -> None:
    """There and back and there again: the second time takes a second approval."""
    gated.versions["api"] = "2.0.0"
    gated.commit("ben@shop.example.com")
    assert gated.approves("dora").code == 0
    assert gated.program("up", "staging").code == 0
    gated.versions["api"] = "1.1.0"
    gated.commit("ben@shop.example.com")
    assert gated.approves("dora").code == 0
    assert gated.program("up", "staging").code == 0
    gated.versions["api"] = "2.0.0"
    gated.commit("ben@shop.example.com")
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    listed = json.loads(gated.program("approvals", "staging", "--format", "json").stdout)
    assert "it has been used" in {one["why"] for one in listed["statements"]}


def test_a_lowered_gate_holds_for_the_change_that_lowers_it(gated: Gated) -> None:
    gated.gates = {}
    gated.versions["api"] = "6.6.6"
    gated.commit("ben@shop.example.com")
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    gated.gates = GATES
    gated.versions["api"] = "1.1.0"
    gated.commit("ben@shop.example.com")


def test_breaking_the_glass_is_for_those_who_may_and_loud(gated: Gated) -> None:
    gated.versions["api"] = "3.0.0"
    gated.commit("ben@shop.example.com")
    wrong = gated.approves("dora", "--break-glass", "I want to")
    assert wrong.code == 0, wrong.text
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "dora" in refused.stdout
    assert "is in none of the groups" in refused.stdout
    assert "aoa approve staging --break-glass REASON" in refused.stdout
    token = gated.box.as_person("fay", "staging")["VAULT_TOKEN"]
    environ = {**gated.environ, "AOA_APPROVER_TOKEN": token}
    done = gated.as_environ(environ, "up", "staging", "--break-glass", "customers cannot pay")
    assert done.code == 0, done.text
    assert "BREAK-GLASS: fay went around the gate of staging of gated" in done.stdout
    assert "customers cannot pay" in done.stdout


def test_a_freeze_holds_back_what_is_approved(gated: Gated) -> None:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    gated.gates = {**GATES, "freeze": [{"name": "for ever", "days": days}]}
    gated.versions["api"] = "4.0.0"
    gated.commit("ben@shop.example.com")
    assert gated.approves("dora").code == 0
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "is frozen (for ever: on mon, tue" in refused.stdout
    gated.gates = GATES
    gated.versions["api"] = "3.0.0"
    gated.commit("ben@shop.example.com")


def test_records_that_are_not_as_they_were_signed_open_no_gate(gated: Gated) -> None:
    gated.versions["api"] = "5.0.0"
    gated.commit("ben@shop.example.com")
    assert gated.approves("dora").code == 0
    with without(gated, names(gated)[0]):
        refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "the records are not as they were signed" in refused.stdout
    assert "aoa evidence list staging" in refused.stdout
    assert [one for one in gated.writes(refused) if one.namespace != f"{gated.name}-parent"] == []


def test_a_release_that_no_signed_record_knows_is_not_taken_for_the_one_that_stands(gated: Gated) -> None:
    """Whoever may write ConfigMaps there could otherwise claim that a release stands, which needs no approval."""
    gated.versions["api"] = "6.0.0"
    gated.commit("ben@shop.example.com")
    digest = json.loads(gated.program("release", "show", "staging", "--offline", "-o", "json").stdout)["digest"]
    newest = max(gated.records(), key=lambda name: int(name.split("-")[1]))
    forged = json.loads(kubectl(gated, "get", "configmap", newest, "-o", "json"))
    name = f"release-999-{digest.removeprefix('sha256:')[:12]}"
    forged["metadata"] = {"name": name, "labels": forged["metadata"]["labels"]}
    forged["data"] |= {"digest": digest, "number": "999"}
    kubectl(gated, "create", "-f", "-", stdin=forged)
    try:
        refused = gated.program("up", "staging")
    finally:
        kubectl(gated, "delete", "configmap", name)
    assert refused.code == REFUSED, refused.text
    assert f"the cluster says that {digest} stands, and by the signed records" in refused.stdout
    gated.versions["api"] = "3.0.0"
    gated.commit("ben@shop.example.com")


def test_a_rollback_that_brings_more_than_was_approved_is_approved_like_any_release(gated: Gated) -> None:
    gated.parent = {"tenancy": {"quota": {"pods": 40}}}
    gated.commit("ben@shop.example.com")
    refused = gated.program("rollback", "staging", "--yes")
    assert refused.code == REFUSED, refused.text
    assert "asks for 1 approval of this release and has 0" in refused.stdout
    advice = re.search(r"aoa approve staging (--rollback) (--to) (\d+)", " ".join(refused.stderr.split()))
    assert advice, refused.stderr
    # What the working tree holds is something else.
    assert gated.approves("dora").code == 0
    assert gated.program("rollback", "staging", "--yes").code == REFUSED
    signed = gated.approves("cleo", *advice.groups())
    assert signed.code == 0, signed.text
    assert "3.0.0 → 1.1.0" in signed.stdout
    done = gated.program("rollback", "staging", "--yes")
    assert done.code == 0, done.text
    (item,) = gated.get("deployments", "api")
    assert item["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.1.0")
    began, _ = (
        json.loads(json.loads(kubectl(gated, "get", name, "-o", "json"))["data"]["record"])
        for name in names(gated)[-2:]
    )
    assert (began["kind"], began["operation"]) == ("began", "rollback")
    assert [one["payload"]["approver"]["name"] for one in began["approvals"]] == ["cleo"]
    assert {"policy": "approvals", "verdict": "passed: cleo"} in began["policies"]


def test_removing_everything_takes_two_of_its_own(gated: Gated) -> None:
    refused = gated.program("destroy", "staging", "--yes")
    assert refused.code == REFUSED, refused.text
    assert "asks for 2 approvals of removing everything" in refused.stdout
    for who in ("dora", "cleo"):
        signed = gated.approves(who, "--destroy")
        assert signed.code == 0, signed.text
        assert "remove everything of release-" in signed.stdout
    gone = gated.program("destroy", "staging", "--yes")
    assert gone.code == 0, gone.text
    assert "This removes api (worker" in gone.stderr
    assert "api" not in gated.namespaces()


def test_what_was_removed_is_a_new_release_again(gated: Gated) -> None:
    refused = gated.program("up", "staging")
    assert refused.code == REFUSED, refused.text
    assert "asks for 1 approval of this release and has 0" in refused.stdout
