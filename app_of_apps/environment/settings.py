"""What ``Pulumi.<environment>.yaml`` says under ``app-of-apps:environment``: one structured, typed value.

Nothing about an environment stands anywhere else. Facts that only one sandbox knows (ports, cluster UIDs) are laid
over it from an ignored folder; they may add what is absent and never change what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, JsonValue, model_validator

from app_of_apps.environment.identity import IdentityProvider
from app_of_apps.manifest.base import Duration, Host, Model, Name, Text, VariableName, Version, matching
from app_of_apps.manifest.template import Resources
from app_of_apps.manifest.tenancy import Cidr

MountName = Annotated[
    str,
    matching(r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", "must be the path of a Vault mount, without slashes at its ends"),
]
# No user name or password: an address is no place for a credential.
HttpsAddress = Annotated[
    str, matching(r"^https://[^\s/@]+(/[^\s@]*)?$", "must be an address such as https://host:6443")
]
HttpAddress = Annotated[
    str, matching(r"^https?://[^\s/@]+(/[^\s@]*)?$", "must be an address such as https://vault.example.com:8200")
]


def zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name; raises ValueError for an unknown one."""
    if name == "UTC":  # known where no time zones are installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = "must be a time zone that this machine knows by its IANA name, such as Europe/Berlin"
        raise ValueError(msg) from None


def _checked_zone(name: str) -> str:
    zone(name)
    return name


def _checked_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        msg = "must be a moment that exists, such as 2026-12-20T18:00:00Z"
        raise ValueError(msg) from None
    return text


Moment = Annotated[
    str,
    matching(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
        "must be a moment with its zone, such as 2026-12-20T18:00:00Z",
    ),
    AfterValidator(_checked_moment),
]


class Cluster(Model):
    """The one cluster of the environment. ``uid`` and ``caSha256`` are its identity, checked before all else."""

    context: Text
    """The context's name in the kubeconfig of whoever runs the program."""
    server: HttpsAddress | None = None
    """The API server's address."""
    uid: (
        Annotated[
            str,
            matching(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "must be a UID of lowercase hexadecimal digits"),
        ]
        | None
    ) = None
    """metadata.uid of the namespace kube-system."""
    ca_sha256: Annotated[str, matching(r"^[0-9a-f]{64}$", "must be 64 lowercase hexadecimal digits")] | None = None
    """SHA-256 of the API server's CA certificate in DER form."""
    kubernetes: Annotated[str, matching(r"^1[.][0-9]{1,3}$", 'must be a version such as "1.36"')] | None = None
    """Which Kubernetes runs there, such as "1.36": `aoa validate` knows the API versions that it has dropped."""


class VaultMounts(Model):
    """Paths of the engines that belong to this environment and to no other."""

    kv: MountName
    """A kv-v2 secrets engine."""
    jwt: MountName
    """A JWT auth method that trusts the cluster's service-account issuer."""
    dynamic: Mapping[Name, MountName] = {}
    """Name that children use → an engine that makes credentials at `creds/<role>`, such as a database engine."""


class Vault(Model):
    """The environment's scope in Vault."""

    address: HttpAddress | None = None
    """Without a user name and a password in it."""
    namespace: Text | None = None
    """A Vault Enterprise namespace."""
    mounts: VaultMounts
    audience: Text = "vault"
    """The audience of the service-account tokens that log in."""
    refresh_after: Duration = "30s"
    """How often the operator looks for a new version of a secret."""
    delivery: Literal["vault-secrets-operator", "external-secrets"] = "vault-secrets-operator"
    """The operator of the cluster that makes Kubernetes Secrets out of what is in Vault."""


class ChildOverride(Model):
    """What an environment may say about one child."""

    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    config: Mapping[VariableName, str] = {}
    """Added to the child's own variables, or replacing them."""
    resources: Resources | None = None
    host: Host | None = None
    """Replaces the host under which the child is exposed."""


class Approvals(Model):
    """How many people of which groups must have approved the exact release."""

    required: Annotated[int, Field(ge=0, le=10)] = 0
    """How many approvals; 0 asks for none."""
    groups: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Groups of the identity provider whose members may approve."""
    valid_for: Duration = "24h"
    """How long an approval counts."""
    keys: Mapping[Text, Text] = {}
    """Approver → public key in PEM form. When any is given, no other key counts; without, Vault's keys do."""

    @model_validator(mode="after")
    def _somebody_may(self) -> Self:
        if self.required and not self.groups:
            msg = "asks for approvals, and `groups` does not say whose"
            raise ValueError(msg)
        return self


class Deletions(Model):
    """How much may be deleted without an approval that names it."""

    budget: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many children a release may remove. More, and any that keeps data, takes an approval of the deletions."""
    allowed: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Children that may go unasked, for environments without approvals: who commits this has said so."""


class Destroy(Model):
    """What removing everything takes in an environment that asks for approvals."""

    required: Annotated[int, Field(ge=1, le=10)] = 2
    """How many approvals of exactly this."""


class BreakGlass(Model):
    """Who may go around approvals and freezes, with a reason and on the record."""

    groups: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Groups of the identity provider; none means nobody."""
    valid_for: Duration = "1h"
    """How long one statement counts."""


class Freeze(Model):
    """A time in which nothing is rolled out: days of the week, or one period."""

    name: Text
    """What people call it; stands in the refusal."""
    days: Annotated[tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(strict=False)] = ()
    """Whole days of every week, in `zone`."""
    since: Moment | None = None
    """When one period begins, in RFC 3339."""
    until: Moment | None = None
    """When it ends."""
    zone: Annotated[Text, AfterValidator(_checked_zone)] = "UTC"
    """The time zone of `days`, as IANA names it."""

    @model_validator(mode="after")
    def _says_a_time(self) -> Self:
        if not (self.days or self.since or self.until):
            msg = "says no time: give `days`, or `since` and `until`"
            raise ValueError(msg)
        if self.since and self.until and datetime.fromisoformat(self.since) >= datetime.fromisoformat(self.until):
            msg = "ends before it begins"
            raise ValueError(msg)
        return self


class Gates(Model):
    """What must be true before a release may touch the environment."""

    approvals: Approvals = Approvals()
    deletions: Deletions = Deletions()
    destroy: Destroy = Destroy()
    break_glass: BreakGlass = BreakGlass()
    freeze: Annotated[tuple[Freeze, ...], Field(strict=False)] = ()


class Promotion(Model):
    """From where versions come into this environment."""

    source: Name | None = Field(default=None, alias="from")
    """The environment below: only versions that a record shows healthy there are promoted here."""
    healthy_for: Duration = "10m"
    """How long a version must have been healthy there."""


class Images(Model):
    """Rules for images."""

    pinned: bool = False
    """Whether each version must carry its image's digest, as in `1.2.3@sha256:…`."""


class Evidence(Model):
    """Where the records of this environment are kept, beside its cluster, and which key signs them."""

    mount: MountName = "transit"
    """The transit engine in Vault."""
    key: Text | None = None
    """The key there; `aoa-evidence-<environment>` if missing."""
    folder: Text | None = None
    """A folder, relative to the project, that gets a copy of each record; a mounted bucket serves too."""


class Lane(Model):
    """What may run in this environment, and what may appear in no other."""

    images: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Repositories, or beginnings of them that end with `/`. When any is given, no other image runs here."""
    texts: Annotated[tuple[Annotated[Text, Field(min_length=4)], ...], Field(strict=False)] = ()
    """Texts that belong to this environment, such as a host name: no child of another environment may hold one."""


class PolicyPack(Model):
    """A Pulumi policy pack that `aoa` runs with every preview and every update of the environment."""

    path: Text
    """Its folder, relative to the project."""
    config: Mapping[Name, Literal["mandatory", "advisory", "disabled"] | Mapping[VariableName, JsonValue]] = {}
    """Rule → its level, or settings of it. What is known of the environment is filled in by itself."""


class Policy(Model):
    """What judges every resource once more before it is touched."""

    packs: Annotated[tuple[PolicyPack, ...], Field(strict=False)] = ()


class Environment(Model):
    """One environment = one Pulumi stack = one cluster + one Vault scope + one set of rules."""

    name: Name
    """The environment's name, as in the file's name."""
    cluster: Cluster
    vault: Vault
    versions: Mapping[Name, Version] = {}
    """Child → image tag (or tag@digest). Promotion is a change of this map."""
    config: Mapping[Name, Mapping[VariableName, str]] = {}
    """Shared set → variables that this environment adds to the set or replaces in it."""
    children: Mapping[Name, ChildOverride] = {}
    """Child → what this environment says about it."""
    gates: Gates = Gates()
    promotion: Promotion = Promotion()
    images: Images = Images()
    evidence: Evidence = Evidence()
    lane: Lane = Lane()
    protected: bool = False
    """Whether Pulumi refuses to delete a child's namespace, and with it all that is in it, until it is unprotected."""
    identity: IdentityProvider | None = None
    """How the API server and Vault see the identity provider; needed as soon as the parent grants access here."""
    network: Mapping[Name, Annotated[tuple[Cidr, ...], Field(min_length=1, strict=False)]] = {}
    """Way of the parent's `tenancy: network` → the addresses that it leads to in this environment."""
    policy: Policy = Policy()
