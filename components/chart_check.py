"""Every chart is rendered and looked at before any object of any child is declared.

The rendering is the Kubernetes provider's own (its function ``helm:template``, on the same Helm library as the Chart
resource), so no ``helm`` has to be installed. A second look at each object, when the Chart resource registers it, is in
`chart_app`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi

from app_of_apps.objects.chart_check import check_rendered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.objects.model import ChildObjects

_TEMPLATE = "kubernetes:helm:template"


def check_charts(objects: Iterable[ChildObjects], kubernetes: pulumi.ProviderResource, *, pinned: bool = False) -> None:
    """Raise InvalidInput when a chart makes an object that escalates; only the providers are registered by then.

    ``pinned`` is the environment's rule that images carry their digest.
    """
    for one in objects:
        if one.chart is None or one.boundary is None:
            continue
        options = {
            "path": one.chart["chart"],
            "release_name": one.chart["name"],
            "namespace": one.chart["namespace"],
            "values": one.chart["values"],
            # Helm renders them only on demand; here they count, for they run with the rights of everything else.
            "include_test_hook_resources": True,
        }
        found: Any = pulumi.runtime.invoke(
            _TEMPLATE, {"jsonOpts": json.dumps(options)}, pulumi.InvokeOptions(provider=kubernetes)
        ).value
        rendered = (found or {}).get("result") or ()
        check_rendered(one.child, str(one.chart["chart"]), rendered, one.boundary, pinned=pinned)
