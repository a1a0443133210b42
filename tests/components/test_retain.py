"""What keeps data is let go of when it is declared no longer, with the namespace that it is in; nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.guarded_delete import PARENT_NAMESPACE, check_deletion
from components.parent_app import ParentApp
from tests.components.recording import record
from tests.components.shop import parent_args, release, shop

if TYPE_CHECKING:
    from pathlib import Path

_DATA = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: broker}
spec:
  serviceName: broker
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: broker, image: "registry.example.com/broker:3"}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: queue}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
"""
RECORD = {"parent-namespace"}


def retained(folder: Path, *, data: bool) -> set[str]:
    world = shop()
    if data:
        world.files["broker/all.yaml"] = _DATA
    of = release(folder, world)
    recorded = record(lambda: ParentApp("shop", parent_args(of)) and None)
    names = {one.name for one in recorded.registrations if one.request.retainOnDelete}
    return {name for name in names if not name.startswith("release-")} - RECORD


def test_stateful_documents_stay_with_their_namespace_and_the_others_go(tmp_path: Path) -> None:
    """A chart's namespace stays in any case: what is in the chart is known only to the provider."""
    assert retained(tmp_path, data=True) == {
        "broker-statefulset-broker",
        "broker-persistentvolumeclaim-queue",
        "broker-namespace",
        "reports-namespace",
    }


def test_documents_without_state_keep_nothing(tmp_path: Path) -> None:
    assert retained(tmp_path, data=False) == {"reports-namespace"}


@pytest.mark.parametrize("operation", ["up", "refresh"])
def test_the_parents_own_namespace_goes_with_a_destroy_alone(operation: str) -> None:
    with pytest.raises(RuntimeError, match="removes everything of this environment; nothing was removed"):
        check_deletion(operation, PARENT_NAMESPACE)
    check_deletion("destroy", PARENT_NAMESPACE)
    check_deletion(operation, "api-namespace")
