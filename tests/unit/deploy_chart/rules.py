"""What has to hold for the objects that the chart makes, whatever the values. Each rule yields what breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from app_of_apps.manifest.literal_secrets import resembles, texts
from app_of_apps.service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Object = dict[str, Any]
# Names of Secrets, not values; HCL that names files.
NO_VALUES = {"AOA_SERVICE_VAULT_TOKEN_FILE", "agent.hcl", "tlsSecret", "secretName"}
SELECTED_BY = ("Service", "PodDisruptionBudget", "NetworkPolicy")


def objects(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


def one(found: Iterable[Object], kind: str) -> Object:
    (only,) = [each for each in found if each["kind"] == kind]
    return only


def kinds(found: Iterable[Object]) -> set[str]:
    return {each["kind"] for each in found}


def pod(found: Iterable[Object]) -> Object:
    return one(found, "Deployment")["spec"]["template"]["spec"]


def containers(found: Iterable[Object]) -> list[Object]:
    spec = pod(found)
    return [*spec.get("initContainers", []), *spec["containers"]]


def aoa(found: Iterable[Object]) -> Object:
    return pod(found)["containers"][0]


def variables(found: Iterable[Object]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in aoa(found)["env"]}


def settings(found: Iterable[Object]) -> Settings:
    return Settings.model_validate(yaml.safe_load(one(found, "ConfigMap")["data"]["aoa-service.yaml"]))


def broken(found: list[Object]) -> Iterator[str]:
    """Yield every rule that is broken."""
    yield from _pods_are_held(found)
    yield from _selectors_match(found)
    yield from _mounts_and_volumes_match(found)
    yield from _no_secret_values(found)
    yield from _probes_and_grace(found)
    for each in found:
        if each["metadata"].get("namespace") != "app-of-apps":
            yield f"{each['kind']} has no namespace"


def _pods_are_held(found: list[Object]) -> Iterator[str]:
    spec = pod(found)
    if spec["automountServiceAccountToken"] or not spec["securityContext"]["runAsNonRoot"]:
        yield "the pod gets a token or may be root"
    for container in containers(found):
        context = container["securityContext"]
        held = (
            context["runAsNonRoot"]
            and context["runAsUser"] > 0
            and context["readOnlyRootFilesystem"]
            and not context["allowPrivilegeEscalation"]
            and context["capabilities"] == {"drop": ["ALL"]}
            and context["seccompProfile"] == {"type": "RuntimeDefault"}
        )
        if not held:
            yield f"container {container['name']} may more than it has to"
        if not {"requests", "limits"} <= container["resources"].keys():
            yield f"container {container['name']} has no resources"
    for volume in spec["volumes"]:
        if "hostPath" in volume:
            yield f"volume {volume['name']} is the host's"


def _selectors_match(found: list[Object]) -> Iterator[str]:
    deployment = one(found, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    chosen = {"Deployment": deployment["spec"]["selector"]["matchLabels"]}
    for kind in SELECTED_BY:
        for each in (each for each in found if each["kind"] == kind):
            selector = each["spec"].get("podSelector") or each["spec"]["selector"]
            chosen[kind] = selector.get("matchLabels", selector)
    for kind, selector in chosen.items():
        if not selector.items() <= labels.items():
            yield f"{kind} selects other pods"
    service = one(found, "Service")
    for monitor in (each for each in found if each["kind"] == "ServiceMonitor"):
        if not monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
            yield "ServiceMonitor selects another Service"
    ports = {port["name"] for port in aoa(found)["ports"]}
    if {port["targetPort"] for port in service["spec"]["ports"]} - ports:
        yield "Service leads to a port that is none"
    named = {name for each in found if each["kind"] == "Ingress" for name in _backends(each)}
    if named - {service["metadata"]["name"]}:
        yield "Ingress leads to another Service"


def _backends(ingress: Object) -> Iterator[str]:
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            yield path["backend"]["service"]["name"]


def _mounts_and_volumes_match(found: list[Object]) -> Iterator[str]:
    volumes = [volume["name"] for volume in pod(found)["volumes"]]
    mounted = {mount["name"] for container in containers(found) for mount in container["volumeMounts"]}
    if set(volumes) != mounted or len(set(volumes)) != len(volumes):
        yield f"volumes {sorted(volumes)} and mounts {sorted(mounted)} differ"
    for container in containers(found):
        paths = [mount["mountPath"] for mount in container["volumeMounts"]]
        if len(set(paths)) != len(paths):
            yield f"container {container['name']} mounts twice at one place"


def _no_secret_values(found: list[Object]) -> Iterator[str]:
    if "Secret" in kinds(found):
        yield "there is a Secret"
    for each in found:
        for loc, name, text in texts(each, ()):
            if name not in NO_VALUES and resembles(name, text):
                yield f"{each['kind']} {loc} looks like {resembles(name, text)}"
    for container in containers(found):
        for variable in container["env"]:
            secret = variable["name"] in {"VAULT_TOKEN", "AOA_SERVICE_CLIENT_SECRET", "AOA_SERVICE_WEBHOOK_KEY"}
            if secret and "secretKeyRef" not in variable.get("valueFrom", {}):
                yield f"{variable['name']} has its value in the manifest"


def _probes_and_grace(found: list[Object]) -> Iterator[str]:
    container = aoa(found)
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    if asked != {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}:
        yield f"probes ask {asked}"
    if pod(found)["terminationGracePeriodSeconds"] <= int(variables(found)["AOA_SERVICE_GRACE"]):
        yield "the pod is killed before the service's own grace is over"
