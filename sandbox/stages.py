"""How KWOK plays nodes and pods: the life of a pod as `Stage` objects, chosen by the pod's annotations.

Without annotations a pod is Ready, and a Job's pod completes, as soon as it is scheduled. A pod template may ask for
something else by annotations (or labels, where only those can be set):

===================================== ====================================================================
``sandbox.app-of-apps/behaviour``     ``fail``: the pod ends with exit code 1 (where the restart policy is
                                      ``Always``, it crashes instead); ``crash``: ``CrashLoopBackOff``;
                                      ``image-pull-error``: ``ImagePullBackOff``; ``slow``: running at once,
                                      Ready (a Job: complete) after the delay
``sandbox.app-of-apps/message``       what the container writes as its termination message
``sandbox.app-of-apps/delay-seconds`` whole seconds for ``slow``, 8 if missing; never earlier, up to 2 s later
===================================== ====================================================================

The annotations are read again while a pod lives: annotating a running pod with ``crash`` breaks it, taking the
annotation away mends it.
"""

from __future__ import annotations

import json
from typing import Any

PREFIX = "sandbox.app-of-apps/"
BEHAVIOURS = ("fail", "crash", "image-pull-error", "slow")

_SPECIAL = list(BEHAVIOURS)


def _marked(key: str) -> str:
    """A jq expression for an annotation of the pod, or the label of that name."""
    return f'(.metadata.annotations["{PREFIX}{key}"] // .metadata.labels["{PREFIX}{key}"])'


_BEHAVIOUR = _marked("behaviour")
_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'
_WAITING = ".status.containerStatuses.[].state.waiting.reason"
_OWNER = ".metadata.ownerReferences.[].kind"
# Seconds since the epoch at which a slow pod is due. The API keeps start times in whole seconds, rounded down: one
# second more, so that no pod is early. Counted from the start, because every change of the pod asks for it anew.
_DELAY = f'({_marked("delay-seconds")} // "8" | tonumber)'
_DUE = f"((.status.startTime | fromdateiso8601) + 1 + {_DELAY}) | todateiso8601"

_HEAD = """
{{ $now := Now }}
{{ $root := . }}
{{ $annotations := or .metadata.annotations dict }}
{{ $message := or ( index $annotations "sandbox.app-of-apps/message" ) "failed as sandbox.app-of-apps/behaviour says" }}
{{ $started := or ( .status.startTime ) $now }}
"""

# Once only: a pod keeps its address when it breaks or mends later.
_PLACE = """
{{ if not ( or .status.podIP "" ) }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ $host := or .spec.hostNetwork false }}
{{ with PodIPsWith .spec.nodeName $host ( or .metadata.uid "" ) ( or .metadata.name "" ) .metadata.namespace }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ end }}
startTime: {{ $started | Quote }}
"""

_INIT_DONE = """
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq ( or .restartPolicy "" ) "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
"""

_RUNNING = "{running: {startedAt: {{ $started | Quote }}}}"
_DONE = (
    "{terminated: {exitCode: 0, reason: Completed, startedAt: {{ $started | Quote }}, finishedAt: {{ $now | Quote }}}}"
)
_ERROR = (
    "{terminated: {exitCode: 1, reason: Error, message: {{ $message | Quote }},"
    " startedAt: {{ $started | Quote }}, finishedAt: {{ $now | Quote }}}}"
)
_BACK_OFF = (
    "{waiting: {reason: CrashLoopBackOff, message: {{ printf"
    ' "back-off 10s restarting failed container=%s pod=%s_%s(%s)"'
    " $container.name $root.metadata.name $root.metadata.namespace $root.metadata.uid | Quote }}}}"
)
_NO_IMAGE = (
    "{waiting: {reason: ImagePullBackOff, message: {{ printf"
    ' "Back-off pulling image %q: %s" $container.image $message | Quote }}}}'
)


def _conditions(*, ready: bool) -> str:
    """Pod conditions; an unready pod names its containers the way a kubelet does."""
    status = '"True"' if ready else '"False"'
    why = (
        ""
        if ready
        else (
            "  reason: ContainersNotReady\n"
            "  message: 'containers with unready status: [{{ range $i, $c := .spec.containers }}"
            "{{ if $i }} {{ end }}{{ $c.name }}{{ end }}]'\n"
        )
    )
    lines = ['conditions:\n- type: Initialized\n  status: "True"\n  lastTransitionTime: {{ $now | Quote }}\n']
    lines += [
        f"- type: {kind}\n  status: {status}\n  lastTransitionTime: {{{{ $now | Quote }}}}\n{why}"
        for kind in ("Ready", "ContainersReady")
    ]
    gates = (
        "{{ range .spec.readinessGates }}\n- type: {{ .conditionType | Quote }}\n"
        '  status: "True"\n  lastTransitionTime: {{ $now | Quote }}\n{{ end }}\n'
    )
    return "".join(lines) + (gates if ready else "")


def _containers(state: str, *, ready: bool, others: str | None = None, last: str = "", restarts: int = 0) -> str:
    """Container statuses: the first container gets `state`, the rest `others` (the same unless given)."""

    def one(state: str, last: str, restarts: int, *, ready: bool) -> str:
        flag = "true" if ready else "false"
        before = f"  lastState: {last}\n" if last else ""
        return f"  ready: {flag}\n  started: {flag}\n  restartCount: {restarts}\n  state: {state}\n{before}"

    first = one(state, last, restarts, ready=ready)
    rest = one(others, "", 0, ready=others == _RUNNING) if others else first
    head = (
        "containerStatuses:\n{{ range $index, $container := .spec.containers }}\n"
        '- name: {{ $container.name | Quote }}\n  image: {{ $container.image | Quote }}\n  imageID: ""\n'
    )
    if not others:
        return f"{head}{first}{{{{ end }}}}\n"
    return f"{head}{{{{ if eq $index 0 }}}}\n{first}{{{{ else }}}}\n{rest}{{{{ end }}}}\n{{{{ end }}}}\n"


def _match(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def _stage(
    name: str, kind: str, matches: list[dict[str, Any]], following: dict[str, Any], **spec: object
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": matches},
            "next": following,
            **spec,
        },
    }


def _pod(
    name: str,
    matches: list[dict[str, Any]],
    phase: str,
    body: str,
    event: tuple[str, str] | None = None,
    **spec: object,
) -> dict[str, Any]:
    alive = _match(".metadata.deletionTimestamp", "DoesNotExist")
    following: dict[str, Any] = {"statusTemplate": f"{_HEAD}phase: {phase}\n{body}"}
    if event:
        following["event"] = {"type": "Warning", "reason": event[0], "message": event[1]}
    return _stage(name, "Pod", [alive, *matches], following, **spec)


def _node_ready() -> dict[str, Any]:
    template = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
allocatable: {cpu: "64", memory: 256Gi, ephemeral-storage: 1Ti, pods: "2000"}
capacity: {cpu: "64", memory: 256Gi, ephemeral-storage: 1Ti, pods: "2000"}
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  bootID: ""
  machineID: ""
  systemUUID: ""
  osImage: sandbox
  kernelVersion: simulated
  containerRuntimeVersion: {{ printf "kwok://%s" Version | Quote }}
  kubeletVersion: {{ printf "kwok-%s" Version | Quote }}
  kubeProxyVersion: ""
phase: Running
"""
    return _stage("node-ready", "Node", [_match(_READY, "NotIn", "True")], {"statusTemplate": template})


def _node_heartbeat() -> dict[str, Any]:
    """Keeps nodes Ready by their status.

    Leases would do it too, but a KWOK that was killed and started again has a new identity and leaves its nodes' pods
    alone until the old leases have run out.
    """
    template = """
{{ $now := Now }}
conditions:
{{ range .status.conditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ .lastTransitionTime | Quote }}
{{ end }}
"""
    ready = _match(_READY, "In", "True")
    return _stage(
        "node-heartbeat", "Node", [ready], {"statusTemplate": template}, delay={"durationMilliseconds": 15_000}
    )


def stages() -> list[dict[str, Any]]:
    """Every `Stage`, nodes first. The selectors of the pod stages exclude each other."""
    live = _match(".status.phase", "In", "Pending", "Running")
    waiting = _match(".status.phase", "In", "Pending")
    running = _match(".status.phase", "In", "Running")
    is_job, no_job = _match(_OWNER, "In", "Job"), _match(_OWNER, "NotIn", "Job")
    always, ends = _match(".spec.restartPolicy", "In", "Always"), _match(".spec.restartPolicy", "NotIn", "Always")
    usual = _match(_BEHAVIOUR, "NotIn", *_SPECIAL)
    slow = _match(_BEHAVIOUR, "In", "slow")
    broken = _match(_BEHAVIOUR, "In", "fail", "crash")
    not_ready = _match(_READY, "NotIn", "True")
    up = _conditions(ready=True) + _containers(_RUNNING, ready=True)
    down = _conditions(ready=False)
    completed = down + _containers(_DONE, ready=False)
    failed = down + _containers(_ERROR, ready=False, others=_DONE)
    crashing = down + _containers(_BACK_OFF, ready=False, others=_RUNNING, last=_ERROR, restarts=3)
    due = {"durationMilliseconds": 8000, "durationFrom": {"expressionFrom": _DUE}}
    return [
        _node_ready(),
        _node_heartbeat(),
        _pod("pod-ready", [live, not_ready, usual], "Running", up + _INIT_DONE + _PLACE),
        _pod("pod-job-complete", [running, is_job, usual], "Succeeded", completed),
        _pod(
            "pod-slow-start",
            [waiting, slow],
            "Running",
            down + _containers(_RUNNING, ready=False) + _INIT_DONE + _PLACE,
        ),
        _pod("pod-slow-ready", [running, slow, no_job, not_ready], "Running", up, delay=due),
        _pod("pod-slow-job-complete", [running, slow, is_job], "Succeeded", completed, delay=due),
        _pod(
            "pod-fail",
            [live, broken, ends],
            "Failed",
            failed + _INIT_DONE + _PLACE,
            ("Failed", "Container ended with exit code 1"),
        ),
        _pod(
            "pod-crash",
            [live, broken, always, _match(_WAITING, "NotIn", "CrashLoopBackOff")],
            "Running",
            crashing + _INIT_DONE + _PLACE,
            ("BackOff", "Back-off restarting failed container"),
        ),
        _pod(
            "pod-image-pull-error",
            [waiting, _match(_BEHAVIOUR, "In", "image-pull-error"), _match(_WAITING, "NotIn", "ImagePullBackOff")],
            "Pending",
            down + _containers(_NO_IMAGE, ready=False) + _PLACE,
            ("Failed", "Error: ImagePullBackOff"),
        ),
        _stage("pod-delete", "Pod", [_match(".metadata.deletionTimestamp", "Exists")], {"delete": True}),
    ]


def config() -> str:
    """The configuration file of the KWOK controller."""
    return "\n---\n".join(json.dumps(stage, indent=1) for stage in stages()) + "\n"
