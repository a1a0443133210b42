"""Put the plain Kubernetes objects of a ``manifests`` child into its namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def is_namespaced(document: Mapping[str, Any]) -> bool:
    """Say whether an object of this kind lives in a namespace.

    The loader refuses the kinds of Kubernetes itself that do not. What remains are kinds of other API groups, which by
    custom begin with ``Cluster`` where they have no namespace; the API server refuses a wrong guess before it creates
    anything.
    """
    foreign = "/" in str(document["apiVersion"])
    return not (foreign and str(document["kind"]).startswith("Cluster"))


def place_documents(namespace: str, documents: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the objects of ``documents``, each namespaced one in ``namespace``."""
    return tuple(
        {**document, "metadata": {**document["metadata"], "namespace": namespace}}
        if is_namespaced(document)
        else dict(document)
        for document in documents
    )
