"""The report of an operation, from the event log of a real run."""

from __future__ import annotations

import json

import pytest
from pulumi.automation.events import EngineEvent

from app_of_apps.deploy.events import Message, Step, name_of, of_engine, type_of
from app_of_apps.deploy.ledger import Ledger
from app_of_apps.deploy.outcome import Ending, report_of
from app_of_apps.deploy.progress import Doing, Progress
from app_of_apps.deploy.redact import Redactor
from app_of_apps.deploy.report import State, render
from app_of_apps.deploy.run import exit_code
from app_of_apps.objects.model import ChildObjects, KubernetesObject, VaultPolicy, VaultRole
from app_of_apps.release.plan import plan
from tests.unit.deploy.lab import RECORDED, Cluster, placed, shop

PREFIX = "urn:pulumi:staging::app-of-apps::app-of-apps:index:ParentApp"


def events():
    lines = (RECORDED / "migration-fails.events.jsonl").read_text().splitlines()
    taken = (of_engine(EngineEvent.from_json(json.loads(line)), Redactor({})) for line in lines)
    return [event for event in taken if event is not None]


def recorded_objects() -> tuple[ChildObjects, ...]:
    """What the recorded release declared, as far as the ledger wants to know: names and kinds."""
    found: dict[str, ChildObjects] = {}
    names: dict[str, dict[str, Step]] = {child.name: {} for child in shop().children}
    ledger = Ledger(())
    for event in events():
        if isinstance(event, Step):
            ledger.family.learn(event)
            child = ledger.family.child(event.urn)
            if child and event.custom and event.type.startswith(("kubernetes:", "vault:")):
                names[child][event.name] = event
    for child, steps in names.items():
        kubernetes = tuple(
            KubernetesObject(
                name=name.removeprefix(f"{child}-"),
                group="workload",
                manifest={
                    "kind": type_of(step.urn).rpartition(":")[2],
                    "metadata": {"name": name, "namespace": f"shop-{child}"},
                },
            )
            for name, step in steps.items()
            if step.type.startswith("kubernetes:")
        )
        vault = [name for name, step in steps.items() if step.type.startswith("vault:")]
        found[child] = ChildObjects(
            child=child,
            kubernetes=kubernetes,
            vault_policies=tuple(VaultPolicy(n.removesuffix("-policy"), "") for n in vault if n.endswith("-policy")),
            vault_roles=tuple(
                VaultRole(n.removesuffix("-role"), "jwt", "", (), (), 1) for n in vault if n.endswith("-role")
            ),
        )
    return tuple(found.values())


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(recorded_objects())
    for event in events():
        ledger.take(event)
    return ledger


def told(ledger: Ledger, operation: str = "up", **ending):
    release = shop()
    how = Ending(**{"ok": False, "seconds": 16.0, **ending})
    return report_of(operation, release, plan(release), ledger=ledger, ending=how, kube=None)


def test_only_what_a_report_needs_is_taken_from_the_engines_events():
    text = str(events())
    assert "inputs" not in text
    assert all(event.severity != "debug" for event in events() if isinstance(event, Message))


def test_the_recorded_run_is_told_with_the_cause_first(ledger):
    assert render(told(ledger)) == "\n".join(
        [
            "up of shop in staging FAILED after 16s · release " + shop().digest[7:19],
            "",
            "ROOT CAUSE",
            (
                "  orders-migration (team orders, #team-orders): Job shop-orders-migration/orders-migration-job: "
                "Resource 'orders-migration-db274021c7' was created but failed to initialize"
            ),
            (
                "    engine: [Pod shop-orders-migration/orders-migration-db274021c7-lz6n2]: containers with unready "
                "status: [orders-migration][Error] relation orders_v3 already exists"
            ),
            "    engine: [BackoffLimitExceeded] Job has reached the specified backoff limit",
            "",
            "BLOCKED, NOT STARTED (4)",
            "  orders (team orders) service 1.17.0: waits for orders-migration",
            "  mailer (team orders) worker 1.3.2: waits for orders-migration → orders",
            "  settlement (team platform) cronjob 0.8.1: waits for orders-migration → orders",
            "  storefront (team storefront) service 3.1.0: waits for orders-migration → orders",
            "",
            "UP (1)",
            "  catalog (team storefront) service 2.9.0: 12 updated",
            "",
            "WHAT TO DO NEXT",
            "  1. Have team orders (#team-orders) mend it; nothing else has to be undone.",
            (
                "  2. Run `aoa up staging` again; what was held back goes on by itself (orders, mailer, settlement, "
                "storefront)."
            ),
        ]
    )


def test_the_report_that_the_program_prints_is_not_repeated_as_a_cause(ledger):
    assert len(told(ledger).causes) == 1
    assert any("ROOT CAUSE" in message.text for message in ledger.messages)


def test_a_child_that_the_program_waited_for_in_vain_has_failed():
    """The provider may report a success of what is not healthy; then the program's own report is all there is."""
    release, ledger = shop(), Ledger(recorded_objects())
    for event in events():
        if isinstance(event, Step) and "orders-migration" not in event.urn:
            ledger.take(event)
    stuck = {
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "replicas": 1,
            "updatedReplicas": 1,
            "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "has timed out"}],
        },
    }
    kube = Cluster([placed(stuck, release, "catalog", name="catalog")])

    def report(said: str):
        ledger.messages[:] = [Message("error", said)]
        how = Ending(ok=False, seconds=16.0)
        return report_of("up", release, plan(release), ledger=ledger, ending=how, kube=kube)

    found = report("up of shop in staging FAILED · release 0\n\nROOT CAUSE\n  catalog: has timed out")
    assert [(cause.child, cause.kind, cause.name) for cause in found.causes] == [("catalog", "Deployment", "catalog")]
    assert next(child.state for child in found.children if child.child == "catalog") is State.FAILED
    other = report("Unavailable: Vault at http://127.0.0.1:8200 is sealed")
    assert [cause.child for cause in other.causes] == [None]


def test_an_unreadable_cluster_is_noted_and_hides_nothing(ledger):
    release = shop()
    report = report_of(
        "up",
        release,
        plan(release),
        ledger=ledger,
        ending=Ending(ok=False, seconds=1.0),
        kube=Cluster(unreachable="no route to host"),
    )
    assert report.causes[0].child == "orders-migration"
    assert "no route to host" in report.notes[0]


def test_a_refusal_of_the_program_keeps_its_words_and_its_exit_code():
    ledger = Ledger(recorded_objects())
    words = "WrongEnvironment: this is not the environment 'staging'; nothing was touched:\n  cluster.uid is a, and b"
    ledger.take(Message("error", words))
    report = told(ledger)
    assert report.causes[0].sentence == words.splitlines()[0].partition(": ")[2]
    assert report.causes[0].details == ("cluster.uid is a, and b",)
    assert {child.state for child in report.children} == {State.NOT_STARTED}
    assert exit_code(ledger) == 3


def test_an_unknown_error_of_the_program_is_its_last_line():
    ledger = Ledger(recorded_objects())
    ledger.take(
        Message(
            "error",
            "Program failed with an unhandled exception:\nTraceback (most recent call last):\n  x\nKeyError: 'a'",
        )
    )
    assert told(ledger).causes[0].sentence == "'a'"
    assert exit_code(ledger) == 5


def test_an_engine_that_says_nothing_in_events_is_quoted():
    report = told(Ledger(recorded_objects()), output="blah\nerror: could not decrypt configuration\n")
    assert report.causes[0].sentence == "could not decrypt configuration"


def test_an_interruption_is_no_failure_of_a_child():
    ledger = Ledger(recorded_objects())
    step = next(event for event in events() if isinstance(event, Step) and event.name == "catalog-deployment")
    for event in events():
        if isinstance(event, Step) and event.parent:
            ledger.family.learn(event)
    ledger.take(step)
    report = told(ledger, interrupted=True)
    assert report.causes == ()
    assert next(child for child in report.children if child.child == "catalog").state is State.UNFINISHED
    assert "was INTERRUPTED" in render(report)
    assert "it goes on from where it was stopped" in render(report)


def test_progress_says_who_waits_for_whom_and_what_is_under_way():
    release = shop()
    ledger = Ledger(recorded_objects())
    progress = Progress("up", release, plan(release), ledger)
    seen: dict[str, list[str]] = {}
    for event in events():
        ledger.take(event)
        for row in progress.rows(0.0):
            if row.key not in seen.setdefault(row.child, []):
                seen[row.child].append(row.key)
    assert seen["orders"] == ["waits for catalog, orders-migration", "waits for orders-migration", "blocked"]
    assert "update Deployment" in seen["catalog"]
    assert seen["catalog"][-1] == "done"
    assert seen["orders-migration"][-1] == "failed"
    doing = {row.child: row.doing for row in progress.rows(0.0)}
    assert doing["storefront"] is Doing.WAITING  # for orders, which is blocked itself


def test_a_resource_below_nested_components_belongs_to_its_child(ledger):
    types = "ServiceApp$app-of-apps:index:VaultAccess$kubernetes:secrets.hashicorp.com/v1beta1:VaultStaticSecret"
    urn = f"{PREFIX}$app-of-apps:index:{types}::catalog-secret-storefront-catalog"
    assert ledger.family.child(urn) == "catalog"
    assert name_of(urn) == "catalog-secret-storefront-catalog"


VAULT_ERROR = """\
creating urn:pulumi:staging::app-of-apps::vault:jwt/authBackendRole:AuthBackendRole::x: 1 error occurred:
\t* sdk-v2/provider2.go:571: sdk.helper_schema: error writing JWT role "auth/jwt/role/x", err=Error making API request.

URL: PUT http://vault.example:8200/v1/auth/jwt/role/x
Code: 403. Errors:

* 1 error occurred:
\t* permission denied

: provider=vault@7.9.0
"""


def test_vaults_answer_is_one_sentence_without_the_providers_wrapping():
    ledger = Ledger(recorded_objects())
    for event in events():
        if isinstance(event, Step):
            ledger.family.learn(event)
    role = next(event for event in events() if isinstance(event, Step) and event.type.startswith("vault:jwt"))
    ledger.take(Message("error", VAULT_ERROR, role.urn))
    cause = told(ledger).causes[0]
    assert cause.message == (
        'error writing JWT role "auth/jwt/role/x", err=Error making API request. '
        "URL: PUT http://vault.example:8200/v1/auth/jwt/role/x Code: 403. Errors: permission denied"
    )
    assert cause.kind == "Vault role"


def test_what_is_the_parents_own_is_no_child():
    ledger = Ledger(())
    parent = f"{PREFIX}::shop"
    record = f"{PREFIX}$app-of-apps:index:ReleaseRecord::release-record"
    config_map = f"{PREFIX}$app-of-apps:index:ReleaseRecord$kubernetes:core/v1:ConfigMap::release-record-x"
    access = f"{PREFIX}$app-of-apps:index:Access::shop-access"
    ledger.take(Step("begun", "create", access, "app-of-apps:index:Access", parent=parent, custom=False))
    assert ledger.take(Step("begun", "create", f"{access}-x", "vault:index/policy:Policy", parent=access)) is None
    ledger.take(Step("begun", "create", record, "app-of-apps:index:ReleaseRecord", parent=parent, custom=False))
    assert ledger.take(Step("begun", "create", config_map, "kubernetes:core/v1:ConfigMap", parent=record)) is None
    assert ledger.entries == {}


def test_a_child_that_the_release_no_longer_has_is_reported_as_removed_though_its_parents_go_last():
    ledger = Ledger(recorded_objects())
    parent, old = f"{PREFIX}::shop", f"{PREFIX}$app-of-apps:index:WorkerApp::legacy"
    access = f"{PREFIX}$app-of-apps:index:WorkerApp$app-of-apps:index:VaultAccess::legacy-vault"
    auth = f"{PREFIX}$app-of-apps:index:WorkerApp$app-of-apps:index:VaultAccess$kubernetes:x/v1:VaultAuth::legacy-auth"
    space = f"{PREFIX}$app-of-apps:index:WorkerApp$kubernetes:core/v1:Namespace::legacy-namespace"
    for urn, above, custom in ((auth, access, True), (space, old, True), (access, old, False), (old, parent, False)):
        for phase in ("begun", "done"):
            ledger.take(Step(phase, "delete", urn, type_of(urn), parent=above, custom=custom))
    report = told(ledger, ok=True)
    removed = report.children[-1]
    assert (removed.child, removed.state, removed.changes) == ("legacy", State.REMOVED, (("deleted", 2),))


def test_a_destroyed_child_is_removed():
    ledger = Ledger(recorded_objects())
    space = f"{PREFIX}$app-of-apps:index:ServiceApp$kubernetes:core/v1:Namespace::catalog-namespace"
    for phase in ("begun", "done"):
        above = f"{PREFIX}$app-of-apps:index:ServiceApp::catalog"
        ledger.take(Step(phase, "delete", space, type_of(space), parent=above))
    states = {child.child: child.state for child in told(ledger, "destroy", ok=True).children}
    assert (states["catalog"], states["orders"]) == (State.REMOVED, State.UNCHANGED)


def test_a_way_around_the_gate_is_said_aloud_after_a_success_too():
    ledger = Ledger(recorded_objects())
    loud = "BREAK-GLASS: fay went around the gate of staging of shop"
    ledger.take(Message("warning", loud))
    ledger.take(Message("warning", "something else"))
    report = told(ledger, ok=True)
    assert report.warnings == (loud,)
    assert render(report).splitlines()[1] == loud
