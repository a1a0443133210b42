"""From staging to prod with real records: what was healthy moves, what was not stays, and who insists is on the record.

The tests are one story and run in their order.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .pair import Pair, StubRegistry

pytestmark = pytest.mark.integration

HOURS = "promotion: {from: staging, healthyFor: 3h}"
SECONDS = "promotion: {from: staging, healthyFor: 1s}"
REFUSED, INVALID, DIFFERENT = 3, 2, 1


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in {"+++", "---"}]


def compared(pair: Pair) -> tuple[int, list[tuple[str, str | None, str | None]], dict]:
    done = pair.aoa("compare", "staging", "prod", "-o", "json")
    shape = json.loads(done.stdout)
    return done.code, [(one["kind"], one["environment"], one["child"]) for one in shape["other"]], shape


def test_nothing_moves_and_nothing_is_believed_before_anything_was_deployed(pair: Pair) -> None:
    code, other, _ = compared(pair)
    assert (code, other) == (DIFFERENT, [("never released", "staging", None), ("never released", "prod", None)])
    pair.write_environment("staging", "api: 1.1.0")
    done, shape = pair.promote()
    assert (done.code, shape["written"]) == (REFUSED, False)
    assert shape["children"]["api"]["why"] == "never seen healthy"
    pair.write_environment("staging", "api: 1.0.0")


def test_two_environments_with_the_same_versions_have_nothing_to_promote(pair: Pair) -> None:
    for env in pair.environments:
        done = pair.up(env)
        assert done.code == 0, done.text
    done, shape = pair.promote()
    assert done.code == 0, done.text
    assert {one["why"] for one in shape["children"].values()} == {"same already"}
    assert list(shape["children"]) == ["api", "web"]
    code, other, shape = compared(pair)
    assert (code, other) == (0, [])
    assert {one["topic"] for one in shape["declared"]} == {"promotion"}


def test_a_version_that_stands_in_the_file_alone_stays(pair: Pair) -> None:
    pair.write_environment("staging", "api: 1.1.0")
    before = pair.file("prod").read_text()
    done, shape = pair.promote("--child", "api")
    assert done.code == REFUSED, done.text
    assert shape["children"]["api"]["why"] == "only in the working tree"
    assert "nothing was written" in done.stderr
    assert pair.file("prod").read_text() == before
    assert compared(pair)[:2] == (
        DIFFERENT,
        [("behind its working tree", "staging", "api"), ("behind its working tree", "staging", "schema")],
    )


def test_a_version_that_is_not_healthy_for_long_enough_says_when_it_may_move(pair: Pair) -> None:
    done = pair.up("staging")
    assert done.code == 0, done.text
    pair.write_environment("prod", "api: '1.0.0'    # by hand", promotion=HOURS)
    done, shape = pair.promote()
    api = shape["children"]["api"]
    assert (done.code, api["why"], api["version"]) == (REFUSED, "not healthy long enough", "1.1.0")
    assert api["due"]
    assert pair.records("staging")[api["record"] - 1]["result"] == "succeeded"
    pair.write_environment("prod", "api: '1.0.0'    # by hand", promotion=SECONDS)


def test_another_environment_than_the_one_below_is_refused(pair: Pair) -> None:
    done = pair.aoa("promote", "prod", "prod")
    assert done.code == INVALID
    pair.write_environment("prod", "api: '1.0.0'    # by hand", promotion="promotion: {from: test}")
    done = pair.aoa("promote", "staging", "prod")
    assert (done.code, "takes versions from test alone" in done.stderr) == (REFUSED, True)
    pair.write_environment("prod", "api: '1.0.0'    # by hand", promotion=SECONDS)
    done = pair.aoa("promote", "staging", "prod", "--child", "schema")
    assert (done.code, "takes that of api" in done.stderr) == (INVALID, True)


def test_a_branch_with_one_changed_line_is_made_and_nothing_else_moves(pair: Pair) -> None:
    pair.commit("Deploy 1.1.0 to staging")
    (pair.folder / "notes.txt").write_text("mine\n")
    (pair.folder / "web.yaml").write_text((pair.folder / "web.yaml").read_text() + "# mine\n")
    pair.git("add", "web.yaml")
    before, head = pair.git("status", "--porcelain"), pair.git("rev-parse", "HEAD")
    content = pair.file("prod").read_text()
    done, shape = pair.promote("--branch", "promote/prod")
    assert done.code == 0, done.text
    made = pair.git("rev-parse", "promote/prod")
    assert (shape["commit"], shape["branch"], shape["written"]) == (made, "promote/prod", True)
    assert pair.git("show", "--format=%s", "--name-only", made) == (
        "Promote api 1.1.0 from staging to prod\n\nPulumi.prod.yaml"
    )
    body = pair.git("show", "-s", "--format=%b", made)
    assert "- api: 1.0.0 -> 1.1.0 (healthy in staging since " in body
    assert f"record {shape['children']['api']['record']})\n  with schema" in body
    assert changed(content, pair.git("show", f"{made}:Pulumi.prod.yaml")) == [
        "-      api: '1.0.0'    # by hand",
        "+      api: '1.1.0'    # by hand",
    ]
    assert pair.git("rev-parse", "HEAD", f"{made}^") == f"{head}\n{head}"
    assert pair.git("status", "--porcelain") == before
    assert pair.file("prod").read_text() == content
    again, _ = pair.promote("--branch", "promote/prod")
    assert again.code == REFUSED
    pair.git("reset", "-q", "--", "web.yaml")
    pair.write_manifest()


def test_a_dry_run_writes_nothing_and_a_real_one_only_the_version(pair: Pair) -> None:
    before = pair.file("prod").read_text()
    done, shape = pair.promote("--dry-run")
    assert (done.code, shape["written"], shape["children"]["api"]["moves"]) == (0, False, True)
    assert pair.file("prod").read_text() == before
    done = pair.aoa("promote", "staging", "prod")
    assert done.code == 0, done.text
    assert changed(before, pair.file("prod").read_text()) == [
        "-      api: '1.0.0'    # by hand",
        "+      api: '1.1.0'    # by hand",
    ]
    assert "stays  web" in done.stdout
    refused, _ = pair.promote("--branch", "promote/again")
    assert (refused.code, "has changes that are not committed" in refused.stderr) == (REFUSED, True)
    pair.commit("Promote 1.1.0")
    up = pair.up("prod")
    assert up.code == 0, up.text
    assert compared(pair)[:2] == (0, [])


def test_a_tag_is_pinned_by_its_registry_or_stays(pair: Pair, registry: StubRegistry) -> None:
    pair.write_environment("prod", "api: '1.0.0'", promotion=SECONDS, more="images: {pinned: true}")
    alone, _ = pair.promote("--child", "api", "--dry-run")
    assert (alone.code, "versions.web: prod takes images by digest alone" in alone.stderr) == (INVALID, True)
    done, shape = pair.promote("--dry-run")
    assert done.code == 0, done.text
    versions = {name: one["version"] for name, one in shape["children"].items()}
    assert versions == {"api": f"1.1.0@{registry.digest}", "web": f"1.0.0@{registry.digest}"}
    assert "/v2/pair/app/manifests/1.1.0" in registry.asked
    pair.write_environment("prod", "api: '1.1.0'    # by hand", promotion=SECONDS)


def test_a_version_that_failed_below_moves_by_an_override_alone_which_is_recorded(pair: Pair) -> None:
    pair.pods = ["--sandbox-behaviour=crash"]
    pair.write_manifest()
    pair.write_environment("staging", "api: 1.2.0")
    failed = pair.up("staging")
    assert failed.code != 0
    done, shape = pair.promote("--child", "api")
    assert (done.code, shape["children"]["api"]["why"]) == (REFUSED, "failed")
    known = len(pair.records("prod"))
    pair.pods = []
    pair.write_manifest()
    pair.commit("A hotfix")
    reason = "the shop is down, and staging is broken by something else"
    done, shape = pair.promote("--child", "api", "--override", reason, "--commit")
    assert done.code == 0, done.text
    api = shape["children"]["api"]
    assert (api["moves"], api["overridden"], api["version"]) == (True, True, "1.2.0")
    note = pair.records("prod")[-1]
    assert (len(pair.records("prod")), note["sequence"], note["kind"], note["operation"]) == (
        known + 1,
        shape["note"],
        "note",
        "promote",
    )
    assert note["overrides"] == [{"what": f"api 1.2.0: {api['message']}", "reason": reason}]
    assert note["who"]["kubernetes"]["username"]
    assert f"Override (record {shape['note']} of prod): {reason}" in pair.git("show", "-s", "--format=%B", "HEAD")
    assert "      api: '1.2.0'    # by hand\n" in pair.file("prod").read_text()
    assert pair.git("status", "--porcelain", "--", "Pulumi.prod.yaml") == ""


def test_evidence_that_was_tampered_with_shows_nothing_healthy(pair: Pair) -> None:
    victim = f"evidence-{pair.records('staging')[2]['sequence']:07}"
    kubectl = ("kubectl", "--context", "staging", "-n", "pair-parent")
    kept = pair.run(*kubectl, "get", "configmap", victim, "-o", "json").stdout
    assert pair.run(*kubectl, "delete", "configmap", victim).code == 0
    done, _ = pair.promote()
    assert (done.code, "record 3 dropped" in done.stderr) == (REFUSED, True)
    restored = json.loads(kept)
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        restored["metadata"].pop(key, None)
    file = pair.folder.parent / "victim.json"
    file.write_text(json.dumps(restored))
    assert pair.run(*kubectl, "create", "-f", str(file)).code == 0
