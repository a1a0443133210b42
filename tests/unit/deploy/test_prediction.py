"""A prediction is kept between a preview and its update, and read back without trust."""

from __future__ import annotations

import json
import os
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from app_of_apps.deploy.foretold import Foretelling
from app_of_apps.deploy.prediction import Foretold, Prediction, prediction_of, without_marks
from app_of_apps.deploy.prediction_store import find, forget, from_file, keep
from app_of_apps.errors import InvalidInput

RELEASE = SimpleNamespace(parent="shop", environment="staging", digest="sha256:" + "1" * 64)
OTHER = SimpleNamespace(parent="shop", environment="staging", digest="sha256:" + "3" * 64)
PREDICTION = Prediction(
    "shop",
    "staging",
    RELEASE.digest,
    "release-3-" + "a" * 12,
    "sha256:" + "2" * 64,
    (Foretold("kubernetes:apps/v1:Deployment::api-api", "api", "update", "exact", ("spec.replicas",)),),
)


def changed(**more: Any) -> dict[str, Any]:
    return {**PREDICTION.shape(), **more}


def test_a_prediction_comes_back_as_it_was():
    assert prediction_of(json.loads(json.dumps(PREDICTION.shape()))) == PREDICTION


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        changed(format="app-of-apps/prediction/v2"),
        changed(release="sha256:1"),
        changed(base="../../etc/passwd"),
        changed(base=3),
        changed(resources=[{}]),
        changed(resources=[{**PREDICTION.shape()["resources"][0], "op": "destroy"}]),
        changed(resources=[{**PREDICTION.shape()["resources"][0], "confidence": "certain"}]),
        changed(resources=[{**PREDICTION.shape()["resources"][0], "id": "x\x1b[2J"}]),
        changed(resources=[{**PREDICTION.shape()["resources"][0], "id": "x" * 1001}]),
        changed(resources=PREDICTION.shape()["resources"] * 2),
        changed(resources=[{**PREDICTION.shape()["resources"][0], "fields": ["x"] * 20_001}]),
        changed(parent=""),
    ],
)
def test_what_is_no_prediction_is_refused(broken):
    with pytest.raises(ValueError, match=r"\w"):
        prediction_of(broken)


def test_marks_of_the_release_are_taken_out_and_nothing_else():
    paths = [
        "spec.replicas",
        'metadata.labels["app.kubernetes.io/version"]',
        "metadata.annotations.app-of-apps/git-commit",
        'metadata.annotations["pulumi.com/patchForce"]',
        'data["app-of-apps"]',
        "spec.replicas",
    ]
    assert without_marks(paths) == ('data["app-of-apps"]', "spec.replicas")


def test_the_last_preview_of_a_release_is_found_and_used_once(tmp_path):
    keep(PREDICTION, tmp_path, {})
    assert find(RELEASE, tmp_path, {}) == PREDICTION
    assert find(OTHER, tmp_path, {}) is None
    forget(PREDICTION, tmp_path, {})
    assert find(RELEASE, tmp_path, {}) is None


def test_it_is_kept_where_the_state_of_the_project_is(tmp_path):
    keep(PREDICTION, tmp_path / "project", {"AOA_STATE_DIR": str(tmp_path / "state")})
    assert list((tmp_path / "state/predictions").glob("*.json"))
    assert not (tmp_path / "project").exists()


def test_a_broken_file_is_no_prediction(tmp_path):
    keep(PREDICTION, tmp_path, {})
    (file,) = (tmp_path / ".aoa/predictions").glob("*.json")
    for text in ("{", "[]", "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        file.write_text(text)
        assert find(RELEASE, tmp_path, {}) is None


def test_a_file_that_was_moved_to_another_release_is_not_taken_for_it(tmp_path):
    keep(PREDICTION, tmp_path, {})
    (file,) = (tmp_path / ".aoa/predictions").glob("*.json")
    file.rename(file.with_name(file.name.replace("1" * 64, "3" * 64)))
    assert find(OTHER, tmp_path, {}) is None


def test_predictions_that_nobody_uses_do_not_pile_up(tmp_path):
    for number in range(60):
        one = changed(release=f"sha256:{number:064}")
        keep(prediction_of(one), tmp_path, {})
        file = tmp_path / f".aoa/predictions/shop.staging.{number:064}.json"
        os.utime(file, (number, number))
    left = sorted(file.name for file in (tmp_path / ".aoa/predictions").glob("*.json"))
    assert len(left) == 50
    assert left[0].endswith(f"{10:064}.json")


def test_git_does_not_see_it(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    keep(PREDICTION, tmp_path, {})
    seen = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert seen == ""


@pytest.mark.parametrize(
    "shape",
    [
        PREDICTION.shape(),
        {"format": "app-of-apps/report/v1", "preview": {"prediction": PREDICTION.shape()}},
        {
            "format": "app-of-apps/previews/v1",
            "environments": [
                {"format": "app-of-apps/no-preview/v1"},
                {"preview": {"prediction": None}},
                {"preview": {"prediction": PREDICTION.shape()}},
            ],
        },
    ],
)
def test_it_is_read_from_what_a_preview_wrote(tmp_path, shape):
    file = tmp_path / "preview.json"
    file.write_text(json.dumps(shape))
    assert from_file(file, RELEASE) == PREDICTION
    assert from_file(file, OTHER) is None


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"preview": {"prediction": {}}}', '{"environments": [1]}'])
def test_a_file_without_a_prediction_is_invalid_input(tmp_path, text):
    file = tmp_path / "preview.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        from_file(file, RELEASE)
    assert str(file) in str(caught.value)
    assert "aoa preview ENV --format json" in str(caught.value)


@pytest.mark.parametrize("environ", [{"AOA_OPERATION": "drift-fix"}, {"AOA_RESTORE": "1"}])
def test_what_brings_something_back_is_not_compared(tmp_path, environ):
    assert Foretelling.of(RELEASE, tmp_path, given=PREDICTION, environ=environ) is None
