"""API versions that Kubernetes has dropped or is going to drop: recorded facts, and a look into them.

Sources: the Deprecated API Migration Guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/) for what
is gone up to 1.32, and the lifecycle that k8s.io/api v0.36 declares for each type (``zz_generated.prerelease-
lifecycle.go``) for when each was deprecated and for what goes after 1.32. Kinds of requests, such as TokenReview, that
nobody keeps in a file are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Version = tuple[int, int]
"""Major and minor."""

# apiVersion, kinds, deprecated in, removed in, what to use.
_TABLE: Final = """
extensions/v1beta1 DaemonSet,Deployment,ReplicaSet 1.8 1.16 apps/v1
extensions/v1beta1 NetworkPolicy 1.9 1.16 networking.k8s.io/v1
extensions/v1beta1 Ingress 1.14 1.22 networking.k8s.io/v1
apps/v1beta1 ControllerRevision,Deployment,StatefulSet 1.8 1.16 apps/v1
apps/v1beta2 ControllerRevision,DaemonSet,Deployment,ReplicaSet,StatefulSet 1.9 1.16 apps/v1
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration,ValidatingWebhookConfiguration 1.16 1.22 =v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 1.16 1.22 =v1
apiregistration.k8s.io/v1beta1 APIService 1.19 1.22 =v1
certificates.k8s.io/v1beta1 CertificateSigningRequest 1.19 1.22 =v1
coordination.k8s.io/v1beta1 Lease 1.19 1.22 =v1
networking.k8s.io/v1beta1 Ingress,IngressClass 1.19 1.22 =v1
rbac.authorization.k8s.io/v1beta1 ClusterRole,ClusterRoleBinding,Role,RoleBinding 1.17 1.22 =v1
scheduling.k8s.io/v1beta1 PriorityClass 1.14 1.22 =v1
storage.k8s.io/v1beta1 CSINode 1.17 1.22 =v1
storage.k8s.io/v1beta1 CSIDriver,StorageClass,VolumeAttachment 1.19 1.22 =v1
autoscaling/v2beta1 HorizontalPodAutoscaler 1.22 1.25 autoscaling/v2
batch/v1beta1 CronJob 1.21 1.25 =v1
discovery.k8s.io/v1beta1 EndpointSlice 1.21 1.25 =v1
events.k8s.io/v1beta1 Event 1.22 1.25 =v1
node.k8s.io/v1beta1 RuntimeClass 1.22 1.25 =v1
policy/v1beta1 PodDisruptionBudget 1.21 1.25 =v1
policy/v1beta1 PodSecurityPolicy 1.21 1.25 -
autoscaling/v2beta2 HorizontalPodAutoscaler 1.23 1.26 autoscaling/v2
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema,PriorityLevelConfiguration 1.23 1.26 =v1
storage.k8s.io/v1beta1 CSIStorageCapacity 1.24 1.27 =v1
flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema,PriorityLevelConfiguration 1.26 1.29 =v1
flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema,PriorityLevelConfiguration 1.29 1.32 =v1
admissionregistration.k8s.io/v1beta1 ValidatingAdmissionPolicy,ValidatingAdmissionPolicyBinding 1.31 1.34 =v1
networking.k8s.io/v1beta1 IPAddress,ServiceCIDR 1.34 1.37 =v1
storage.k8s.io/v1beta1 VolumeAttributesClass 1.34 1.37 =v1
resource.k8s.io/v1alpha3 DeviceClass,ResourceClaim,ResourceClaimTemplate,ResourceSlice 1.34 1.37 =v1
resource.k8s.io/v1beta1 DeviceClass,ResourceClaim,ResourceClaimTemplate,ResourceSlice 1.35 1.38 =v1
resource.k8s.io/v1beta2 DeviceClass,ResourceClaim,ResourceClaimTemplate,ResourceSlice 1.36 1.39 =v1
"""


@dataclass(frozen=True, slots=True)
class Removal:
    """When a kind of an API version is deprecated and gone, and which API version has it then, if any."""

    deprecated: Version
    removed: Version
    instead: str | None


def version(text: str) -> Version:
    """Return major and minor of ``1.36``, ``v1.36.3`` or ``1.36+``. Raises ValueError for anything else."""
    major, _, rest = text.removeprefix("v").partition(".")
    return int(major), int(rest.partition(".")[0].rstrip("+"))


def written(number: Version) -> str:
    """Write a version the way Kubernetes does: ``1.36``."""
    return f"{number[0]}.{number[1]}"


def removal(api_version: str, kind: str) -> Removal | None:
    """Return what is known about a kind of an API version; None where nothing says that it goes."""
    return REMOVALS.get((api_version, kind))


def _read(table: str) -> dict[tuple[str, str], Removal]:
    found = {}
    for line in table.strip().splitlines():
        api_version, kinds, deprecated, removed, instead = line.split()
        group = api_version.rpartition("/")[0]
        target = f"{group}/{instead[1:]}" if instead.startswith("=") else instead if instead != "-" else None
        for kind in kinds.split(","):
            found[api_version, kind] = Removal(version(deprecated), version(removed), target)
    return found


REMOVALS: Final = _read(_TABLE)
"""API version and kind → when it goes."""
