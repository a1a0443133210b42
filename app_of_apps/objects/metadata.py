"""Names, labels and annotations of a child's objects.

Labels are Kubernetes' recommended ones (kubernetes.io, "Recommended Labels") below those of the parent and the child,
which cannot replace them. Selectors carry only what never changes: name and instance. The child's digest, and where its
content came from, are annotations of each object but not of its pod template, so that a change of a replica count does
not roll the pods.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import Release, ResolvedChild
    from app_of_apps.release.provenance import Provenance

MANAGER: Final = "app-of-apps"
SKIP_AWAIT: Final = {"pulumi.com/skipAwait": "true"}
"""For kinds that carry no health: the provider would settle for 10 s on each of them."""

_LABEL_LENGTH = 63
_NAME_LENGTH = 63
_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata of every object of one child has in common."""

    child: str
    namespace: str
    labels: Mapping[str, str]
    """The labels of objects and of pods that may be replaced."""
    standard_labels: Mapping[str, str]
    """The labels that follow from what runs alone, for pod templates that cannot change."""
    annotations: Mapping[str, str]
    selector: Mapping[str, str]

    @classmethod
    def of(cls, release: Release, child: ResolvedChild, provenance: Provenance | None = None) -> Metadata:
        """Compose the metadata of one child of a release; ``provenance`` is known where there is a cluster to ask."""
        selector = {
            "app.kubernetes.io/name": child.name,
            "app.kubernetes.io/instance": f"{release.parent}-{child.name}",
        }
        standard = {
            **selector,
            **({} if child.version is None else {"app.kubernetes.io/version": version_label(child.version)}),
            "app.kubernetes.io/component": child.spec.type,
            "app.kubernetes.io/part-of": release.parent,
            "app.kubernetes.io/managed-by": MANAGER,
        }
        return cls(
            child=child.name,
            namespace=child.namespace,
            labels={**release.labels, **child.spec.labels, **standard},
            standard_labels=standard,
            annotations={
                **child.spec.annotations,
                "app-of-apps/team": child.spec.team,
                "app-of-apps/environment": release.environment,
                "app-of-apps/child-digest": child.digest,
                **(provenance.annotations if provenance is not None else {}),
            },
            selector=selector,
        )

    def object(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **body: Any,  # noqa: ANN401 - JSON values
    ) -> dict[str, Any]:
        """Return a namespaced object; ``body`` holds ``spec``, ``data`` and the like."""
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": {**self.labels, **(labels or {})},
                "annotations": {**self.annotations, **(annotations or {})},
            },
            **body,
        }


def version_label(version: str) -> str:
    """Return a version as a label's value: the tag, or the start of the digest where there is no tag."""
    tag, _, image_digest = version.partition("@")
    text = tag or f"sha256-{image_digest.removeprefix('sha256:')[:_DIGEST_DIGITS]}"
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", text[:_LABEL_LENGTH]) or "unnamed"


def short_name(text: str, *, distinguish: str | None = None) -> str:
    """Return ``text`` as an object's name of at most 63 characters.

    ``distinguish`` is hashed into the end of the name where the text alone is too long or not unique.
    """
    if len(text) <= _NAME_LENGTH and distinguish is None:
        return text
    suffix = hashlib.sha256((distinguish or text).encode()).hexdigest()[:10]
    return f"{text[: _NAME_LENGTH - len(suffix) - 1].rstrip('-')}-{suffix}"
