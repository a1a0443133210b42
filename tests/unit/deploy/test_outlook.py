"""What somebody sees before they sign."""

from __future__ import annotations

from typing import Any

from app_of_apps.approval.authors import Change
from app_of_apps.deploy.outlook import outlook_of, render
from app_of_apps.deploy.preview_digest import Preview
from app_of_apps.objects.record import release_record
from tests.unit.deploy.lab import shop

CHANGE = Change("c0ffee" + "0" * 34, frozenset({"ben@example.com"}))


def record_of(release: Any, **changed: Any) -> dict[str, Any]:
    manifest = dict(release_record(release)[1].manifest)
    return {**manifest, **changed}


def test_of_a_first_release_everything_is_new() -> None:
    release = shop()
    outlook = outlook_of(release, None, CHANGE)
    assert set(outlook.changes) == {f"{child.name}: added" for child in release.children}
    assert (outlook.base, outlook.deletions, outlook.unknown) == (None, (), ())
    text = render(outlook)
    assert "where nothing stands yet" in text
    assert "DELETIONS\n  none" in text
    assert "AUTHORS\n  ben@example.com" in text


def test_a_change_is_told_field_by_field_and_deletions_by_name() -> None:
    before = shop()
    last = before.children[-1]
    changed = before.children[0].model_copy(update={"version": "9.9.9", "digest": "sha256:" + "1" * 64})
    after = before.model_copy(update={"children": (changed, *before.children[1:-1]), "digest": "sha256:" + "2" * 64})
    outlook = outlook_of(after, record_of(before), CHANGE)
    assert outlook.base == before.digest
    assert outlook.deletions == (last.name,)
    assert f"{last.name}: removed" in outlook.changes
    assert any(line.startswith(f"{changed.name}: version ") and line.endswith("→ 9.9.9") for line in outlook.changes)
    assert f"{last.name}, with its namespace" in render(outlook)


def test_a_record_without_content_is_said_to_be_unknown() -> None:
    before = shop()
    changed = before.children[0].model_copy(update={"version": "9.9.9", "digest": "sha256:" + "1" * 64})
    after = before.model_copy(update={"children": (changed, *before.children[1:]), "digest": "sha256:" + "2" * 64})
    outlook = outlook_of(after, record_of(before, binaryData={}), CHANGE)
    assert outlook.changes == (f"{changed.name}: changed (version {before.children[0].version} → 9.9.9)",)
    assert [line for line in outlook.unknown if line.startswith("single fields and access: ")]
    assert "nobody gains or loses" not in render(outlook)


def test_a_preview_is_counted_and_named_by_its_digest() -> None:
    from dataclasses import replace

    preview = Preview((("update", "kubernetes:apps/v1:Deployment", "api", ("spec",)),), ("pack/rule: no",))
    text = render(replace(outlook_of(shop(), None, CHANGE), preview=preview))
    assert f"1 update; digest {preview.digest}" in text
    assert "update kubernetes:apps/v1:Deployment api: spec" in text
    assert "POLICIES\n  pack/rule: no" in text
