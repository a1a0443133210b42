"""What a pod may not ask for, wherever its specification stands in an object.

The rules are those of Kubernetes' Pod Security Standards, `baseline` and on demand `restricted` (kubernetes.io, "Pod
Security Standards"), and a few of our own: volumes that run code or reach other pods' data, system priorities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.manifest.positions import Loc

_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_HOST_FIELDS: Final = {
    "hostNetwork": "the network of the node, with every pod's traffic",
    "hostPID": "the processes of the node",
    "hostIPC": "the memory that processes of the node share",
}
_BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_VOLUMES: Final = {
    "hostPath": "the files of the node, and with them everything that runs there",
    "flexVolume": "a program that runs on the node",
    "gitRepo": "a foreign repository, whose hooks run on the node (CVE-2024-10220)",
}

Fault = tuple["Loc", str, str]


def faults(loc: Loc, value: Mapping[str, Any], *, restricted: bool = False) -> Iterator[Fault]:
    """Yield what is wrong with one mapping of an object, if it is a pod's specification."""
    if not any(isinstance(value.get(key), list | tuple) for key in _CONTAINERS):
        return
    yield from _pod_faults(loc, value)
    yield from _context_faults((*loc, "securityContext"), value.get("securityContext"))
    for key in _CONTAINERS:
        containers = value.get(key)
        for index, container in enumerate(containers if isinstance(containers, list | tuple) else ()):
            if isinstance(container, dict):
                at: Loc = (*loc, key, index)
                yield from _container_faults(at, container)
                if restricted:
                    yield from _restricted_faults(at, container, value)


def value_faults(loc: Loc, value: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield pods' fields that stand openly in a chart's values, under the names that charts hand on unchanged."""
    for key, what in _HOST_FIELDS.items():
        if value.get(key) is True:
            yield (*loc, key), f"asks for {what}", "remove it"
    if any(key in value for key in ("privileged", "capabilities", "procMount")):
        yield from _context_faults(loc, value)
    for key, what in _VOLUMES.items():
        if isinstance(value.get(key), dict | str) and value[key]:
            yield (*loc, key), f"asks for {what}", "use emptyDir, a ConfigMap, a Secret or a PersistentVolumeClaim"
    if value.get("hostPort"):
        yield (*loc, "hostPort"), "asks for a port of the node", "use a Service"


def _pod_faults(loc: Loc, pod: Mapping[str, Any]) -> Iterator[Fault]:
    for key, what in _HOST_FIELDS.items():
        if pod.get(key):
            yield (*loc, key), f"asks for {what}", "remove it"
    if pod.get("nodeName"):
        yield (*loc, "nodeName"), "places the pod past the scheduler", "use nodeSelector or affinity"
    if str(pod.get("priorityClassName", "")).startswith("system-"):
        yield (*loc, "priorityClassName"), "pushes other children's pods off their nodes", "use a class of your own"
    volumes = pod.get("volumes")
    for index, volume in enumerate(volumes if isinstance(volumes, list | tuple) else ()):
        for key, what in _VOLUMES.items():
            if isinstance(volume, dict) and key in volume:
                hint = "use emptyDir, a ConfigMap, a Secret or a PersistentVolumeClaim"
                yield (*loc, "volumes", index, key), f"asks for {what}", hint


def _container_faults(loc: Loc, container: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _context_faults((*loc, "securityContext"), container.get("securityContext"))
    ports = container.get("ports")
    for index, port in enumerate(ports if isinstance(ports, list | tuple) else ()):
        if isinstance(port, dict) and port.get("hostPort"):
            yield (*loc, "ports", index, "hostPort"), "asks for a port of the node", "use a Service"
    lifecycle = container.get("lifecycle")
    asked = [((*loc, key), container.get(key)) for key in ("startupProbe", "readinessProbe", "livenessProbe")]
    if isinstance(lifecycle, dict):
        asked += [((*loc, "lifecycle", key), lifecycle.get(key)) for key in ("postStart", "preStop")]
    for at, check in asked:
        for way in ("httpGet", "tcpSocket"):
            target = check.get(way) if isinstance(check, dict) else None
            if isinstance(target, dict) and target.get("host"):
                yield (*at, way, "host"), "makes the node call another address", "remove it"


def _context_faults(loc: Loc, context: Any) -> Iterator[Fault]:  # noqa: ANN401 - YAML of any form
    """Yield what `baseline` refuses in a security context, of a pod or of a container."""
    if not isinstance(context, dict):
        return
    if context.get("privileged"):
        yield (*loc, "privileged"), "a privileged container is the node", "remove it"
    if context.get("procMount") not in {None, "Default"}:
        yield (*loc, "procMount"), "uncovers the node's part of /proc", "remove it"
    for index, name in _entries(_below(context, "capabilities"), "add"):
        if str(name).upper().removeprefix("CAP_") not in _BASELINE_CAPABILITIES:
            yield (*loc, "capabilities", "add", index), f"asks for the capability {name}", "remove it"
    for index, entry in _entries(context, "sysctls"):
        if not isinstance(entry, dict) or entry.get("name") not in _SAFE_SYSCTLS:
            yield (*loc, "sysctls", index), "changes the kernel of the node", "remove it"
    if _below(context, "windowsOptions").get("hostProcess"):
        yield (*loc, "windowsOptions", "hostProcess"), "runs on the node itself", "remove it"
    yield from _profile_faults(loc, context)


def _profile_faults(loc: Loc, context: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("seccompProfile", "appArmorProfile"):
        if _below(context, key).get("type") == "Unconfined":
            yield (*loc, key, "type"), "takes the bounds of system calls away", "use RuntimeDefault"
    selinux = _below(context, "seLinuxOptions")
    if str(selinux.get("type", "")) not in _SELINUX_TYPES:
        yield (*loc, "seLinuxOptions", "type"), "leaves the containers' SELinux type", "remove it"
    for key in ("user", "role"):
        if selinux.get(key):
            yield (*loc, "seLinuxOptions", key), f"sets an SELinux {key}", "remove it"


def _below(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _entries(value: Mapping[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    found = value.get(key)
    return iter(enumerate(found if isinstance(found, list | tuple) else ()))


def _restricted_faults(loc: Loc, container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what `restricted` asks for and `baseline` does not."""
    own, whole = container.get("securityContext"), pod.get("securityContext")
    own, whole = own if isinstance(own, dict) else {}, whole if isinstance(whole, dict) else {}
    at: Loc = (*loc, "securityContext")
    if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
        yield at, "may run as root", "set runAsNonRoot: true"
    if own.get("runAsUser", whole.get("runAsUser")) == 0:
        yield at, "runs as root", "set runAsUser to a number above 0"
    if own.get("allowPrivilegeEscalation") is not False:
        yield at, "lets a process have more rights than its parent", "set allowPrivilegeEscalation: false"
    capabilities = own.get("capabilities")
    if not isinstance(capabilities, dict) or "ALL" not in (capabilities.get("drop") or ()):
        yield at, "keeps capabilities", "set capabilities: {drop: [ALL]}"
    profile = own.get("seccompProfile", whole.get("seccompProfile"))
    if not isinstance(profile, dict) or profile.get("type") not in {"RuntimeDefault", "Localhost"}:
        yield at, "has no bounds of system calls", "set seccompProfile: {type: RuntimeDefault}"
