"""What `aoa history` and `aoa evidence` print of a chain; the chain itself is made here, not read from a cluster."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from app_of_apps.cli.shapes import SHAPES
from app_of_apps.evidence.chain import Finding, Link
from app_of_apps.evidence.reading import Reading
from tests.unit.evidence.chains import EVIDENCE, KEY, Chain, approval, public, week

pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def chain(monkeypatch, project):
    """Let the verbs find a week of records, and no Vault to sign with."""
    stack = (project / "Pulumi.staging.yaml").read_text()
    (project / "Pulumi.prod.yaml").write_text(stack.replace("staging", "prod").replace("nowhere", "elsewhere"))
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(project))

    def of(made: Chain, *findings: Finding, **more) -> None:
        kept = tuple(made.records)
        fields = {"keys": {KEY: public(EVIDENCE)}, "anchor": Link(len(kept), kept[-1].hash), "notes": (), **more}
        reading = Reading(kept=kept, findings=findings, **fields)
        monkeypatch.setattr("app_of_apps.evidence.reading.read_chain", lambda *_: reading)

    of(week())
    return of


@pytest.mark.usefixtures("chain")
def test_the_opening_question_is_answered_in_one_line(aoa) -> None:
    done = aoa("history", "prod", "--on", "2026-11-17")
    assert done.code == 0
    heading, row, *_ = done.out.splitlines()
    assert heading.split() == ["WHEN", "NO", "WHAT", "CHANGES", "RUN", "BY", "APPROVED", "BY", "RESULT"]
    assert row.split("  ")[0] == "2026-11-17 09:00:00 +01:00"
    for words in ("orders: version 1.1.0 → 1.1.1-hotfix", "carl", "ada", "succeeded in 3m00s"):
        assert words in row
    assert "ben" in done.out
    assert done.err.startswith("The chain of prod is whole: 11 records, signed with transit/aoa-evidence-prod:1, up to")


@pytest.mark.usefixtures("chain")
def test_last_tuesday_is_read_by_todays_calendar(aoa, monkeypatch) -> None:
    class Monday(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 23, 12, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr("app_of_apps.cli.history.datetime", Monday)
    shape = json.loads(aoa("history", "prod", "--on", "last tuesday", "-o", "json").out)
    assert [each["records"] for each in shape["attempts"]] == [[3, 4]]
    assert (shape["since"], shape["until"]) == ("2026-11-17T00:00:00+01:00", "2026-11-18T00:00:00+01:00")


@pytest.mark.usefixtures("chain")
def test_refusals_failures_rollbacks_and_break_glass_stand_out(aoa) -> None:
    done = aoa("history", "prod", "--since", "2026-11-18")
    assert "of release 3" in done.out
    assert "BREAK-GLASS ben: shop is down" in done.out
    assert done.out.rstrip().splitlines()[-2:] == ["5 refused: 0 of 2 approvals", "6 failed: api: no"]


@pytest.mark.usefixtures("chain")
def test_one_child(aoa) -> None:
    shape = json.loads(aoa("history", "prod", "--child", "orders", "-o", "json").out)
    assert [each["records"] for each in shape["attempts"]] == [[3, 4]]
    done = aoa("history", "prod", "--child", "ordres")
    assert (done.code, done.out) == (0, "No record speaks of ordres. did you mean orders?\n")
    assert (
        aoa("history", "prod", "--child", "orders", "--until", "2020-01-01").out == "Nothing happened in this time.\n"
    )


def test_a_broken_chain_is_loud_and_no_success(aoa, chain) -> None:
    chain(week(), Finding("record 7", "edited", "it is not what it was"))
    done = aoa("history", "prod")
    assert done.code == 1
    assert "NOT as it was signed" in done.err
    assert "record 7 edited" in done.err
    assert "whole" not in done.err
    assert aoa("evidence", "list", "prod").code == 1


def test_an_approval_that_is_not_the_approvers_is_loud(aoa, chain) -> None:
    made = Chain()
    given = approval("ada", "sha256:" + "1" * 64, datetime(2026, 11, 17, tzinfo=UTC))
    made.up(datetime(2026, 11, 17, tzinfo=UTC), approvals=[{**given, "payload": {**given["payload"], "reason": "x"}}])
    chain(made)
    assert "ada (NOT SIGNED BY THEM)" in aoa("history", "prod").out


def test_what_others_wrote_does_not_steer_the_terminal(aoa, chain) -> None:
    made = Chain()
    nasty = "\x1b]0;owned\x07\x1b[2Jname\r\n\u202e"
    at = datetime(2026, 11, 17, tzinfo=UTC)
    made.up(at, operation=nasty, changes=[{"child": nasty, "change": "changed", "words": [nasty]}])
    made.add("refused", at, reason=nasty)
    chain(made)
    for verb in (("history", "prod"), ("evidence", "list", "prod")):
        out = aoa(*verb).out
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "soonish"), "--since: 'soonish' is no date"),
        (("--since", "today", "--until", "yesterday"), "--until: lies before --since"),
        (("--on", "today", "--since", "yesterday"), "--on: means both ends"),
        (("--on", "2h"), "--on: is a point in time"),
        (("--since", "x", "--until", "y"), "2 problems"),
    ],
)
def test_a_time_that_is_none_is_refused_before_anything_is_read(aoa, arguments, words) -> None:
    done = aoa("history", "staging", *arguments)
    assert done.code == 2
    assert words in done.err


@pytest.mark.usefixtures("chain")
def test_an_unknown_environment_is_refused(aoa) -> None:
    assert aoa("history", "prd").code == 2
    assert "Did you mean prod" in aoa("evidence", "list", "prd").err


def test_a_cluster_that_does_not_answer_is_unavailable(aoa) -> None:
    for verb in (("history", "staging"), ("evidence", "list", "staging"), ("evidence", "export", "staging")):
        done = aoa(*verb)
        assert done.code in {3, 4}, done.err
        assert "Traceback" not in done.err


@pytest.mark.usefixtures("chain")
def test_an_export_is_verified_and_says_what_was_taken_on_trust(aoa, project) -> None:
    done = aoa("evidence", "export", "prod", "--from", "2026-11-17", "--to", "2026-11-18", "-o", "tuesday.zip")
    assert done.code == 0, done.err
    assert done.out.startswith("tuesday.zip: 7 records of shop in prod, ")
    assert "The manifest of the bundle is not signed" in done.err
    checked = aoa("evidence", "verify", "tuesday.zip")
    assert checked.code == 0, checked.out
    assert "records 3 to 9 of shop in prod" in checked.out
    assert "ATTENTION" in checked.out
    assert "note: the manifest is not signed" in checked.out
    again = aoa("evidence", "export", "prod", "-o", "tuesday.zip")
    assert (again.code, "is there already" in again.err) == (2, True)
    assert [path.name for path in project.glob("*tuesday*")] == ["tuesday.zip"]


def test_an_export_of_a_broken_chain_is_written_and_no_success(aoa, chain) -> None:
    chain(week(), Finding("record 12", "dropped", "the chain ends at record 12"))
    assert aoa("evidence", "export", "prod", "-o", "broken.zip").code == 1
    done = aoa("evidence", "verify", "broken.zip")
    assert done.code == 1
    assert "chain broken: when it was exported: record 12 dropped" in done.out


@pytest.mark.usefixtures("chain")
def test_a_bundle_cannot_be_written_into_nowhere(aoa) -> None:
    done = aoa("evidence", "export", "prod", "-o", "no/such/folder/x.zip")
    assert (done.code, "cannot be written: No such file or directory" in done.err) == (2, True)


def test_the_documented_shapes_are_what_is_printed(aoa, chain) -> None:
    aoa("evidence", "export", "prod", "-o", "all.zip")
    chain(week(), Finding("record 1", "edited", "x"))
    for name, arguments in (
        ("app-of-apps/history/v1", ("history", "prod", "-o", "json")),
        ("app-of-apps/evidence-list/v1", ("evidence", "list", "prod", "-o", "json")),
        ("app-of-apps/evidence-verdict/v1", ("evidence", "verify", "all.zip", "-o", "json")),
    ):
        shape = json.loads(aoa(*arguments).out)
        assert shape["format"] == name
        missing = [key for key in _keys(shape) if f'"{key}":' not in SHAPES[name][1]]
        assert missing == []


def _keys(shape: object, at: str = "") -> set[str]:
    """Every member's name, apart from names that are data and from records, whose format is documented elsewhere."""
    if isinstance(shape, list):
        return {key for one in shape for key in _keys(one, at)}
    if not isinstance(shape, dict) or at in {"record", "keys"}:
        return set()
    return set(shape) | {key for name, value in shape.items() for key in _keys(value, name)}


@pytest.mark.usefixtures("chain")
def test_yaml_says_the_same_as_json(aoa) -> None:
    import yaml

    assert yaml.safe_load(aoa("history", "prod", "-o", "yaml").out) == json.loads(
        aoa("history", "prod", "-o", "json").out
    )


def test_a_quarter_of_records_is_told_whole(aoa, chain) -> None:
    made = Chain()
    for day in range(91):
        made.up(datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=day))
    chain(made)
    assert len(json.loads(aoa("history", "prod", "-o", "json").out)["attempts"]) == 91
