"""How a service is reached: its Service, and an Ingress or an HTTPRoute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.objects.metadata import SKIP_AWAIT
from app_of_apps.objects.model import KubernetesObject

if TYPE_CHECKING:
    from app_of_apps.manifest.child import Expose, Port, ServiceChild
    from app_of_apps.objects.metadata import Metadata


def service(spec: ServiceChild, metadata: Metadata) -> KubernetesObject:
    """Return the Service. Nobody waits for it: the Deployment carries the health."""
    ports = [
        {"name": port.name, "port": _offered(port), "targetPort": port.name, "protocol": port.protocol}
        for port in spec.ports
    ]
    manifest = metadata.object(
        "v1",
        "Service",
        spec.name,
        annotations=SKIP_AWAIT,
        spec={"type": "ClusterIP", "selector": dict(metadata.selector), "ports": ports},
    )
    return KubernetesObject(name="service", group="exposure", manifest=manifest)


def route(spec: ServiceChild, expose: Expose, metadata: Metadata) -> KubernetesObject:
    """Return the Ingress or HTTPRoute under which the world reaches the service."""
    number = _port_number(spec, expose.port)
    annotations = {**expose.annotations, **SKIP_AWAIT}
    if expose.kind == "HTTPRoute":
        body = _http_route(spec, expose, number)
        manifest = metadata.object(
            "gateway.networking.k8s.io/v1", "HTTPRoute", spec.name, annotations=annotations, spec=body
        )
        return KubernetesObject(name="http-route", group="exposure", manifest=manifest)
    body = _ingress(spec, expose, number)
    manifest = metadata.object("networking.k8s.io/v1", "Ingress", spec.name, annotations=annotations, spec=body)
    return KubernetesObject(name="ingress", group="exposure", manifest=manifest)


def _ingress(spec: ServiceChild, expose: Expose, number: int) -> dict[str, Any]:
    backend = {"service": {"name": spec.name, "port": {"number": number}}}
    path = {"path": expose.path, "pathType": "Prefix", "backend": backend}
    body: dict[str, Any] = {"rules": [{"host": expose.host, "http": {"paths": [path]}}]}
    if expose.ingress_class is not None:
        body["ingressClassName"] = expose.ingress_class
    if expose.tls_secret is not None:
        body["tls"] = [{"hosts": [expose.host], "secretName": expose.tls_secret}]
    return body


def _http_route(spec: ServiceChild, expose: Expose, number: int) -> dict[str, Any]:
    namespace, _, gateway = (expose.gateway or "").partition("/")
    return {
        "parentRefs": [{"name": gateway, "namespace": namespace}],
        "hostnames": [expose.host],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": expose.path}}],
                "backendRefs": [{"name": spec.name, "port": number}],
            }
        ],
    }


def _offered(port: Port) -> int:
    return port.service_port or port.port


def _port_number(spec: ServiceChild, wanted: str) -> int:
    """Return the number of the Service's port of that name; the manifest's loader has checked that there is one."""
    return next(_offered(port) for port in spec.ports if port.name == wanted)
