"""What keeps the children of one cluster apart: quotas, limits, the network and what may run, with safe defaults."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app_of_apps.manifest.base import Model, Name, PortNumber, Quantity, matching
from app_of_apps.manifest.template import ResourceAmounts


def _block(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        msg = f"is no block of addresses: {error}"
        raise ValueError(msg) from None
    return value


Cidr = Annotated[
    str,
    AfterValidator(_block),
    matching(
        r"^([0-9]{1,3}(\.[0-9]{1,3}){3}/(3[0-2]|[12]?[0-9])|[0-9a-f:]+/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$",
        "must be a block of addresses such as 10.20.0.0/16",
        max_length=49,
    ),
]
NamespaceName = Annotated[
    str, matching(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be the name of a namespace", max_length=63)
]
CustomGroup = Annotated[
    str,
    matching(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
        "must be the API group of custom resources, such as monitoring.coreos.com",
        max_length=253,
    ),
]


class Quota(Model):
    """What a child's namespace may use at least. A child that declares more gets as much as it declares, see docs."""

    pods: Annotated[int, Field(ge=1, le=100_000)] = 20
    cpu: Quantity = "4"
    """Requests of all pods together."""
    memory: Quantity = "8Gi"
    """Requests of all pods together."""
    volume_claims: Annotated[int, Field(ge=0, le=10_000)] = 10


class Limits(Model):
    """What a container gets that does not say what it needs."""

    requests: ResourceAmounts = ResourceAmounts(cpu="50m", memory="64Mi")
    limits: ResourceAmounts = ResourceAmounts()


class Way(Model):
    """A named way out of (or into) a child's namespace, to or from what is no child of this parent."""

    direction: Literal["egress", "ingress"] = "egress"
    description: str = ""
    namespaces: Annotated[tuple[NamespaceName, ...], Field(strict=False)] = ()
    cidrs: Annotated[tuple[Cidr, ...], Field(strict=False)] = ()
    """An environment may put its own in their place: `network: {<way>: [<cidr>]}` in its file."""
    excluding: Annotated[tuple[Cidr, ...], Field(strict=False)] = ()
    """Blocks inside of `cidrs` that the way does not lead to, such as the cluster's own addresses."""
    ports: Annotated[tuple[PortNumber, ...], Field(strict=False)] = ()
    """Empty for all ports."""
    protocol: Literal["TCP", "UDP"] = "TCP"
    teams: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = None
    """Only children of these teams may pick it; absent: every child may."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not (self.namespaces or self.cidrs):
            msg = "needs namespaces or cidrs: a way to everywhere is written 0.0.0.0/0"
            raise ValueError(msg)
        return self


class Network(Model):
    """Everything is denied but DNS, the edges between children, and the named ways that a child picks."""

    ways: Mapping[Name, Way] = {}
    dns_namespaces: Annotated[tuple[NamespaceName, ...], Field(strict=False)] = ("kube-system",)
    """Where the cluster's DNS runs; every child may ask it on port 53."""
    exposed_from: Annotated[tuple[NamespaceName, ...], Field(strict=False)] = ()
    """Namespaces of the ingress controllers or gateways; empty: a child with `expose` can be reached from everywhere
    on the exposed port."""


class Tenancy(Model):
    """What every child's namespace gets."""

    quota: Quota | None = Quota()
    limits: Limits | None = Limits()
    network: Network | None = Network()
    wrapped_pods: Literal["baseline", "restricted"] = "baseline"
    """The Pod Security Standard that the pods of charts and plain manifests are held to. Pods of all other children are
    held to `restricted`."""
    custom_resources: Annotated[tuple[CustomGroup, ...], Field(strict=False)] = ()
    """API groups of custom resources that charts and plain manifests may declare. A custom resource makes a controller
    act with the controller's own rights, so the parent decides which ones may be asked."""


class NetworkUse(Model):
    """Whom a child talks to besides those it depends on."""

    calls: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Children that this one calls and does not wait for."""
    ways: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Ways of the parent's `tenancy: network` that this child needs."""
