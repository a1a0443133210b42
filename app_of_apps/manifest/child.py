"""The child apps: one model per type, told apart by ``type``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app_of_apps.manifest.access import RoleName
from app_of_apps.manifest.base import (
    ComparableVersion,
    CountOrPercentage,
    Duration,
    Host,
    ImageRepository,
    LabelKey,
    LabelValue,
    Model,
    Name,
    PortNumber,
    Quantity,
    SecretKey,
    SecretPath,
    Text,
    VariableName,
    exactly_one,
    matching,
)
from app_of_apps.manifest.template import Behaviour, UrlPath
from app_of_apps.manifest.tenancy import NetworkUse

FileName = Annotated[
    str,
    matching(
        r"^[-._A-Za-z0-9]*[-_A-Za-z0-9][-._A-Za-z0-9]*$",
        "must be a file name of letters, digits, `-`, `_` and `.`, and not of dots alone",
        max_length=253,
    ),
]
Many = Field(default=(), strict=False)  # YAML has lists, the frozen model keeps tuples


class ConfigUse(Model):
    """The environment variables of a child that are no secrets."""

    shared: Annotated[tuple[Name, ...], Many]
    """Names of the parent's shared sets; a later one wins over an earlier one, `own` over all."""
    own: Mapping[VariableName, str] = {}
    """Variables of this child alone."""


class DynamicSecret(Model):
    """Credentials that Vault makes for each lease, such as a database user that lives for an hour."""

    mount: Name
    """The engine, by its name under `vault: mounts: dynamic` of the environment."""
    role: Annotated[
        str,
        matching(
            r"^[A-Za-z0-9_][A-Za-z0-9_-]*$",
            "must be the name of a role of the engine: letters, digits, `_` and `-`",
            max_length=100,
        ),
    ]
    """The role of the engine that says what the credentials may do."""


class SecretReference(Model):
    """Where a value comes from in Vault. The value itself never passes through this project."""

    model_config = ConfigDict(json_schema_extra=exactly_one("path", "dynamic"))

    path: SecretPath | None = None
    """The secret's path below the environment's kv-v2 mount."""
    dynamic: DynamicSecret | None = None
    """Credentials that Vault makes; references to the same mount and role share one lease."""
    key: SecretKey
    """The key in the secret."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.dynamic is None):
            msg = "needs exactly one of path and dynamic"
            raise ValueError(msg)
        return self


class EmptyDir(Model):
    """Scratch space that lives as long as the pod."""

    size_limit: Quantity = "64Mi"
    medium: Literal["", "Memory"] = ""
    """`Memory` is a tmpfs that counts against the memory limit."""


class Volume(Model):
    """A folder in the container: scratch space, files written in the manifest, or keys of one secret as files."""

    model_config = ConfigDict(json_schema_extra=exactly_one("emptyDir", "files", "secret"))

    name: Name
    mount_path: Annotated[str, matching(r"^/[^\s:]+$", "must be an absolute path without spaces and colons")]
    empty_dir: EmptyDir | None = None
    files: Annotated[Mapping[FileName, str], Field(min_length=1)] | None = None
    """File name → content."""
    secret: SecretPath | None = None
    """A path below the environment's kv-v2 mount; every key becomes a file."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.empty_dir, self.files, self.secret)) != 1:
            msg = "needs exactly one of emptyDir, files and secret"
            raise ValueError(msg)
        return self


class Port(Model):
    """A port of the container; a service offers it under ``servicePort`` (the same number when absent)."""

    name: Annotated[Name, Field(max_length=15)] = "http"
    port: PortNumber
    """The number that the container listens on."""
    service_port: PortNumber | None = None
    """The number under which the Service offers it."""
    protocol: Literal["TCP", "UDP"] = "TCP"


class Expose(Model):
    """A name under which the world reaches a service. ``host`` may be set or replaced per environment."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"kind": {"const": "HTTPRoute"}}, "required": ["kind"]},
            "then": {"required": ["gateway"]},
        }
    )

    host: Host
    path: UrlPath = "/"
    """A prefix of the requests' paths."""
    port: Text = "http"
    """The name of one of the child's ports."""
    kind: Literal["Ingress", "HTTPRoute"] = "Ingress"
    ingress_class: Name | None = None
    """The cluster's default class when absent."""
    gateway: Annotated[str, matching(r"^[a-z0-9-]+/[a-z0-9-]+$", "must be <namespace>/<name> of a Gateway")] | None = (
        None
    )
    """`<namespace>/<name>` of the Gateway that an HTTPRoute attaches to."""
    tls_secret: Name | None = None
    """The name of a Secret in the child's namespace that holds the certificate, put there by something else."""
    annotations: Mapping[LabelKey, str] = {}

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if self.kind == "HTTPRoute" and self.gateway is None:
            msg = "an HTTPRoute needs gateway: <namespace>/<name>"
            raise ValueError(msg)
        return self


class DisruptionBudget(Model):
    """Kubernetes' PodDisruptionBudget; exactly one of the two."""

    model_config = ConfigDict(json_schema_extra=exactly_one("minAvailable", "maxUnavailable"))

    min_available: CountOrPercentage | None = None
    max_unavailable: CountOrPercentage | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.min_available is None) == (self.max_unavailable is None):
            msg = "needs exactly one of minAvailable and maxUnavailable"
            raise ValueError(msg)
        return self


class Autoscaling(Model):
    """Kubernetes' HorizontalPodAutoscaler; it owns the number of replicas once it is there."""

    min_replicas: Annotated[int, Field(ge=1)] = 1
    max_replicas: Annotated[int, Field(ge=1)]
    cpu_utilization: Annotated[int, Field(ge=1, le=1000)] | None = 80
    """Percent of the requested CPU that the pods may use on average."""
    memory_utilization: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Percent of the requested memory that the pods may use on average."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.max_replicas < self.min_replicas:
            msg = "maxReplicas must not be below minReplicas"
            raise ValueError(msg)
        if self.cpu_utilization is None and self.memory_utilization is None:
            msg = "needs cpuUtilization or memoryUtilization"
            raise ValueError(msg)
        return self


class Security(Model):
    """The pod's security context. The defaults satisfy the `restricted` Pod Security Standard."""

    run_as_user: Annotated[int, Field(ge=1)] = 65532
    """A numeric user id; root (0) is refused."""
    run_as_group: Annotated[int, Field(ge=1)] = 65532
    read_only_root_filesystem: bool = True
    """Write to volumes instead."""


class ServiceAccountUse(Model):
    """The child's own service account. Its token is not mounted unless the child asks."""

    mount_token: bool = False
    """Whether the container can talk to the API server as the service account."""
    annotations: Mapping[LabelKey, str] = {}
    roles: Annotated[tuple[RoleName, ...], Many]
    """Roles of the parent's `access: workloads` that this account gets, where they are offered to the child's team."""


class ChildBase(Model):
    """What every child has."""

    api_version: Literal["app-of-apps/v1"] = "app-of-apps/v1"
    kind: Literal["Child"] = "Child"
    name: Name
    """Unique in the parent; the namespace is `<parent>-<name>`."""
    team: Name
    """The team that answers for it, by its name in the parent."""
    description: str = ""
    depends_on: Annotated[tuple[Name, ...], Many]
    """Children that must be healthy at their new version before this one is touched."""
    labels: Mapping[LabelKey, LabelValue] = {}
    """On every object of the child; `app.kubernetes.io/` and `app-of-apps/` belong to the program."""
    annotations: Mapping[LabelKey, str] = {}
    """On every object of the child."""
    network: NetworkUse = NetworkUse()
    """Whom it talks to besides the children that it depends on."""


class PodChild(ChildBase, Behaviour):
    """What every child that runs an image of its own has."""

    template: Name | None = None
    """The parent's template that gives what this child does not say itself."""
    image: ImageRepository
    """Without tag: the version stands in the environment's file."""
    version_from: Name | None = None
    """Another child whose version this one shares, such as a migration that ships in the API's image."""
    command: Annotated[tuple[str, ...], Many]
    """Replaces the image's entry point."""
    args: Annotated[tuple[str, ...], Many]
    """Replaces the image's arguments."""
    config: ConfigUse = ConfigUse()
    secrets: Mapping[VariableName, SecretReference] = {}
    """Environment variable → where its value lies in Vault."""
    volumes: Annotated[tuple[Volume, ...], Many]
    service_account: ServiceAccountUse = ServiceAccountUse()
    security: Security = Security()


class ScaledChild(PodChild):
    """A child whose pods run all the time."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """An environment may say otherwise; autoscaling replaces it."""
    ports: Annotated[tuple[Port, ...], Many]
    disruption_budget: DisruptionBudget | None = None
    autoscaling: Autoscaling | None = None


class ServiceChild(ScaledChild):
    """A Deployment behind a Service."""

    type: Literal["service"]
    ports: Annotated[tuple[Port, ...], Field(min_length=1, strict=False)]
    expose: Expose | None = None


class WorkerChild(ScaledChild):
    """A Deployment that nobody calls."""

    type: Literal["worker"]


class JobChild(PodChild):
    """What a migration and a cron job share."""

    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 0
    """Retries before the Job has failed."""
    completions: Annotated[int, Field(ge=1)] = 1
    """Pods that must succeed."""
    parallelism: Annotated[int, Field(ge=1)] = 1
    """Pods that may run at the same time."""


class Down(Model):
    """How a migration takes its schema back. A rollback past `compatibleFrom` runs this first, in the same image."""

    command: Annotated[tuple[str, ...], Many]
    """Replaces the image's entry point; the migration's own command when absent."""
    args: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    """Replaces the migration's arguments. The variable AOA_DOWN_TO says to which version the schema goes back."""


class MigrationChild(JobChild):
    """A Job that runs once per content: its name carries the hash of what it runs."""

    type: Literal["migration"]
    compatible_from: ComparableVersion | None = None
    """The oldest version of the children that depend on it that can live with its schema. A rollback to an older one
    is refused, or runs `down` first."""
    down: Down | None = None
    """How the schema is taken back; absent: it only goes forward."""


class CronJobChild(JobChild):
    """A CronJob."""

    type: Literal["cronjob"]
    schedule: Annotated[
        str,
        matching(
            r"^(@(hourly|daily|weekly|monthly|yearly|annually|midnight)|[0-9A-Za-z*/,?-]+( [0-9A-Za-z*/,?-]+){4})$",
            "must be a cron schedule of five fields such as `*/15 * * * *`, or @hourly, @daily, @weekly,"
            " @monthly or @yearly",
        ),
    ]
    time_zone: Text = "Etc/UTC"
    """A name of the tz database, such as Europe/Berlin."""
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = "Forbid"
    """What happens when a run is due while the last one is still going."""
    starting_deadline: Duration = "5m"
    """How late a run may start before it is left out."""
    suspend: bool = False
    """No run starts while it is true."""
    successful_jobs_history_limit: Annotated[int, Field(ge=0)] = 1
    failed_jobs_history_limit: Annotated[int, Field(ge=0)] = 3


class ChartChild(ChildBase):
    """A Helm chart in a local folder, rendered by the Kubernetes provider (helm.sh/v4 Chart)."""

    type: Literal["chart"]
    chart: Text
    """The chart's folder, relative to this file, inside the parent manifest's folder."""
    values: Mapping[str, JsonValue] = {}
    """What the chart's values.yaml is overridden with."""
    version_value: (
        Annotated[
            str,
            matching(
                r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$", "must be a dotted path such as image.tag"
            ),
        ]
        | None
    ) = None
    """The dotted path of the value that takes the environment's version, such as `image.tag`."""
    version_from: Name | None = None
    deadline: Duration | None = None
    on_failure: Literal["stop", "rollback"] | None = None


class ManifestsChild(ChildBase):
    """Plain Kubernetes YAML files."""

    type: Literal["manifests"]
    files: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    """Files, or folders whose `*.yaml` and `*.yml` files are taken in order of name; relative to this file."""
    deadline: Duration | None = None
    on_failure: Literal["stop", "rollback"] | None = None


Child = Annotated[
    ServiceChild | WorkerChild | MigrationChild | CronJobChild | ChartChild | ManifestsChild,
    Field(discriminator="type"),
]
CHILD_TYPES: tuple[str, ...] = ("service", "worker", "migration", "cronjob", "chart", "manifests")
