"""Objects that others wrote: the inputs of a chart and the documents of plain manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.child import ChartChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild

# Selectors of the objects' authors may use these, so what stands in a document stays.
_THEIRS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
)


def chart_inputs(child: ResolvedChild, spec: ChartChild) -> dict[str, Any]:
    """Return the inputs of helm.sh/v4 Chart; ``chart`` is a folder relative to the parent manifest's."""
    return {
        # Without the dot Helm would take a folder that is missing for the name of a chart in a repository.
        "chart": f"./{spec.chart}",
        "name": child.name,
        "namespace": child.namespace,
        "values": dict(child.values),
    }


def labelled_documents(child: ResolvedChild, metadata: Metadata) -> tuple[Mapping[str, Any], ...]:
    """Return the child's documents with its labels and annotations added to each; pod templates stay as they are."""
    return tuple(_labelled(document, metadata) for document in child.documents)


def _labelled(document: Mapping[str, Any], metadata: Metadata) -> dict[str, Any]:
    theirs: Mapping[str, Any] = document.get("metadata") or {}
    labels: Mapping[str, str] = theirs.get("labels") or {}
    kept = {name: labels[name] for name in _THEIRS if name in labels}
    return {
        **document,
        "metadata": {
            **theirs,
            "labels": {**labels, **metadata.labels, **kept},
            "annotations": {**(theirs.get("annotations") or {}), **metadata.annotations},
        },
    }
