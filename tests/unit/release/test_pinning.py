"""An environment with ``images: pinned`` takes images by digest alone."""

from __future__ import annotations

from typing import Any

import pytest

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.escalation import tenancy_boundary
from app_of_apps.manifest.tenancy import Tenancy
from app_of_apps.objects.chart_check import check_rendered
from app_of_apps.release.pinning import unpinned_images
from app_of_apps.release.resolve import resolve
from tests.unit.release.world import child, environment, manifest

DIGEST = f"@sha256:{'ab' * 32}"
PINNED = {"images": {"pinned": True}}


def deployment(*images: str) -> dict[str, Any]:
    pods = {"containers": [{"name": "x", "image": images[0]}]}
    if images[1:]:
        pods["initContainers"] = [{"name": "y", "image": image} for image in images[1:]]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "db"},
        "spec": {"template": {"spec": pods}},
    }


@pytest.mark.parametrize("version", [DIGEST, f"1.4.2{DIGEST}"])
def test_a_version_with_its_digest_is_taken(version: str) -> None:
    release = resolve(manifest(child()), environment("prod", versions={"api": version}, **PINNED))
    assert release.child("api").version == version


def test_a_tag_is_named_where_it_stands_with_the_way_to_its_digest() -> None:
    settings = environment(
        "prod", versions={"api": "1.4.2", "web": f"2{DIGEST}"}, promotion={"from": "staging"}, **PINNED
    )
    with pytest.raises(InvalidInput) as error:
        resolve(manifest(child(), child(name="web")), settings)
    (problem,) = error.value.problems
    assert problem.position.file == "Pulumi.prod.yaml#versions.api"
    assert "1.4.2 has none" in problem.message
    assert "aoa promote staging prod --child api" in problem.hint


def test_without_the_rule_a_tag_is_taken() -> None:
    assert resolve(manifest(child()), environment("staging", versions={"api": "1.4.2"}))


def test_a_version_that_comes_from_another_child_is_named_once() -> None:
    children = (child(), child(name="db", type="migration", versionFrom="api"))
    with pytest.raises(InvalidInput) as error:
        resolve(manifest(*children), environment("prod", versions={"api": "1"}, **PINNED))
    assert [one.path for one in error.value.problems] == ["versions.api"]


def test_images_of_plain_manifests_are_named_too() -> None:
    documents = {"plain": (deployment("r.example.com/db:1", f"r.example.com/init:1{DIGEST}", "busybox"),)}
    of = manifest(child(name="plain", type="manifests"), documents=documents)
    with pytest.raises(InvalidInput) as error:
        resolve(of, environment("prod", **PINNED))
    hints = {one.hint for one in error.value.problems}
    assert hints == {"write r.example.com/db:1@sha256:…", "write busybox@sha256:…"}
    assert all("Deployment db" in one.message for one in error.value.problems)


def test_images_that_a_chart_makes_are_refused_where_the_rule_holds() -> None:
    boundary = tenancy_boundary(Tenancy(), "shop-cache")
    rendered = [deployment("r.example.com/cache:7")]
    check_rendered("cache", "charts/cache", rendered, boundary)
    with pytest.raises(InvalidInput, match=r"Deployment db, which runs r\.example\.com/cache:7"):
        check_rendered("cache", "charts/cache", rendered, boundary, pinned=True)


def test_a_text_that_only_looks_like_a_digest_is_none() -> None:
    assert list(unpinned_images(deployment("x@sha256:abc", f"y{DIGEST}"))) == ["x@sha256:abc"]
