"""A gate that people open by way of the service: with their own token and key, for the release that they have seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from app_of_apps.errors import Refused
from app_of_apps.service.operation import Asked, State
from tests.integration.groups import forget_groups
from tests.integration.service.conftest import make_world, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.service.conftest import Served

pytestmark = pytest.mark.integration

GATES = {"approvals": {"required": 1, "groups": ["platform-admins"], "validFor": "1h"}}


@pytest.fixture(scope="module")
def gated(box: Sandbox, area: Path, port: int) -> Iterator[Served]:
    world = make_world(box, area, "signed", gates=GATES)
    prepared = world.program("approvals", "staging", "--prepare")
    assert prepared.code == 1, prepared.text
    with serving(world, port) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
    forget_groups(box)


def test_nobody_has_signed_and_nothing_begins(gated: Served) -> None:
    with gated.client() as dora:
        ended = dora.wait(dora.begin("staging", Asked(operation="up")).id)
        assert ended.state is State.REFUSED
        assert ended.exit_code == 3
        found = dora.look("staging", "approvals")
        assert (found["needed"], found["open"]) == (1, False)


def test_a_person_signs_with_a_token_of_their_own(gated: Served) -> None:
    with gated.client() as dora:
        release = dora.environment("staging")["wanted"]
        for token, words in (
            (gated.world.box.id_token("dora", "prod"), "does not take this token"),
            ("x" * 32, "does not"),
        ):
            with pytest.raises(Refused, match=words):
                dora.approve("staging", release=release, token=token)
        with pytest.raises(Refused, match="look again, nothing was signed"):
            dora.approve("staging", release="sha256:" + "0" * 64, token=gated.token("dora"))
        said = dora.approve("staging", release=release, token=gated.token("dora"), reason="seen")
        assert "dora" in said
        assert gated.token("dora") not in said
        ended = dora.wait(dora.begin("staging", Asked(operation="up")).id)
        assert ended.state is State.SUCCEEDED, ended.message
    attempts = json.loads(gated.world.program("history", "staging", "--output", "json").stdout)["attempts"]
    (approval,) = attempts[-1]["approvals"]
    assert (approval["name"], approval["proven"], approval["reason"]) == ("dora", True, "seen")


def test_an_agent_signs_nothing_even_with_a_persons_token(gated: Served) -> None:
    answer = httpx.post(
        f"{gated.url}/v1/environments/staging/approvals",
        json={"release": "sha256:" + "0" * 64},
        headers={"Authorization": f"Bearer {gated.token('gus')}", "Aoa-Identity-Token": gated.token("dora")},
    )
    assert answer.status_code == 403
    assert "only people decide" in answer.text


def test_no_token_is_kept_anywhere(gated: Served) -> None:
    tokens = [token.encode() for token in gated.tokens.values()]
    folder = gated.world.folder
    files = [*folder.rglob("*"), gated.log, *folder.parent.glob("*service*")]
    for file in files:
        if file.is_file():
            content = file.read_bytes()
            assert not any(token in content for token in tokens), file
