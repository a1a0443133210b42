"""What counts as an approval, what does not, and why not: one test for each way around the gate."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.approval.gate import Verdict, Why, judge, judge_all
from app_of_apps.approval.statement import Signed, spelled
from app_of_apps.environment.settings import Gates
from app_of_apps.evidence.signing import pem, raw_key

from .ballot import BASE, BEN, CASE, CLEO, DORA, EVERYBODY, FAY, GATES, NOW, OTHER, Somebody

if TYPE_CHECKING:
    from app_of_apps.approval.gate import Person, Stored


def decide(*statements: Stored, gates: Gates = GATES, people: dict[str, Person] | None = None, **case: Any) -> Verdict:
    return judge(gates, replace(CASE, **case), statements, people or EVERYBODY)


def with_gates(**changed: Any) -> Gates:
    shape = GATES.model_dump(by_alias=True)
    for section, values in changed.items():
        shape[section] = {**shape[section], **values} if isinstance(values, dict) else values
    return Gates.model_validate(shape)


def refused(verdict: Verdict, why: Why, count: int = 1) -> None:
    """Hold one approval of two to be worth nothing, for this reason."""
    assert not verdict.allowed
    assert [one.why for one in verdict.rejected] == [why] * count
    assert len(verdict.given) == 1


# -- what passes -----------------------------------------------------------------------------------------------------


def test_two_people_of_the_group_open_the_gate() -> None:
    verdict = decide(DORA.approves(), CLEO.approves())
    assert verdict.allowed
    assert {one.statement.approver.name for one in verdict.given} == {"dora", "cleo"}
    assert verdict.rejected == ()


def test_one_of_two_does_not() -> None:
    verdict = decide(DORA.approves())
    assert (verdict.allowed, verdict.needed, len(verdict.given)) == (False, 2, 1)


def test_a_release_that_stands_already_takes_none() -> None:
    assert decide(digest=BASE).allowed


def test_an_environment_that_asks_for_none_takes_none() -> None:
    assert decide(gates=Gates()).allowed


def test_the_first_release_is_gated_too() -> None:
    first = [one.approves(base=None) for one in (DORA, CLEO)]
    assert decide(*first, base=None).allowed
    assert not decide(base=None).allowed


def test_a_person_whose_first_approval_has_expired_may_give_another() -> None:
    old = DORA.approves(3, issued=spelled(NOW - timedelta(hours=9)), expires=spelled(NOW - timedelta(hours=8)))
    verdict = decide(old, DORA.approves(), CLEO.approves())
    assert verdict.allowed
    assert [one.why for one in verdict.rejected] == [Why.EXPIRED]


# -- what does not ---------------------------------------------------------------------------------------------------


def test_a_changed_digest_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(digest=OTHER)), Why.OTHER_DIGEST)


def test_an_approval_of_the_release_before_the_file_was_changed_does_not_count() -> None:
    verdict = decide(DORA.approves(), CLEO.approves(), digest=OTHER)
    assert not verdict.allowed
    assert {one.why for one in verdict.rejected} == {Why.OTHER_DIGEST}


def test_another_environment_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(environment="staging")), Why.OTHER_ENVIRONMENT)


def test_another_parent_does_not_count() -> None:
    elsewhere = DORA.sign(DORA.statement(parent="bank"), parent="bank")
    refused(decide(CLEO.approves(), elsewhere), Why.OTHER_PARENT)


def test_a_statement_for_another_parent_in_this_ones_place_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.sign(DORA.statement(parent="bank"))), Why.MISPLACED)


def test_another_base_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(base=OTHER)), Why.OTHER_BASE)
    refused(decide(CLEO.approves(), DORA.approves(base=None)), Why.OTHER_BASE)


def test_an_expired_one_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(expires=spelled(NOW))), Why.EXPIRED)
    assert decide(CLEO.approves(), DORA.approves(expires=spelled(NOW + timedelta(seconds=1)))).allowed


def test_one_that_is_not_yet_valid_does_not_count() -> None:
    later = {"issued": spelled(NOW + timedelta(minutes=1)), "expires": spelled(NOW + timedelta(hours=1))}
    refused(decide(CLEO.approves(), DORA.approves(**later)), Why.NOT_YET)


def test_one_that_claims_to_last_longer_than_allowed_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(expires=spelled(NOW + timedelta(hours=24)))), Why.TOO_LONG)


def test_one_that_was_stored_long_after_it_says_does_not_count() -> None:
    statement = DORA.statement()
    late = DORA.sign(statement, created=statement.issued_at + timedelta(minutes=6))
    early = DORA.sign(statement, created=statement.issued_at - timedelta(minutes=1))
    refused(decide(CLEO.approves(), late), Why.BACKDATED)
    refused(decide(CLEO.approves(), early), Why.BACKDATED)


def test_a_replayed_one_does_not_count() -> None:
    first = DORA.approves()
    refused(decide(CLEO.approves(), first, used=frozenset({first.nonce})), Why.USED)


def test_the_same_bytes_under_another_nonce_do_not_count() -> None:
    first = DORA.approves()
    refused(decide(CLEO.approves(), replace(first, nonce="0" * 32), used=frozenset({first.nonce})), Why.MISPLACED)


def test_a_self_given_one_does_not_count() -> None:
    refused(decide(CLEO.approves(), BEN.approves()), Why.AUTHOR)


@pytest.mark.parametrize("address", ["BEN@example.com", "ben+work@other.example", "12345+ben@users.noreply.example"])
def test_an_author_is_known_by_the_local_part_of_any_address(address: str) -> None:
    refused(decide(CLEO.approves(), BEN.approves(), authors=frozenset({address})), Why.AUTHOR)


def test_an_author_is_known_by_the_address_in_vault_whatever_the_login_is_called() -> None:
    ben = Somebody("u1001", emails=frozenset({"Ben@example.com"}))
    people = {**EVERYBODY, ben.entity: ben.known}
    refused(decide(CLEO.approves(), ben.approves(), people=people), Why.AUTHOR)


@pytest.mark.parametrize("runner", ["dora", DORA.entity])
def test_whoever_runs_the_deployment_does_not_approve_it(runner: str) -> None:
    refused(decide(CLEO.approves(), DORA.approves(), runners=frozenset({runner})), Why.RUNNER)


def test_a_revoked_one_does_not_count() -> None:
    given = DORA.approves()
    refused(decide(CLEO.approves(), given, DORA.revokes(given)), Why.REVOKED)


def test_an_expired_revocation_still_takes_back() -> None:
    given = DORA.approves()
    past = {"issued": spelled(NOW - timedelta(minutes=20)), "expires": spelled(NOW - timedelta(minutes=10))}
    refused(decide(CLEO.approves(), given, DORA.revokes(given, **past)), Why.REVOKED)


def test_nobody_revokes_what_another_person_gave() -> None:
    given = DORA.approves()
    assert decide(CLEO.approves(), given, FAY.revokes(given)).allowed


def test_a_forged_revocation_takes_nothing_back() -> None:
    given = DORA.approves()
    forged = replace(DORA.revokes(given), signed=replace(FAY.revokes(given).signed, key=given.signed.key))
    verdict = decide(CLEO.approves(), given, forged)
    assert verdict.allowed
    assert [one.why for one in verdict.rejected] == [Why.MISPLACED]


def test_a_forged_one_does_not_count() -> None:
    genuine = DORA.approves()
    zeros = base64.b64encode(bytes(64)).decode()
    refused(decide(CLEO.approves(), replace(genuine, signed=replace(genuine.signed, signature=zeros))), Why.FORGED)


def test_the_signature_of_another_key_does_not_count() -> None:
    """Somebody signs a statement in another's name with a key of their own."""
    statement = DORA.statement()
    with_own_key = FAY.sign(statement, entity=DORA.entity)
    refused(decide(CLEO.approves(), with_own_key), Why.FORGED)
    renamed = replace(with_own_key, signed=replace(with_own_key.signed, key=DORA.approves().signed.key))
    refused(decide(CLEO.approves(), renamed), Why.FORGED)


def test_a_key_in_another_mount_or_of_an_unknown_version_does_not_count() -> None:
    genuine = DORA.approves()
    for key in (
        genuine.signed.key.replace("transit/", "other/"),
        genuine.signed.key.replace(":1", ":2"),
        genuine.signed.key.replace(":1", ":01"),
        genuine.signed.key.replace(":1", ""),
        genuine.signed.key + " ",
    ):
        refused(decide(CLEO.approves(), replace(genuine, signed=replace(genuine.signed, key=key))), Why.FORGED)


def test_a_statement_under_another_persons_path_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.sign(DORA.statement(), entity=FAY.entity)), Why.MISPLACED)


def test_a_name_that_vault_does_not_give_the_person_does_not_count() -> None:
    renamed = DORA.statement(approver={"name": "cleo", "entity": DORA.entity})
    refused(decide(CLEO.approves(), DORA.sign(renamed)), Why.UNKNOWN_PERSON)


def test_somebody_whom_vault_does_not_know_does_not_count() -> None:
    stranger = Somebody("mallory")
    refused(decide(CLEO.approves(), stranger.approves()), Why.UNKNOWN_PERSON)


def test_the_wrong_group_does_not_count() -> None:
    refused(decide(CLEO.approves(), FAY.approves()), Why.NOT_IN_GROUP)


def test_somebody_who_has_left_the_group_does_not_count() -> None:
    people = {**EVERYBODY, DORA.entity: replace(DORA.known, groups=frozenset())}
    refused(decide(CLEO.approves(), DORA.approves(), people=people), Why.NOT_IN_GROUP)


def test_a_disabled_identity_does_not_count() -> None:
    people = {**EVERYBODY, DORA.entity: replace(DORA.known, enabled=False)}
    refused(decide(CLEO.approves(), DORA.approves(), people=people), Why.DISABLED)


def test_two_of_one_person_count_once() -> None:
    refused(decide(DORA.approves(1), DORA.approves(2)), Why.DUPLICATE)


def test_one_person_with_two_identities_counts_once() -> None:
    shouting = Somebody("DORA")
    people = {**EVERYBODY, shouting.entity: shouting.known}
    refused(decide(DORA.approves(), shouting.approves(), people=people), Why.DUPLICATE)


def test_one_key_in_two_hands_counts_once() -> None:
    twin = Somebody("dora2")
    shared = replace(twin.known, keys={1: DORA.public})
    signed = DORA.sign(twin.statement(), entity=twin.entity)
    signed = replace(signed, signed=replace(signed.signed, key=twin.approves().signed.key))
    refused(decide(DORA.approves(), signed, people={**EVERYBODY, twin.entity: shared}), Why.DUPLICATE)


def test_a_nonce_that_an_earlier_statement_has_does_not_count() -> None:
    first = DORA.approves()
    second = CLEO.approves(nonce=first.nonce)
    second = replace(second, created=first.created + timedelta(seconds=5))
    refused(decide(first, second), Why.REUSED_NONCE)


def test_a_statement_that_was_overwritten_does_not_count() -> None:
    refused(decide(CLEO.approves(), replace(DORA.approves(), versions=2)), Why.OVERWRITTEN)


def test_another_spelling_of_the_same_statement_does_not_count() -> None:
    genuine = DORA.approves()
    loose = genuine.signed.payload.replace(",", ", ")
    signature = base64.b64encode(DORA.secret.sign(loose.encode())).decode()
    odd = replace(genuine, signed=Signed(loose, signature, genuine.signed.key))
    refused(decide(CLEO.approves(), odd), Why.MALFORMED)


@pytest.mark.parametrize("signed", [None, Signed("", "", ""), Signed("[" * 5000, "", ""), Signed("{}", "x", "y")])
def test_rubbish_does_not_count(signed: Signed | None) -> None:
    refused(decide(CLEO.approves(), replace(DORA.approves(), signed=signed)), Why.MALFORMED)


def test_another_kind_does_not_count() -> None:
    refused(decide(CLEO.approves(), DORA.approves(kind="destroy")), Why.OTHER_KIND)


# -- pinned keys -----------------------------------------------------------------------------------------------------


def pinned(**keys: Somebody) -> Gates:
    return with_gates(approvals={"keys": {name: pem(raw_key(one.public) or b"") for name, one in keys.items()}})


def test_pinned_keys_count() -> None:
    assert decide(DORA.approves(), CLEO.approves(), gates=pinned(dora=DORA, cleo=CLEO)).allowed


def test_a_key_that_differs_from_the_pinned_one_does_not_count() -> None:
    other = Somebody("dora", seed=1)
    refused(decide(DORA.approves(), CLEO.approves(), gates=pinned(dora=other, cleo=CLEO)), Why.OTHER_PIN)


def test_nobody_counts_whose_key_is_not_pinned_when_others_are() -> None:
    refused(decide(DORA.approves(), CLEO.approves(), gates=pinned(cleo=CLEO)), Why.NOT_PINNED)


# -- deletions, destroying -------------------------------------------------------------------------------------------


def test_deletions_have_to_be_named() -> None:
    verdict = decide(DORA.approves(deletions=("mailer",)), CLEO.approves(), deletions=frozenset({"mailer"}))
    refused(verdict, Why.DELETIONS)
    both = [one.approves(deletions=("catalog", "mailer")) for one in (DORA, CLEO)]
    assert decide(*both, deletions=frozenset({"mailer"})).allowed


def test_deletions_take_an_approval_where_releases_take_none() -> None:
    gates = with_gates(approvals={"required": 0})
    assert decide(gates=gates).allowed
    assert not decide(gates=gates, deletions=frozenset({"mailer"})).allowed
    agreed = DORA.approves(deletions=("mailer",))
    assert decide(agreed, gates=gates, deletions=frozenset({"mailer"})).allowed


def test_destroying_takes_statements_of_its_own() -> None:
    standing = {"digest": BASE, "action": "destroy"}
    approvals = [one.approves(digest=BASE) for one in (DORA, CLEO)]
    assert not decide(*approvals, **standing).allowed
    agreed = [one.approves(digest=BASE, kind="destroy") for one in (DORA, CLEO)]
    assert decide(*agreed, **standing).allowed
    assert not decide(agreed[0], **standing).allowed


def test_breaking_the_glass_destroys_nothing() -> None:
    broken = FAY.approves(digest=BASE, kind="break-glass", reason="away with it")
    verdict = decide(broken, digest=BASE, action="destroy")
    assert not verdict.allowed
    assert verdict.rejected[0].why is Why.OTHER_KIND


# -- freezes, breaking the glass -------------------------------------------------------------------------------------

TUESDAYS = [{"name": "no Tuesdays", "days": ["tue"]}]


def broken(who: Somebody = FAY, **changed: Any) -> Stored:
    values = {"kind": "break-glass", "reason": "customers cannot pay", "expires": spelled(NOW + timedelta(minutes=20))}
    return who.approves(**{**values, **changed})


def test_a_freeze_holds_back_what_is_approved() -> None:
    verdict = decide(DORA.approves(), CLEO.approves(), gates=with_gates(freeze=TUESDAYS))
    assert not verdict.allowed
    assert verdict.freeze is not None
    assert verdict.freeze.name == "no Tuesdays"


def test_a_freeze_holds_where_no_approvals_are_asked_for() -> None:
    assert not decide(gates=with_gates(freeze=TUESDAYS, approvals={"required": 0})).allowed


def test_a_freeze_does_not_hold_back_what_stands_already() -> None:
    assert decide(digest=BASE, gates=with_gates(freeze=TUESDAYS)).allowed


@pytest.mark.parametrize(
    ("freeze", "moment", "holds"),
    [
        ({"days": ["tue"]}, NOW, True),
        ({"days": ["mon", "wed"]}, NOW, False),
        # 23:30 on Monday in UTC is Tuesday in Berlin and still Monday in New York.
        ({"days": ["tue"], "zone": "Europe/Berlin"}, datetime(2026, 11, 23, 23, 30, tzinfo=UTC), True),
        ({"days": ["tue"], "zone": "America/New_York"}, datetime(2026, 11, 24, 3, 30, tzinfo=UTC), False),
        ({"since": "2026-11-24T12:00:00Z", "until": "2026-11-25T00:00:00Z"}, NOW, True),
        ({"since": "2026-11-24T13:00:00+01:00"}, NOW, True),
        ({"since": "2026-11-24T12:00:01Z"}, NOW, False),
        ({"until": "2026-11-24T12:00:00Z"}, NOW, False),
        ({"days": ["tue"], "since": "2026-12-01T00:00:00Z"}, NOW, False),
    ],
)
def test_a_freeze_holds_on_its_days_in_its_zone_and_in_its_period(
    freeze: dict[str, Any], moment: datetime, *, holds: bool
) -> None:
    gates = with_gates(freeze=[{"name": "f", **freeze}], approvals={"required": 0})
    assert (decide(gates=gates, now=moment).freeze is not None) is holds


def test_breaking_the_glass_opens_the_gate_alone_and_through_a_freeze() -> None:
    for gates in (GATES, with_gates(freeze=TUESDAYS)):
        verdict = decide(broken(), gates=gates)
        assert verdict.allowed
        assert verdict.break_glass is not None
        assert verdict.break_glass.statement.reason == "customers cannot pay"


def test_the_glass_is_whole_where_the_approvals_are_there() -> None:
    assert decide(DORA.approves(), CLEO.approves(), broken()).break_glass is None


def test_an_author_may_break_the_glass() -> None:
    assert decide(broken(), authors=frozenset({"fay@example.com"}), runners=frozenset({"fay"})).allowed


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (broken(DORA), Why.NOT_IN_GROUP),
        (broken(digest=OTHER), Why.OTHER_DIGEST),
        (broken(expires=spelled(NOW)), Why.EXPIRED),
        (broken(expires=spelled(NOW + timedelta(minutes=31))), Why.TOO_LONG),
        (broken(environment="staging"), Why.OTHER_ENVIRONMENT),
    ],
    ids=["wrong group", "another release", "expired", "too long", "another environment"],
)
def test_breaking_the_glass_is_held_to_its_own_rules(statement: Stored, why: Why) -> None:
    verdict = decide(statement)
    assert not verdict.allowed
    assert [one.why for one in verdict.rejected] == [why]


def test_nobody_breaks_the_glass_without_a_reason() -> None:
    verdict = decide(broken(reason="  "))
    assert not verdict.allowed
    assert verdict.rejected[0].why is Why.MALFORMED


def test_nobody_breaks_the_glass_where_no_group_may() -> None:
    assert not decide(broken(), gates=with_gates(breakGlass={"groups": []})).allowed


def test_breaking_the_glass_does_not_agree_to_deletions_that_it_does_not_name() -> None:
    assert not decide(broken(), deletions=frozenset({"mailer"})).allowed
    assert decide(broken(deletions=("mailer",)), deletions=frozenset({"mailer"})).allowed


# -- the rules themselves --------------------------------------------------------------------------------------------


def test_rules_that_a_change_lowers_still_hold_for_that_change() -> None:
    lowered = with_gates(approvals={"required": 0})
    verdicts = judge_all([lowered, GATES], CASE, [DORA.approves()], EVERYBODY)
    assert [one.allowed for one in verdicts] == [True, False]
    verdicts = judge_all([lowered, GATES], CASE, [DORA.approves(), CLEO.approves()], EVERYBODY)
    assert all(one.allowed for one in verdicts)


def test_rules_that_did_not_change_are_asked_once() -> None:
    assert len(judge_all([GATES, with_gates()], CASE, [], EVERYBODY)) == 1
