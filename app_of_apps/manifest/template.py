"""How a child behaves while it is rolled out: what a template names and a child may override field by field."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app_of_apps.manifest.base import (
    CountOrPercentage,
    Duration,
    Model,
    PortNumber,
    Quantity,
    Text,
    exactly_one,
    matching,
)

UrlPath = Annotated[str, matching(r"^/\S*$", "must be a path that begins with `/` and holds no space")]


class Rollout(Model):
    """Kubernetes' Deployment strategy."""

    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """`Recreate` stops every old pod before the first new one starts."""
    max_surge: CountOrPercentage = 1
    """Pods above the wanted number while rolling."""
    max_unavailable: CountOrPercentage = 0
    """Pods below the wanted number while rolling."""
    min_ready_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Seconds a new pod must stay ready before it counts."""
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """Old ReplicaSets that are kept."""
    termination_grace_period: Duration = "30s"
    """Time between SIGTERM and SIGKILL."""

    @model_validator(mode="after")
    def _can_move(self) -> Self:
        if self.strategy == "RollingUpdate" and self.max_surge in {0, "0%"} and self.max_unavailable in {0, "0%"}:
            msg = "maxSurge and maxUnavailable cannot both be 0: the rollout could never move"
            raise ValueError(msg)
        return self


class HttpCheck(Model):
    """GET ``path`` on ``port`` (a port's name or number); a status from 200 to 399 is healthy."""

    path: UrlPath = "/healthz"
    port: PortNumber | Text = "http"


class Probe(Model):
    """One Kubernetes probe; exactly one of ``http``, ``tcp``, ``exec`` and ``grpc`` says how to ask."""

    model_config = ConfigDict(json_schema_extra=exactly_one("http", "tcp", "exec", "grpc"))

    http: HttpCheck | None = None
    tcp: PortNumber | Text | None = None
    """A port's name or number that must accept a connection."""
    grpc: PortNumber | None = None
    """The number of a port that speaks the gRPC health protocol."""
    exec: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)] | None = None
    """A command in the container; exit code 0 is healthy."""
    initial_delay: Duration | None = None
    period: Duration = "10s"
    timeout: Duration = "1s"
    success_threshold: Annotated[int, Field(ge=1)] = 1
    """Answers in a row that make it healthy; Kubernetes takes nothing but 1 for startup and liveness."""
    failure_threshold: Annotated[int, Field(ge=1)] = 3
    """Failures in a row that make it unhealthy."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.http, self.tcp, self.exec, self.grpc)) != 1:
            msg = "needs exactly one of http, tcp, exec and grpc"
            raise ValueError(msg)
        return self


class Probes(Model):
    """The probes of a child's container."""

    startup: Probe | None = None
    """Until it succeeds, the other two do not begin."""
    readiness: Probe | None = None
    """While it fails, the pod gets no traffic and a dependent waits."""
    liveness: Probe | None = None
    """When it fails, the container is restarted."""


class ResourceAmounts(Model):
    """Amounts of CPU, memory and ephemeral storage as Kubernetes quantities."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = None


class Resources(Model):
    """What a container asks for and may use at most: 50m CPU and 64Mi of memory, up to 128Mi, when nobody says."""

    requests: ResourceAmounts = ResourceAmounts(cpu="50m", memory="64Mi")
    limits: ResourceAmounts = ResourceAmounts(memory="128Mi")


class Behaviour(Model):
    """Rollout, health and failure. An absent field is taken from the template, then from the default."""

    rollout: Rollout | None = None
    probes: Probes | None = None
    resources: Resources | None = None
    deadline: Duration | None = None
    """How long one object of the child may take to become healthy before the run fails; 5m when nobody says."""
    on_failure: Literal["stop", "rollback"] | None = None
    """`stop` leaves what failed as it is for a look; `rollback` asks for the last healthy release of the child."""


class Template(Behaviour):
    """A named behaviour in the parent manifest."""

    description: str = ""
