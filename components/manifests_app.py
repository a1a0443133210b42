"""The `manifests` child: plain Kubernetes YAML, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from app_of_apps.manifest.base import seconds
from app_of_apps.release.behaviour import DEFAULT_DEADLINE
from app_of_apps.release.deletions import KEEPS_DATA
from components import type_tokens
from components.child_app import ChildApp
from components.kubernetes import KubernetesResource, adopted, document_name, timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUNS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"})
_DEFINES = frozenset({"Namespace", "CustomResourceDefinition"})
_LEADS_TO_PODS = frozenset({"Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget"})
# Kinds whose health is that of the pods behind them: the provider would wait for them for ten seconds and more.
_NOT_AWAITED = frozenset({"Service", "Ingress"})


class ManifestsApp(ChildApp):
    """Every document is a resource of its own, so that each has its own diff, its own wait and its own place in order.

    The provider's ``yaml/v2`` components would do the same one process further away, with names that they make up and
    children that Pulumi's state knows no dependencies of, which matters when things are deleted.
    """

    type_token: ClassVar[str] = type_tokens.MANIFESTS_APP

    def _workload(self, after: Sequence[pulumi.Input[pulumi.Resource]]) -> list[pulumi.Resource]:
        """Definitions, then what pods read and are reached by, then what runs, then what leads to it."""
        stages: list[list[Mapping[str, Any]]] = [[], [], [], []]
        for document in self.args.objects.documents:
            stages[_stage(document["kind"])].append(document)
        declared: list[pulumi.Resource] = []
        before = list(after)
        for stage in stages:
            found = [self._declare(document, before) for document in stage]
            declared += found
            before = [*found] or before
        self._await({document["kind"] for document in self.args.objects.documents}, declared)
        return declared

    def _keeps_data(self) -> bool:
        return any(document["kind"] in KEEPS_DATA for document in self.args.objects.documents)

    def _declare(self, document: Mapping[str, Any], after: Sequence[pulumi.Input[pulumi.Resource]]) -> pulumi.Resource:
        metadata = document["metadata"]
        name = document_name(self.name, document)
        if document["kind"] in _NOT_AWAITED:
            annotations = {**metadata.get("annotations", {}), "pulumi.com/skipAwait": "true"}
            document = {**document, "metadata": {**metadata, "annotations": annotations}}
        if document["kind"] in KEEPS_DATA:
            document = adopted(document)
        options = pulumi.ResourceOptions(
            parent=self,
            depends_on=list(after) or None,
            custom_timeouts=timeouts(seconds(getattr(self.args.child.spec, "deadline", None) or DEFAULT_DEADLINE)),
            retain_on_delete=True if document["kind"] in KEEPS_DATA else None,
        )
        return KubernetesResource(name, document, options)


def _stage(kind: str) -> int:
    if kind in _DEFINES:
        return 0
    if kind in _RUNS:
        return 2
    return 3 if kind in _LEADS_TO_PODS else 1
