"""Images pinned by digest, where an environment's file asks for it with ``images: pinned``.

A tag says what somebody called an image, a digest what it is: only the latter is the same tomorrow. Looked at are the
environment's versions and the images in plain manifests; those that a chart makes are looked at when it is rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child import ManifestsChild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.release.findings import Findings
    from app_of_apps.release.model import ResolvedChild

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}")
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


def is_pinned(reference: str) -> bool:
    """Say whether a version or an image reference ends with a digest."""
    return _DIGEST.search(reference) is not None


def check_pinned(children: Iterable[ResolvedChild], found: Findings) -> None:
    """Note each version and each image of plain manifests without a digest, where the environment asks for digests."""
    settings = found.environment.settings
    if not settings.images.pinned:
        return
    for child in children:
        # A version that comes from another child is noted there.
        if child.name in settings.versions and child.version is not None and not is_pinned(child.version):
            source = settings.promotion.source
            promotion = f"`aoa promote {source} {settings.name} --child {child.name}` writes" if source else "write"
            message = f"{settings.name} takes images by digest alone (images: pinned), and {child.version} has none"
            hint = f"{promotion} {child.version.partition('@')[0]}@sha256:…, the digest that its registry has for it"
            found.in_environment(("versions", child.name), message, hint)
        if isinstance(child.spec, ManifestsChild):
            for document in child.documents:
                what = f"{document.get('kind')} {document['metadata'].get('name')}"  # type: ignore[union-attr]
                for image in unpinned_images(document):
                    message = f"{what} runs {image} without a digest, and {settings.name} takes none (images: pinned)"
                    found.in_manifest(child.name, ("files",), message, f"write {image}@sha256:…")


def unpinned_images(value: Any) -> Iterator[str]:  # noqa: ANN401 - walks an object of any kind
    """Yield the images of all containers in an object that have no digest."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in _CONTAINERS and isinstance(below, list):
                for container in below:
                    image = container.get("image") if isinstance(container, dict) else None
                    if isinstance(image, str) and not is_pinned(image):
                        yield image
            else:
                yield from unpinned_images(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from unpinned_images(below)
