"""No statement passes that is not exactly what its signer signed for this release: thousands, each a little off.

One approval of the two that are needed is genuine and untouched in every try; the other one is changed at random. Each
change matters: a try whose change happens to restore the original is not counted.
"""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app_of_apps.approval.gate import Stored, judge
from app_of_apps.approval.statement import Signed, read, spelled
from app_of_apps.release.digest import canonical_json

from .ballot import BASE, BEN, CASE, CLEO, DORA, EVERYBODY, FAY, GATES, NOW, OTHER, Somebody

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 12_000
GENUINE = DORA.approves()
MALLORY = Somebody("mallory")
PEOPLE = {**EVERYBODY, MALLORY.entity: replace(MALLORY.known, groups=frozenset())}


def _payload(stored: Stored) -> dict[str, Any]:
    assert stored.signed is not None
    return json.loads(stored.signed.payload)


def _resigned(payload: dict[str, Any], key: Somebody, **place: Any) -> Stored:
    """The payload, signed by a key of somebody's own, in Dora's place unless `place` says otherwise."""
    text = canonical_json(payload)
    signature = base64.b64encode(key.secret.sign(text)).decode()
    assert GENUINE.signed is not None
    signed = Signed(text.decode(), signature, GENUINE.signed.key)
    return replace(GENUINE, **{"signed": signed, "nonce": str(payload.get("nonce")), **place})


def _other_value(rng: random.Random, name: str, value: Any) -> Any:
    """A value that a field of this name could have, and that changes what is agreed to."""
    text = "".join(rng.choice("abcdef0123456789") for _ in range(32))
    choices: dict[str, list[Any]] = {
        "format": ["app-of-apps/approval/v2", "", None],
        "kind": ["destroy", "break-glass", "revoke", "Approve"],
        "parent": ["bank", "shop2", "", "SHOP"],
        "environment": ["staging", "prod2", "Prod", ""],
        "digest": [OTHER, BASE, f"sha256:{text}{text}", text, None],
        "base": [OTHER, None, f"sha256:{text}{text}"],
        "expires": [spelled(NOW - timedelta(seconds=rng.randrange(1, 10**6))), spelled(NOW), "never", None],
        "issued": [spelled(NOW + timedelta(seconds=rng.randrange(11, 3000))), "2026-02-31T00:00:00Z", None],
        "approver": [
            {"name": "cleo", "entity": DORA.entity},
            {"name": "dora", "entity": CLEO.entity},
            {"name": "mallory", "entity": MALLORY.entity},
        ],
        "revokes": [text],
        "deletions": [["b", "a"], ["a", "a"], "a", None],
        "nonce": ["", text[:31], text.upper() + "!"],
    }
    return rng.choice(choices.get(name, [None, 1, [value], {"x": value}]))


def bytes_of_the_payload(rng: random.Random) -> Stored:
    """A character is changed, taken out or put in; the signature stays."""
    assert GENUINE.signed is not None
    text = list(GENUINE.signed.payload)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text))
        how = rng.randrange(3)
        new = rng.choice('abcz019{}[]",: \n\\ü')
        text[at : at + (how != 0)] = [] if how == 1 else [new]
    return replace(GENUINE, signed=replace(GENUINE.signed, payload="".join(text)))


def bits_of_the_signature(rng: random.Random) -> Stored:
    assert GENUINE.signed is not None
    raw = bytearray(base64.b64decode(GENUINE.signed.signature))
    for _ in range(rng.randrange(1, 5)):
        raw[rng.randrange(64)] ^= 1 << rng.randrange(8)
    cut = raw[: rng.randrange(65)] if rng.random() < 0.1 else raw
    return replace(GENUINE, signed=replace(GENUINE.signed, signature=base64.b64encode(bytes(cut)).decode()))


def text_of_the_signature(rng: random.Random) -> Stored:
    """Other spellings of the same bytes too: white space, missing padding."""
    assert GENUINE.signed is not None
    text = GENUINE.signed.signature
    at = rng.randrange(len(text))
    other = rng.choice([text[:at] + "\n" + text[at:], text.rstrip("="), text + "=", text + text, text[:at] + "*", ""])
    return replace(GENUINE, signed=replace(GENUINE.signed, signature=other))


def name_of_the_key(rng: random.Random) -> Stored:
    assert GENUINE.signed is not None
    key = GENUINE.signed.key
    at = rng.randrange(len(key))
    keys = [CLEO.approves().signed, MALLORY.approves().signed]
    other = rng.choice([key[:at], key[:at] + "x" + key[at:], *(one.key for one in keys if one), key[:-1] + "9"])
    return replace(GENUINE, signed=replace(GENUINE.signed, key=other))


def field_under_the_old_signature(rng: random.Random) -> Stored:
    payload = _payload(GENUINE)
    name = rng.choice(sorted(payload))
    payload[name] = _other_value(rng, name, payload[name])
    assert GENUINE.signed is not None
    return replace(GENUINE, signed=replace(GENUINE.signed, payload=canonical_json(payload).decode()))


def field_that_dora_herself_signed(rng: random.Random) -> Stored:
    """A genuine statement of another content: about another release, another environment, another time."""
    payload = _payload(GENUINE)
    name = rng.choice(sorted(payload.keys() - {"reason", "preview"}))
    payload[name] = _other_value(rng, name, payload[name])
    return _resigned(payload, DORA)


def statement_signed_by_another_key(rng: random.Random) -> Stored:
    """Whoever is not Dora signs in her name, with a nonce of their own."""
    payload = {**_payload(GENUINE), "nonce": f"{rng.getrandbits(128):032x}"}
    return _resigned(payload, rng.choice([MALLORY, CLEO, BEN, FAY, Somebody("dora", seed=rng.randrange(1, 255))]))


def another_place(rng: random.Random) -> Stored:
    other = {
        "parent": rng.choice(["bank", "shop2", ""]),
        "entity": rng.choice([CLEO.entity, MALLORY.entity, ""]),
        "nonce": f"{rng.getrandbits(128):032x}",
    }
    names = rng.sample(sorted(other), rng.randrange(1, 4))
    return replace(GENUINE, **{name: other[name] for name in names})


def another_time_of_storing(rng: random.Random) -> Stored:
    away = timedelta(seconds=rng.randrange(301, 10**7))
    return replace(GENUINE, created=GENUINE.created + rng.choice([away, -away]), versions=rng.choice([1, 2]))


def member_added_or_taken_away(rng: random.Random) -> Stored:
    payload = _payload(GENUINE)
    if rng.random() < 0.5:
        payload[rng.choice(["extra", "Digest", "approver2", "__proto__"])] = rng.choice([None, 1, "x"])
    else:
        del payload[rng.choice(sorted(payload))]
    return _resigned(payload, DORA, nonce=GENUINE.nonce)


def somebody_who_may_not(rng: random.Random) -> Stored:
    """A perfectly signed statement of an author, of another group, or of the one who has approved already."""
    return rng.choice([BEN, FAY, MALLORY, CLEO]).approves(rng.randrange(100, 10**6))


MUTATIONS: tuple[Callable[[random.Random], Stored], ...] = (
    bytes_of_the_payload,
    bits_of_the_signature,
    text_of_the_signature,
    name_of_the_key,
    field_under_the_old_signature,
    field_that_dora_herself_signed,
    statement_signed_by_another_key,
    another_place,
    another_time_of_storing,
    member_added_or_taken_away,
    somebody_who_may_not,
)


def test_the_untouched_pair_passes() -> None:
    assert judge(GATES, CASE, [CLEO.approves(), GENUINE], PEOPLE).allowed


def test_none_of_thousands_of_mutated_statements_passes(capsys: Any) -> None:
    rng = random.Random(20261124)  # noqa: S311 - the same tries every time
    tried: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    while tried.total() < TRIES:
        mutation = MUTATIONS[tried.total() % len(MUTATIONS)]
        mutated = mutation(rng)
        if mutated == GENUINE:
            continue
        verdict = judge(GATES, CASE, [CLEO.approves(), mutated], PEOPLE)
        assert not verdict.allowed, (mutation.__name__, mutated)
        assert len(verdict.given) == 1, (mutation.__name__, mutated)
        (rejected,) = verdict.rejected or (None,)
        # A revocation is neither counted nor held against anybody.
        withdrawn = mutated.signed and (found := read(mutated.signed.payload)) and found.kind == "revoke"
        assert rejected is not None or withdrawn, (mutation.__name__, mutated)
        tried[mutation.__name__] += 1
        reasons[rejected.why.name if rejected else "a revocation of nothing"] += 1
    with capsys.disabled():
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(reasons.items()))
        print(f"\n{tried.total()} mutated statements of {len(tried)} sorts, none passed; refused as: {kinds}")  # noqa: T201
    assert len(tried) == len(MUTATIONS)
    # Each line of defence was reached, so that one of them alone does not hide that the others do nothing.
    wanted = {"MALFORMED", "MISPLACED", "FORGED", "OTHER_DIGEST", "OTHER_ENVIRONMENT", "OTHER_BASE", "EXPIRED"}
    wanted |= {"NOT_YET", "AUTHOR", "NOT_IN_GROUP", "DUPLICATE", "UNKNOWN_PERSON", "BACKDATED", "OTHER_KIND"}
    assert wanted <= set(reasons), wanted - set(reasons)
