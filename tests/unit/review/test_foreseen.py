"""What is made of the events of real previews, of records, and of what cannot be known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pulumi.automation.events import EngineEvent

from app_of_apps.deploy.redact import Redactor
from app_of_apps.deploy.report import Report
from app_of_apps.errors import Position
from app_of_apps.objects.record import release_record
from app_of_apps.release.deletions import Contents, Deletions, Removal, Standing
from app_of_apps.review.build import APPROVED, SHUT, Around, foreseen, without_credentials
from app_of_apps.review.gather import look_around
from app_of_apps.review.model import Confidence, GateState, Secret
from app_of_apps.review.risks import headline, risks
from app_of_apps.review.steps import Steps
from tests.pulls import PULLS
from tests.unit.review.lab import CHECKOUT, pull, seen

PARENT = "urn:pulumi:staging::shop::app-of-apps:index:ParentApp"
STACK = "urn:pulumi:staging::shop::pulumi:pulumi:Stack::shop-staging"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def child(found, name):
    (one,) = [one for one in found.children if one.name == name]
    return one


def told(*events: dict) -> Steps:
    """Return what is collected from events of a service `api` and of what is below it."""
    top = f"{PARENT}::shop"
    api = f"{PARENT}$app-of-apps:index:ServiceApp::api"
    shells = [
        {"op": "same", "urn": top, "type": "app-of-apps:index:ParentApp", "new": {"parent": STACK}},
        {"op": "same", "urn": api, "type": "app-of-apps:index:ServiceApp", "new": {"parent": top}},
    ]
    found = Steps(Redactor({}))
    for sequence, metadata in enumerate([*shells, *events]):
        done = metadata.pop("done", False)
        for state in (metadata.get("new"), metadata.get("old")):
            if state is not None and "parent" not in state:
                state |= {"parent": api, "custom": True}
        key = "resOutputsEvent" if done else "resourcePreEvent"
        found.take(EngineEvent.from_json({"sequence": sequence, "timestamp": 0, key: {"metadata": metadata}}))
    return found


def step(op: str, kind: str, name: str = "api-x", *, old=None, new=None, done=False, uid="", **more) -> dict:
    outputs = {"outputs": {"metadata": {"uid": uid}}} if uid else {}
    return {
        "op": op,
        "urn": f"{PARENT}$app-of-apps:index:ServiceApp$kubernetes:apps/v1:{kind}::{name}",
        "type": f"kubernetes:apps/v1:{kind}",
        "old": {"inputs": old} if old is not None else None,
        "new": {"inputs": new, **outputs} if new is not None else None,
        "done": done,
        **more,
    }


def said(text: str, severity: str = "warning") -> Steps:
    found = Steps(Redactor({}))
    found.take(
        EngineEvent.from_json(
            {
                "sequence": 1,
                "timestamp": 0,
                "diagnosticEvent": {"message": text, "color": "never", "severity": severity},
            }
        )
    )
    return found


def of(found: Steps, *, ok: bool = True, around: Around | None = None):
    release = pull("version-bump").before
    report = Report("preview", "shop", "staging", ok, release=release.digest)
    record = dict(release_record(release)[1].manifest)
    return foreseen(release, report, found, around or Around(record), lambda name, _: Position(f"{name}.yaml", 1, 1))


# -- what the engine says --------------------------------------------------------------------------------------------


def test_a_changed_pod_template_restarts_the_pods_and_a_changed_number_does_not():
    for path, restarts in (("spec.template.spec.containers[0].image", True), ("spec.replicas", False)):
        found = told(step("update", "Deployment", old={}, new={}, detailedDiff={path: {"diffKind": "update"}}))
        assert [one.restarts for one in found.resources()["api"]] == [restarts]


@pytest.mark.parametrize(
    ("events", "confidence"),
    [
        ([step("create", "Service", new={})], Confidence.ASSUMED),
        ([step("create", "Service", new={}), step("create", "Service", new={}, done=True, uid="u")], Confidence.EXACT),
        (
            [step("create", "Service", new={}), step("create", "Service", new={}, done=True, uid=UNKNOWN)],
            Confidence.ASSUMED,
        ),
        ([step("create", "Service", new={"spec": {"x": [UNKNOWN]}})], Confidence.UNKNOWN),
        (
            [
                step("update", "Service", old={}, new={"x": UNKNOWN}),
                step("update", "Service", old={}, new={"x": UNKNOWN}, done=True, uid="u"),
            ],
            Confidence.UNKNOWN,
        ),
        ([step("delete", "Service", old={"x": UNKNOWN})], Confidence.EXACT),
    ],
)
def test_only_what_the_api_server_has_tried_with_every_value_is_exact(events, confidence):
    (one,) = told(*json.loads(json.dumps(events))).resources()["api"]
    assert one.confidence is confidence
    assert bool(one.why) is (confidence is not Confidence.EXACT)


def test_what_vault_gets_is_assumed_because_nobody_asks_it():
    event = {**step("update", "Policy", old={}, new={}), "type": "vault:index/policy:Policy"}
    event["urn"] = event["urn"].replace("kubernetes:apps/v1:Policy", "vault:index/policy:Policy")
    (one,) = told(event).resources()["api"]
    assert (one.kind, one.confidence) == ("Vault Policy", Confidence.ASSUMED)
    assert "compared with the state" in one.why


def test_the_halves_of_a_replacement_are_one_resource_with_its_reasons():
    diff = {"detailedDiff": {"metadata.name": {"diffKind": "update-replace"}}, "keys": ["metadata.name"]}
    states = {"old": {"metadata": {"name": "a"}}, "new": {"metadata": {"name": "b"}}}
    events = [step("create-replacement", "Job", **states, **diff), step("replace", "Job", **states, **diff)]
    (one,) = told(*events, step("delete-replaced", "Job", old=states["old"])).resources()["api"]
    assert (one.op, one.name, one.reasons) == ("replace", "b", ("metadata.name",))


def test_what_is_only_let_go_of_is_kept():
    event = step("delete", "StatefulSet", old={})
    event["old"]["retainOnDelete"] = True
    assert told(event).resources()["api"][0].kept


def test_what_is_only_marked_with_the_release_is_told_from_what_changes():
    event = step(
        "update",
        "Service",
        old={"metadata": {"annotations": {"app-of-apps/git-commit": "a"}}},
        new={"metadata": {"annotations": {"app-of-apps/git-commit": "b"}}},
        detailedDiff={"metadata.annotations.app-of-apps/git-commit": {"diffKind": "update"}},
    )
    assert told(event).resources()["api"][0].marked


def test_the_order_of_the_events_changes_nothing():
    events = [step("create", kind, f"api-{kind}", new={}) for kind in ("Service", "Deployment", "Role")]
    one, other = (told(*json.loads(json.dumps(list(order)))) for order in (events, events[::-1]))
    assert one.resources() == other.resources()
    assert one.preview.digest == other.preview.digest


# -- what is made of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PULLS))
def test_children_come_in_the_order_of_the_graph_and_those_that_go_at_the_end(name):
    one, found = pull(name), seen(name)
    names = [each.name for each in found.children]
    gone = sorted(one.before.by_name.keys() - one.after.by_name.keys())
    assert names == [*(each.name for each in one.after.children), *gone]


def test_a_child_that_is_touched_from_elsewhere_is_told_too():
    catalog = child(seen("new-service"), "catalog")
    assert (catalog.change, [one.where for one in catalog.resources]) == (
        "changed",
        ["NetworkPolicy shop-catalog/edges"],
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("config DB_PASSWORD a → b", "config DB_PASSWORD differs; what may be secret is not shown"),
        ("chart value auth.password added (a b)", "chart value auth.password differs; what may be secret is not shown"),
        ("shared config API_TOKEN removed (was x)", "shared config API_TOKEN differs; what may be secret is not shown"),
        ("config URL a → postgres://u:canary@db", "config URL differs; what may be secret is not shown"),
        ("config MOTD no password → none", "config MOTD no password → none"),
        ("reads one more secret orders/db:password", "reads one more secret orders/db:password"),
        ("secrets.DB_PASSWORD.path a → b", "secrets.DB_PASSWORD.path a → b"),
    ],
)
def test_words_about_a_credential_have_no_values(words, told):
    assert without_credentials(words) == told


def test_a_new_workload_says_what_it_runs():
    (deployment,) = [one for one in child(seen("new-service"), "reviews").resources if one.kind == "Deployment"]
    assert [(one.path, one.after) for one in deployment.fields] == [
        ("containers[0].image", "registry.example.com/shop/reviews:1.0.0")
    ]


def test_a_missing_secret_stands_where_the_file_refers_to_it():
    found = seen("broken-migration")
    (secret,) = [one for one in child(found, "orders-migration").secrets if one.change == "missing"]
    line = (CHECKOUT / "apps/orders-migration.yaml").read_text().splitlines()[secret.position.line - 1]
    assert secret == Secret("orders/database", "migration-dsn", "missing", secret.position)
    assert (secret.position.file, "DATABASE_URL" in line) == ("apps/orders-migration.yaml", True)


def test_without_a_record_everything_is_new_and_nobody_widens_anything():
    found = of(Steps(Redactor({})), around=Around())
    assert {one.change for one in found.children} == {"added"}
    assert found.access
    assert not risks(found)


def test_a_record_without_content_leaves_versions_and_says_what_is_not_known():
    one = pull("version-bump")
    record = {**release_record(one.before)[1].manifest, "binaryData": {}}
    report = Report("preview", "shop", "staging", ok=True)
    found = foreseen(one.after, report, Steps(Redactor({})), Around(record), lambda *_: Position("x"))
    assert child(found, "orders").words == ("version 1.14.0 → 1.15.0",)
    assert not child(found, "orders").secrets
    assert not found.access
    assert "who gains or loses access" in found.unknown[0]


@pytest.mark.parametrize(
    ("found", "around", "state", "line"),
    [
        (said(f"{SHUT}it asks for 1 approval\n  how: log in"), None, GateState.SHUT, "it asks for 1 approval"),
        (said(f"{APPROVED}cleo", "info"), None, GateState.OPEN, "approved by cleo"),
        (said("BREAK-GLASS: cleo went around it"), None, GateState.OPEN, "BREAK-GLASS: cleo went around it"),
        (Steps(Redactor({})), None, GateState.OPEN, "nobody is asked for this release"),
        (Steps(Redactor({})), Around(refusal="it removes too much"), GateState.SHUT, "it removes too much"),
    ],
)
def test_the_gate_is_as_the_program_says(found, around, state, line):
    gate = of(found, around=around).gate
    assert (gate.state, gate.lines[0]) == (state, line)


def test_the_program_says_of_the_gate_what_is_looked_for():
    gate = (CHECKOUT / "components/gate.py").read_text()
    assert f'"{SHUT}' in gate
    assert f'"{APPROVED}' in gate


def test_a_preview_that_failed_knows_nothing_of_the_gate():
    found = of(Steps(Redactor({})), ok=False)
    assert found.gate.state is GateState.UNKNOWN
    assert found.unknown


def test_a_shut_gate_is_in_the_headline():
    assert "gate is shut" in headline(replace(seen("version-bump"), gate=of(said(f"{SHUT}x")).gate))


def test_data_that_goes_is_an_error_and_a_replaced_volume_too():
    found = seen("removed-service")
    removal = Removal(Standing("mailer", "shop-mailer"), Contents(claims=("spool",)))
    mailer = replace(child(found, "mailer"), removal=removal)
    lost = replace(found, children=(*found.children[:-1], mailer))
    assert [one.rule.id for one in risks(lost)] == ["data-deleted"]
    assert "PersistentVolumeClaim spool" in risks(lost)[0].message
    diff = {"spec.size": {"diffKind": "update-replace"}}
    replaced = told(step("replace", "PersistentVolumeClaim", old={}, new={}, detailedDiff=diff)).resources()["api"]
    orders = replace(child(found, "orders"), resources=replaced)
    (one,) = risks(replace(found, children=(orders,)))
    assert (one.rule.id, "spec.size" in one.message) == ("stateful-replaced", True)


def test_rights_on_new_children_alone_widen_nothing():
    assert seen("new-service").access
    assert not risks(seen("new-service"))
    assert {one.rule.id for one in risks(seen("widened-access"))} == {"access-widened"}


def test_what_is_left_over_is_told_apart():
    left = Deletions(left_over=(Removal(Standing("old", "shop-old"), Contents()),))
    found = of(Steps(Redactor({})), around=Around(deletions=left))
    assert found.left_over == ("left over, in no release that succeeded: old: namespace shop-old",)


def test_a_cluster_that_does_not_answer_is_said_to_be_unknown(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    release = pull("version-bump").before
    around = look_around(release, None, tmp_path, {})  # type: ignore[arg-type]
    assert around.record is None
    assert around.unknown[0].startswith("what stands, and what would be deleted: ")
