from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from app_of_apps.errors import Refused
from app_of_apps.release.resolve import resolve
from app_of_apps.release.stored import KEY, LARGEST, packed_release, stored_release
from tests.unit.release.world import RUNS, child, environment, manifest, worlds

if TYPE_CHECKING:
    from app_of_apps.release.model import Release


def record(release: Release, **changes: Any) -> dict[str, Any]:
    """Return the ConfigMap of a release, with changes to the JSON that it keeps."""
    binary = packed_release(release)
    if changes:
        content = json.loads(gzip.decompress(base64.b64decode(binary[KEY]))) | changes
        binary = {KEY: base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()}
    data = {"digest": release.digest, "programVersion": release.program_version}
    return {"metadata": {"name": "release-1-abc"}, "data": data, "binaryData": binary}


@given(worlds(at_most=4))
@RUNS
def test_every_release_is_read_back_as_it_was(world: Any) -> None:
    release = resolve(*world)
    assert stored_release(record(release)) == release
    assert packed_release(release) == packed_release(resolve(*world))


def test_a_content_that_was_tampered_with_is_refused() -> None:
    release = resolve(manifest(child()), environment(versions={"api": "1"}))
    with pytest.raises(Refused, match="is not what its digest names"):
        stored_release(record(release, labels={"example.com/evil": "1"}))
    evil = json.loads(gzip.decompress(base64.b64decode(packed_release(release)[KEY])))["children"]
    evil[0]["image"] = "evil.example.com/api:1"
    with pytest.raises(Refused, match="is not what its digest names"):
        stored_release(record(release, children=evil))


@pytest.mark.parametrize(
    "kept", ["%%%", base64.b64encode(b"no gzip").decode(), base64.b64encode(gzip.compress(b"{}", mtime=0)).decode()]
)
def test_what_cannot_be_read_is_refused(kept: str) -> None:
    made = record(resolve(manifest(child()), environment(versions={"api": "1"})))
    with pytest.raises(Refused, match="cannot be read"):
        stored_release({**made, "binaryData": {KEY: kept}})


def test_a_bomb_is_refused() -> None:
    made = record(resolve(manifest(child()), environment(versions={"api": "1"})))
    bomb = base64.b64encode(gzip.compress(b" " * (65 * 1024 * 1024))).decode()
    with pytest.raises(Refused, match="cannot be read"):
        stored_release({**made, "binaryData": {KEY: bomb}})


def test_a_record_without_its_content_says_so() -> None:
    made = record(resolve(manifest(child()), environment(versions={"api": "1"})))
    with pytest.raises(Refused, match="does not keep its content"):
        stored_release({**made, "binaryData": {}})


def test_a_release_that_is_too_large_for_a_configmap_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app_of_apps.release.stored.LARGEST", 10)
    assert LARGEST < 1024 * 1024
    assert packed_release(resolve(manifest(child()), environment(versions={"api": "1"}))) == {}
