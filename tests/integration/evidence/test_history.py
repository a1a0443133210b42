"""Who approved the hotfix? One command, on a real chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .kept import kubectl, names, without

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.approval.gated import Gated

pytestmark = pytest.mark.integration


def history(world: Gated, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = world.program("history", "staging", "-o", "json", *arguments)
    assert done.code == code, done.text
    return json.loads(done.stdout)


def test_who_approved_the_hotfix(lived: Gated) -> None:
    shape = history(lived, "--since", "2h", "--child", "api")
    assert [one["result"] for one in shape["attempts"]] == ["refused", "succeeded", "refused", "succeeded"]
    hotfix = shape["attempts"][-1]
    assert [(one["name"], one["proven"]) for one in hotfix["approvals"]] == [("dora", True)]
    assert [change["child"] for change in hotfix["changes"]] == ["api"]
    assert any("1.0.0 → 1.0.1-hotfix" in word for word in hotfix["changes"][0]["words"])
    assert hotfix["release"]["number"] == 2
    assert hotfix["authors"] == ["ben@shop.example.com"]
    assert hotfix["runBy"]
    assert hotfix["seconds"] >= 0
    refused = shape["attempts"][-2]
    assert "asks for 1 approval" in refused["reason"]
    assert refused["approvals"] == []


def test_the_chain_is_checked_while_it_is_read(lived: Gated) -> None:
    chain = history(lived)["chain"]
    assert chain["whole"] is True
    assert chain["signaturesChecked"] is True
    assert chain["anchor"] == chain["records"] == len(names(lived))
    assert (chain["findings"], chain["notes"]) == ([], [])


def test_people_read_a_table(lived: Gated) -> None:
    done = lived.program("history", "staging", "--on", "today", "--child", "api")
    assert done.code == 0, done.text
    for words in ("1.0.0 → 1.0.1-hotfix", "dora", "succeeded in"):
        assert words in done.stdout
    assert "The chain of staging is whole" in done.stderr


def test_a_child_that_the_hotfix_did_not_touch_is_left_out(lived: Gated) -> None:
    changed = [one for one in history(lived, "--child", "mail")["attempts"] if one["result"] == "succeeded"]
    assert [[name["name"] for name in one["approvals"]] for one in changed] == [["cleo"]]


def test_nothing_happened_before(lived: Gated) -> None:
    assert history(lived, "--until", "2020-01-01")["attempts"] == []
    unknown = lived.program("history", "staging", "--child", "apy")
    assert "did you mean api?" in unknown.stdout


def test_a_date_that_is_none_is_refused(lived: Gated) -> None:
    done = lived.program("history", "staging", "--since", "soonish")
    assert done.code == 2
    assert "last tuesday" in done.stderr


def test_without_vault_the_records_are_read_and_what_was_not_checked_is_said(lived: Gated, tmp_path: Path) -> None:
    environ = {name: value for name, value in lived.environ.items() if not name.startswith("VAULT_")}
    done = lived.as_environ({**environ, "HOME": str(tmp_path)}, "history", "staging", "-o", "json")
    assert done.code == 0, done.text
    chain = json.loads(done.stdout)["chain"]
    assert chain["signaturesChecked"] is False
    assert "signatures were not checked" in " ".join(chain["notes"])


def test_an_edited_record_and_a_missing_one_are_named(lived: Gated) -> None:
    first, middle, newest = names(lived)[0], names(lived)[1], names(lived)[-1]
    text = json.loads(kubectl(lived, "get", first, "-o", "json"))["data"]["record"]
    with without(lived, first, {"record": text.replace("refused", "granted")}):
        findings = history(lived, code=1)["chain"]["findings"]
        assert "edited" in {one["kind"] for one in findings}
    with without(lived, middle):
        assert ("record 2", "dropped") in found(history(lived, code=1))
    with without(lived, newest):
        assert (f"record {len(names(lived)) + 1}", "dropped") in found(history(lived, code=1))
    assert history(lived)["chain"]["whole"] is True


def found(shape: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["subject"], one["kind"]) for one in shape["chain"]["findings"]]
