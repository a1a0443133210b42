"""A journal against a store and a Vault in memory; the real ones are in the integration tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from app_of_apps.environment.vault_reader import Forbidden
from app_of_apps.errors import Unavailable
from app_of_apps.evidence.chain import Link, Signed, check_chain
from app_of_apps.evidence.journal import Journal
from app_of_apps.evidence.record import InCluster, InVault
from app_of_apps.evidence.store import Head, keep_copy
from tests.unit.release.world import environment

from .chains import EVIDENCE, public, signature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = "transit/aoa-evidence-staging:1"
RELEASE = {"digest": "sha256:1", "number": 4, "name": "release-4-aaaaaaaaaaaa"}


@dataclass
class Store:
    kept: dict[int, Signed] = field(default_factory=dict)
    noted: Head | None = None
    homes: int = 0
    racers: int = 0
    """How many others take the next number first."""
    objects: dict[str, Any] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=list)
    now: str = "2026-11-24T10:00:00Z"

    def records(self, _parent: str) -> list[Signed]:
        return [self.kept[number] for number in sorted(self.kept)]

    def record(self, _parent: str, sequence: int) -> Signed | None:
        return self.kept.get(sequence)

    def head(self, _parent: str) -> Head | None:
        return self.noted

    def set_head(self, _parent: str, head: Head) -> None:
        self.noted = head

    def make_home(self, _parent: str, _environment: str) -> None:
        self.homes += 1

    def add(self, _parent: str, sequence: int, signed: Signed) -> bool:
        if self.racers:
            self.racers -= 1
            text = signed.text.replace('"operation":"', '"operation":"other-')
            self.kept[sequence] = Signed(text, signature(EVIDENCE, text.encode()), KEY)
            return False
        self.kept[sequence] = signed
        return True

    def whoami(self) -> tuple[InCluster, str]:
        return InCluster(username="deployer", groups=("ci",)), self.now

    def get(self, path: str) -> Any:
        return self.objects.get(path.rpartition("/")[2])

    def list(self, _path: str, **_: str) -> Sequence[Any]:
        return [{"metadata": {"name": name}} for name in self.namespaces]


@dataclass
class Vault:
    noted: Link | None = None
    allowed: bool = True

    def login(self) -> InVault:
        return InVault(display_name="token-ci", policies=("aoa-program-staging",))

    def sign(self, _mount: str, key: str, content: bytes) -> tuple[str, str]:
        if not self.allowed:
            msg = f"403 for transit/sign/{key}"
            raise Forbidden(msg)
        return signature(EVIDENCE, content), KEY

    def anchor(self, _kv: str, _parent: str) -> Link | None:
        return self.noted

    def set_anchor(self, _kv: str, _parent: str, link: Link) -> None:
        self.noted = link


@dataclass
class Made:
    journal: Journal
    store: Store
    vault: Vault
    said: list[str]

    def shapes(self) -> list[dict[str, Any]]:
        return [json.loads(one.text) for one in self.store.records("shop")]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    store, vault, said = Store(), Vault(), []
    settings = environment(versions={}).settings
    journal: Any = Journal(settings, "shop", store, vault, tmp_path, {"AOA_FRONT": "aoa"}, said.append)  # type: ignore[arg-type]
    return Made(journal, store, vault, said)


def sound(made: Made) -> bool:
    keys = {KEY: public(EVIDENCE)}
    found = check_chain(
        made.store.records("shop"), lambda name: (keys[name],) if name in keys else (), anchor=made.vault.noted
    )
    return found == []


def test_an_attempt_is_two_records_that_say_who_and_when(made: Made) -> None:
    number = made.journal.begin("up", release=RELEASE, details={"new": True})
    made.store.now = "2026-11-24T10:00:42Z"
    made.journal.end(number, "succeeded")
    began, ended = made.shapes()
    assert (began["sequence"], began["kind"], began["time"]) == (1, "began", "2026-11-24T10:00:00Z")
    assert began["who"]["kubernetes"]["username"] == "deployer"
    assert began["who"]["vault"]["policies"] == ["aoa-program-staging"]
    assert (began["front"], began["environment"], began["parent"]) == ("aoa", "staging", "shop")
    assert (ended["attempt"], ended["result"], ended["seconds"], ended["release"]) == (1, "succeeded", 42.0, RELEASE)
    assert made.vault.noted == Link(2, made.store.kept[2].hash)
    assert made.store.homes == 1
    assert sound(made)


def test_whoever_is_second_takes_the_next_number(made: Made) -> None:
    made.store.racers = 3
    assert made.journal.note("promote") == 4
    assert sound(made)


def test_who_never_gets_a_number_gives_up_and_says_so(made: Made) -> None:
    made.store.racers = 10**6
    with pytest.raises(Unavailable, match="others wrote records of staging meanwhile"):
        made.journal.note("promote")


def test_without_a_signature_nothing_is_kept(made: Made) -> None:
    made.vault.allowed = False
    with pytest.raises(Unavailable, match="403"):
        made.journal.begin("up")
    assert made.store.kept == {}
    assert made.vault.noted is None


@pytest.mark.parametrize(
    "head", [None, Head(Link(1, "sha256:1")), Head(Link(3, "sha256:3")), Head(Link(99, "sha256:9"))]
)
def test_a_head_that_is_missing_late_or_wrong_is_only_a_hint(made: Made, head: Head | None) -> None:
    for _ in range(3):
        made.journal.note("promote")
    made.store.noted = head
    assert made.journal.note("promote") == 4
    found = made.journal.head()
    assert found is not None
    assert found.link.sequence == 4
    assert sound(made)


@pytest.mark.parametrize(
    ("details", "there", "result"),
    [({"new": True}, True, "succeeded"), ({"new": True}, False, "killed"), ({"new": False}, True, "killed")],
)
def test_an_attempt_without_an_end_is_ended_by_the_next_run(
    made: Made,
    details: dict[str, Any],
    there: bool,  # noqa: FBT001
    result: str,
) -> None:
    number = made.journal.begin("up", release=RELEASE, details=details)
    if there:
        made.store.objects[RELEASE["name"]] = {}
    assert made.journal.close_dead() == number
    assert made.shapes()[-1]["result"] == result
    assert made.shapes()[-1]["attempt"] == number
    assert made.journal.close_dead() is None
    assert sound(made)


@pytest.mark.parametrize(("left", "result"), [(["shop-parent"], "succeeded"), (["shop-parent", "shop-api"], "killed")])
def test_a_removal_that_nobody_saw_the_end_of_is_told_by_what_is_left(made: Made, left: list[str], result: str) -> None:
    made.journal.begin("destroy")
    made.store.namespaces = left
    made.journal.close_dead()
    assert made.shapes()[-1]["result"] == result


def test_a_front_door_ends_its_own_attempt_and_no_other(made: Made) -> None:
    made.journal.environ = {"AOA_RUN": "mine"}
    number = made.journal.begin("up")
    assert made.journal.end_run("another's", "failed") is None
    assert made.journal.end_run("mine", "interrupted", "Ctrl-C") == number
    assert made.journal.end_run("mine", "failed") is None
    assert [(one["kind"], one["result"], one["reason"]) for one in made.shapes()] == [
        ("began", None, ""),
        ("ended", "interrupted", "Ctrl-C"),
    ]


def test_a_front_door_finds_its_own_attempt_after_its_end(made: Made) -> None:
    assert made.journal.attempt_of("mine") is None
    made.journal.environ = {"AOA_RUN": "mine"}
    number = made.journal.begin("up", release=RELEASE)
    made.journal.end(number, "succeeded")
    made.journal.environ = {}
    made.journal.note("promote")
    found = made.journal.attempt_of("mine")
    assert found is not None
    assert (found.sequence, found.kind) == (number, "began")
    assert made.journal.attempt_of("another's") is None


def test_a_record_between_beginning_and_end_does_not_hide_that_one_is_open(made: Made) -> None:
    number = made.journal.begin("up")
    made.journal.note("promote")
    made.store.noted = None
    assert made.journal.close_dead() == number


def test_after_a_tail_that_somebody_removed_the_chain_goes_on_and_says_so(made: Made) -> None:
    for _ in range(5):
        made.journal.note("promote")
    for number in (3, 4, 5):
        del made.store.kept[number]
    made.store.noted = None
    assert made.journal.note("promote") == 6
    assert "5 records of staging were written and 2 are in the cluster" in made.said[0]
    assert not sound(made)


def test_a_long_reason_is_cut(made: Made) -> None:
    made.journal.refuse("up", "x" * 10_000)
    assert len(made.shapes()[-1]["reason"]) == 4000


def test_refusals_of_the_guard_are_taken_into_the_chain_once(made: Made, tmp_path: Path) -> None:
    file = tmp_path / ".aoa" / "refusals.jsonl"
    file.parent.mkdir()
    line = {"time": "2026-11-24T09:00:00Z", "stack": "staging", "user": "ada", "host": "h", "reasons": ["cluster.uid"]}
    here, elsewhere = str(tmp_path.resolve()), "/somewhere/else"
    places = (("staging", here), ("prod", here), ("staging", elsewhere), ("staging", here))
    lines = [json.dumps({**line, "environment": env, "project": project}) for env, project in places]
    file.write_text("\n".join([lines[0], "{broken", *lines[1:]]) + "\n")
    made.journal.take_refusals()
    made.journal.take_refusals()
    found = made.shapes()
    assert [one["reason"] for one in found] == ["cluster.uid"] * 2
    assert {one["operation"] for one in found} == {"guard"}
    # What a process says of itself is told apart from who it is.
    assert found[0]["details"]["claimed"]["user"] == "ada"
    assert found[0]["who"]["kubernetes"]["username"] == "deployer"


def test_a_folder_gets_a_copy_that_is_never_changed(tmp_path: Path) -> None:
    one, other = Signed("{}", "s", KEY), Signed('{"x":1}', "s", KEY)
    folder = tmp_path / "copies" / "here"
    keep_copy(folder, 7, one)
    keep_copy(folder, 7, one)
    assert Signed.of(json.loads((folder / "evidence-0000007.json").read_text())) == one
    with pytest.raises(Unavailable, match="holds another record of this number"):
        keep_copy(folder, 7, other)
    (folder / "evidence-0000008.json").touch()
    keep_copy(folder, 8, other)
    assert [file.name for file in sorted(folder.iterdir())] == ["evidence-0000007.json", "evidence-0000008.json"]


def test_a_chain_that_was_removed_with_its_namespace_gets_a_home_again(made: Made) -> None:
    made.journal.begin("up")
    assert made.store.homes == 1
    made.store.kept.clear()
    made.store.noted = None
    number = made.journal.begin("up")
    made.journal.end(number, "succeeded")
    assert (number, made.store.homes) == (2, 2)
    assert "somebody removed the rest" in " ".join(made.said)
