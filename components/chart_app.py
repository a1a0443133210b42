"""The `chart` child: a Helm chart, rendered by the Kubernetes provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import pulumi

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.base import seconds
from app_of_apps.objects.chart_check import problems_of
from app_of_apps.release.behaviour import DEFAULT_DEADLINE
from app_of_apps.release.deletions import KEEPS_DATA
from components import type_tokens
from components.child_app import ChildApp
from components.kubernetes import RETAINED, timeouts
from components.settling import WORKLOAD_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHART: Final = "kubernetes:helm.sh/v4:Chart"
_NOT_AWAITED = frozenset({"kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:Ingress"})
_POD_SECURITY = "pod-security.kubernetes.io/"


class ChartApp(ChildApp):
    """A helm.sh/v4 Chart. Its objects are made by the provider; a transform gives them what all our objects have."""

    type_token: ClassVar[str] = type_tokens.CHART_APP

    def _workload(self, after: Sequence[pulumi.Input[pulumi.Resource]]) -> list[pulumi.Resource]:
        # Imported here: the class costs every preview of a parent without charts nothing.
        from pulumi_kubernetes.helm.v4 import Chart  # noqa: PLC0415

        inputs = dict(self.args.objects.chart or {})
        chart = Chart(
            f"{self.name}-chart",
            **inputs,
            resource_prefix=self.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after) or None, transforms=[self._adopt(after)]),
        )
        self._await(WORKLOAD_KINDS, [chart])
        return [chart]

    def _keeps_data(self) -> bool:
        return True  # what a chart has is known only when the provider has rendered it

    def _adopt(self, after: Sequence[pulumi.Input[pulumi.Resource]]) -> pulumi.ResourceTransform:
        """Return the transform: labels, annotations, deadline, no wait for Services, order when deleting, what stays.

        An object that escalates is refused here as well, see `chart_check`.

        What a chart sets itself wins, labels above all: selectors are made of them.
        """
        namespace = next(one.manifest["metadata"] for one in self.args.objects.kubernetes if one.group == "namespace")
        # The namespace's own settings for the admission of pods are no labels of the child.
        labels = {key: value for key, value in namespace["labels"].items() if not key.startswith(_POD_SECURITY)}
        annotations = namespace["annotations"]
        deadline = timeouts(seconds(getattr(self.args.child.spec, "deadline", None) or DEFAULT_DEADLINE))

        boundary, chart = self.args.objects.boundary, str((self.args.objects.chart or {}).get("chart"))

        def adopt(given: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            if not given.custom or not given.type_.startswith("kubernetes:"):
                return None
            if boundary is not None and (problems := list(problems_of(self.name, chart, given.props, boundary))):
                raise InvalidInput(problems)
            metadata = cast("Mapping[str, Any]", given.props.get("metadata") or {})
            noted = {**annotations, **(metadata.get("annotations") or {})}
            if given.type_ in _NOT_AWAITED:
                noted["pulumi.com/skipAwait"] = "true"
            keeps = given.type_.rpartition(":")[2] in KEEPS_DATA
            if keeps:
                noted.update(RETAINED)
            merged = {**metadata, "labels": {**labels, **(metadata.get("labels") or {})}, "annotations": noted}
            options = pulumi.ResourceOptions.merge(
                given.opts,
                # Without these the state has no order between the chart's objects and the namespace they are in.
                pulumi.ResourceOptions(
                    custom_timeouts=deadline,
                    depends_on=list(after) or None,
                    retain_on_delete=True if keeps else None,
                ),
            )
            return pulumi.ResourceTransformResult({**given.props, "metadata": merged}, options)

        return adopt
