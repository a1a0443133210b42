"""What the API server fills in where a manifest says nothing. Pure.

Needed where such a field counts as somebody's: who creates or replaces an object as a whole is noted as the writer of
every default in it. Source: the API reference of Kubernetes 1.33 and its defaults.go files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.drift_values import says_nothing

if TYPE_CHECKING:
    from app_of_apps.deploy.drift_values import Path, Value

_ALLOCATED: Final = frozenset({"clusterIP", "clusterIPs", "ipFamilies", "nodePort", "finalizers", "serviceAccount"})
"""Given by the cluster, and different in each; the last one repeats `serviceAccountName`."""

_DEFAULTS: Final[Mapping[str, tuple[Value, ...]]] = {
    # pods
    "dnsPolicy": ("ClusterFirst",),
    "restartPolicy": ("Always",),
    "schedulerName": ("default-scheduler",),
    "terminationGracePeriodSeconds": (30,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "imagePullPolicy": ("IfNotPresent", "Always"),
    "enableServiceLinks": (True,),
    "defaultMode": (420,),
    "protocol": ("TCP",),
    "apiVersion": ("v1",),
    "fieldPath": ("metadata.name",),
    "scheme": ("HTTP",),
    "periodSeconds": (10,),
    "timeoutSeconds": (1,),
    "successThreshold": (1,),
    "failureThreshold": (3,),
    # workloads
    "replicas": (1,),
    "revisionHistoryLimit": (10,),
    "progressDeadlineSeconds": (600,),
    "maxSurge": ("25%",),
    "maxUnavailable": ("25%",),
    "podManagementPolicy": ("OrderedReady",),
    "partition": (0,),
    "whenDeleted": ("Retain",),
    "whenScaled": ("Retain",),
    "backoffLimit": (6,),
    "completions": (1,),
    "parallelism": (1,),
    "completionMode": ("NonIndexed",),
    "podReplacementPolicy": ("TerminatingOrFailed",),
    "concurrencyPolicy": ("Allow",),
    "successfulJobsHistoryLimit": (3,),
    "failedJobsHistoryLimit": (1,),
    # the network
    "sessionAffinity": ("None",),
    "internalTrafficPolicy": ("Cluster",),
    "externalTrafficPolicy": ("Cluster",),
    "ipFamilyPolicy": ("SingleStack",),
    "policyTypes": (["Ingress"], ["Ingress", "Egress"]),
    # kinds whose type is a field of its own: Services, update strategies
    "type": ("ClusterIP", "RollingUpdate"),
    "volumeMode": ("Filesystem",),
}


def is_default(path: Path, value: Value) -> bool:
    """Say whether nobody has to have asked for a value."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    if value is None:
        return True
    if "metadata" in path and {"labels", "annotations"} & set(path):
        return False
    if name in _ALLOCATED or (says_nothing(path, value) and name != "data"):
        return True
    if isinstance(value, Mapping):
        return all(is_default((*path, key), below) for key, below in value.items())
    return value in _DEFAULTS.get(name, ())
