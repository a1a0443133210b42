"""The pod template that services, workers, migrations and cron jobs share.

It satisfies the `restricted` Pod Security Standard whatever the manifest says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.child import ScaledChild
from app_of_apps.objects.config import checksum, environment_sources, files_name
from app_of_apps.objects.secrets import environment_variables, secret_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.child import PodChild, Volume
    from app_of_apps.manifest.template import Probe, ResourceAmounts, Resources
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild


def pod_template(
    child: ResolvedChild,
    spec: PodChild,
    metadata: Metadata,
    *,
    labels: Mapping[str, str],
    restart_policy: str | None = None,
) -> dict[str, Any]:
    """Return ``template`` of a workload. ``labels`` are the pods'; they must contain the selector.

    The annotation ``app-of-apps/config-checksum`` changes with the child's configuration and so replaces its pods.
    """
    annotations = {"app-of-apps/team": spec.team}
    config_checksum = checksum(child, spec)
    if config_checksum is not None:
        annotations["app-of-apps/config-checksum"] = config_checksum
    return {
        "metadata": {"labels": dict(labels), "annotations": annotations},
        "spec": _pod_spec(child, spec, metadata, restart_policy),
    }


def _pod_spec(child: ResolvedChild, spec: PodChild, metadata: Metadata, restart_policy: str | None) -> dict[str, Any]:
    user = spec.security.run_as_user
    group = spec.security.run_as_group
    body: dict[str, Any] = {
        "serviceAccountName": spec.name,
        "automountServiceAccountToken": spec.service_account.mount_token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(child, spec)],
    }
    if spec.rollout is not None:
        body["terminationGracePeriodSeconds"] = seconds(spec.rollout.termination_grace_period)
    if restart_policy is not None:
        body["restartPolicy"] = restart_policy
    if isinstance(spec, ScaledChild):
        body["topologySpreadConstraints"] = _spread(metadata.selector)
    names = secret_names(spec)
    volumes = [_volume(volume, names) for volume in spec.volumes]
    if volumes:
        body["volumes"] = volumes
    return body


def _container(child: ResolvedChild, spec: PodChild) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": spec.name,
        "image": child.image,
        "resources": _resources(spec.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": spec.security.read_only_root_filesystem,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    optional = {
        "command": list(spec.command),
        "args": list(spec.args),
        "envFrom": environment_sources(child, spec),
        "env": environment_variables(spec),
        "volumeMounts": [_mount(volume) for volume in spec.volumes],
    }
    if isinstance(spec, ScaledChild):
        optional["ports"] = [
            {"name": port.name, "containerPort": port.port, "protocol": port.protocol} for port in spec.ports
        ]
    body |= {key: value for key, value in optional.items() if value}
    if spec.probes is not None:
        probes = {
            "startupProbe": spec.probes.startup,
            "readinessProbe": spec.probes.readiness,
            "livenessProbe": spec.probes.liveness,
        }
        # Kubernetes has no probes for containers that run to their end.
        if isinstance(spec, ScaledChild):
            body |= {key: _probe(probe) for key, probe in probes.items() if probe is not None}
    return body


def _resources(resources: Resources | None) -> dict[str, Any]:
    if resources is None:
        return {}
    return {
        kind: amounts
        for kind, amounts in (("requests", _amounts(resources.requests)), ("limits", _amounts(resources.limits)))
        if amounts
    }


def _amounts(amounts: ResourceAmounts) -> dict[str, str]:
    named = {"cpu": amounts.cpu, "memory": amounts.memory, "ephemeral-storage": amounts.ephemeral_storage}
    return {name: quantity for name, quantity in named.items() if quantity is not None}


def _probe(probe: Probe) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if probe.http is not None:
        body["httpGet"] = {"path": probe.http.path, "port": probe.http.port}
    elif probe.tcp is not None:
        body["tcpSocket"] = {"port": probe.tcp}
    elif probe.grpc is not None:
        body["grpc"] = {"port": probe.grpc}
    else:
        body["exec"] = {"command": list(probe.exec or ())}
    if probe.initial_delay is not None:
        body["initialDelaySeconds"] = seconds(probe.initial_delay)
    return {
        **body,
        "periodSeconds": seconds(probe.period),
        "timeoutSeconds": seconds(probe.timeout),
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def _spread(selector: Mapping[str, str]) -> list[dict[str, Any]]:
    """Spread pods over nodes and zones where that is possible.

    Also with one replica, where it has no effect: otherwise scaling from one to two would replace the first pod.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selector)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def _volume(volume: Volume, names: Mapping[str, str]) -> dict[str, Any]:
    if volume.empty_dir is not None:
        medium = {"medium": volume.empty_dir.medium} if volume.empty_dir.medium else {}
        return {"name": volume.name, "emptyDir": {"sizeLimit": volume.empty_dir.size_limit, **medium}}
    if volume.secret is not None:
        return {"name": volume.name, "secret": {"secretName": names[volume.secret]}}
    return {"name": volume.name, "configMap": {"name": files_name(volume.name)}}


def _mount(volume: Volume) -> dict[str, Any]:
    writable = volume.empty_dir is not None
    return {"name": volume.name, "mountPath": volume.mount_path, **({} if writable else {"readOnly": True})}
