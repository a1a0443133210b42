from __future__ import annotations

import json
import re

import pytest

from app_of_apps.cli.drift import DriftFormat
from app_of_apps.cli.shapes import SHAPES
from app_of_apps.deploy.drift import Drift
from app_of_apps.deploy.drift_deployed import Deployed
from app_of_apps.deploy.drift_report import DRIFT_FORMAT, Fixed, to_json
from tests.unit.deploy.test_drift import RELEASE, changed


def test_a_child_that_does_not_exist_is_invalid_and_the_right_one_is_named(aoa):
    found = aoa("drift", "staging", "--child", "apy")
    assert found.code == 2
    assert "did you mean api?" in re.sub(r"[\s│]+", " ", found.err)


def test_one_child_alone_cannot_be_mended(aoa):
    found = aoa("drift", "staging", "--child", "api", "--fix")
    assert found.code == 2
    assert "leave out --child" in re.sub(r"[\s│]+", " ", found.err)


def test_an_environment_that_does_not_exist_is_invalid(aoa):
    assert aoa("drift", "stagin").code == 2


def test_an_environment_that_is_not_registered_is_refused(aoa):
    found = aoa("drift", "staging")
    assert found.code == 3
    assert "nothing was touched" in found.err


def test_the_documented_shape_is_what_is_printed():
    documented = json.loads(re.sub(r"//.*", "", SHAPES[DRIFT_FORMAT][1]).replace("…", ""))
    printed = to_json(Deployed(RELEASE, "release-1", "record"), changed(), Fixed(ok=True, before=3))
    assert printed.keys() == documented.keys()
    assert printed["differences"][0].keys() == documented["differences"][0].keys()
    assert printed["differences"][0]["object"].keys() == documented["differences"][0]["object"].keys()
    assert printed["fixed"].keys() == documented["fixed"].keys()


@pytest.mark.parametrize("output", list(DriftFormat))
def test_no_drift_is_code_0_and_drift_is_code_1_in_every_format(aoa, monkeypatch, output):
    answers = [Drift(()), changed(), Drift((), unread=("something may not be read",)), Drift((), notes=("a word",))]
    monkeypatch.setattr("app_of_apps.environment.guard.check_environment", lambda *_, **__: None)
    monkeypatch.setattr(
        "app_of_apps.deploy.drift_look.look",
        lambda *_, **__: (Deployed(RELEASE, "release-1", "record"), answers.pop(0)),
    )
    found = [aoa("drift", "staging", "--output", str(output)) for _ in range(4)]
    assert [one.code for one in found] == [0, 1, 4, 0]
    assert all(one.out for one in found)
