"""What one service is started with: a file of its own, and variables for what no file should hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, model_validator

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.base import Model

FILE: Final = "aoa-service.yaml"
DATABASE: Final = "AOA_SERVICE_DATABASE"
"""A variable: SQLAlchemy's address of the database, where it holds a password."""
CLIENT_SECRET: Final = "AOA_SERVICE_CLIENT_SECRET"  # noqa: S105 - the name of a variable
"""A variable: of a confidential client for the browser's login. Public clients have none.

The client of an environment's approvals has a variable of its own: `AOA_SERVICE_CLIENT_SECRET_<ENVIRONMENT>`.
"""
WEBHOOK_KEY: Final = "AOA_SERVICE_WEBHOOK_KEY"
"""A variable: what webhooks are signed with."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Login(Model):
    """Whose tokens count: those of one OpenID Connect issuer for one audience."""

    issuer: str
    """`iss` of its tokens; `<issuer>/.well-known/openid-configuration` says the rest."""
    audience: str
    """`aud` of the tokens, and the client of the browser's login."""
    ca_file: Annotated[Path, Field(strict=False)] | None = None
    """The authority of the issuer's certificate, PEM, where the machine's own do not know it."""
    groups_claim: str = "groups"
    """The claim that holds the groups."""
    name_claim: str = "preferred_username"
    """The claim that holds the name that people are shown by."""
    subject_claim: str = "sub"
    """The claim that tells whose token it is, the same for every client; `oid` at Entra ID, whose `sub` is not."""
    approvals: Annotated[dict[str, str], Field(default_factory=dict)]
    """Where releases are signed in the page: each environment's client whose tokens its Vault takes from people."""
    groups_prefix: str = ""
    """What the claim's groups begin with and the parent's grants do not."""
    skew: Annotated[int, Field(ge=0, le=300)] = 30
    """Seconds by which clocks may differ."""

    def secret(self, client: str, env: str, environ: Mapping[str, str] = os.environ) -> str | None:
        """Return the secret of the client of an environment's approvals; None for a public one."""
        own = environ.get(f"{CLIENT_SECRET}_{env.upper().replace('-', '_')}")
        return own or (environ.get(CLIENT_SECRET) if client == self.audience else None)


class Webhook(Model):
    """Somebody who is told."""

    url: str | None = None
    """Where it is sent to."""
    url_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None
    """Instead: the variable that holds it, because an address of Slack and its like is itself a secret."""
    form: Literal["events", "slack"] = "events"
    """`events` is our JSON, signed; `slack` what Slack and its like take."""
    on: Annotated[
        tuple[Literal["started", "needs-approval", "failed", "succeeded", "recovered", "drift", "proposed"], ...],
        Field(strict=False),
    ] = ("needs-approval", "failed", "recovered", "drift", "proposed")
    """Of what."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.url_variable is None):
            msg = "says where it is sent to once: by url, or by urlVariable"
            raise ValueError(msg)
        return self

    @property
    def place(self) -> str:
        """Where it is sent to, as it is kept while it is delivered: the address, or ``$`` and the variable's name."""
        return self.url if self.url is not None else f"${self.url_variable}"


class Settings(Model):
    """One service."""

    listen: str = "127.0.0.1:8440"
    """Address and port. Without TLS in front it has to be loopback's."""
    public_url: str | None = None
    """How browsers and clients reach it, where something stands before it; https then."""
    login: Login
    """Whose tokens count."""
    database: str | None = None
    """SQLAlchemy's address; a file in the project's `.aoa` by default. Has no password: AOA_SERVICE_DATABASE may."""
    workers: Annotated[int, Field(ge=0, le=64)] = 4
    """How many operations run at once here; 0 answers only, and others work."""
    refresh: Annotated[float, Field(ge=0.5, le=600)] = 5.0
    """Seconds between two looks at the clusters."""
    drift_every: Annotated[int, Field(ge=0)] = 0
    """Seconds between two looks for drift; 0: only when asked."""
    lease: Annotated[float, Field(ge=2, le=300)] = 15.0
    """Seconds after which an operation whose process says nothing any more is taken for dead."""
    webhooks: Annotated[tuple[Webhook, ...], Field(strict=False)] = ()
    """Who is told."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 1200
    """Of one principal."""
    keep: Annotated[int, Field(ge=1)] = 90
    """Days for which ended operations and denials are kept."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        host = self.listen.rpartition(":")[0].strip("[]")
        if self.public_url is None and host not in _LOOPBACK:
            msg = "listens beyond this machine, so it needs publicUrl: the https:// address of what does TLS before it"
            raise ValueError(msg)
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            if parts.scheme != "https" and (parts.hostname or "") not in _LOOPBACK:
                msg = "publicUrl has to begin with https://, because tokens travel to it"
                raise ValueError(msg)
        return self

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.listen.rpartition(":")[2])

    @property
    def url(self) -> str:
        """How it is reached, without a slash at the end."""
        return (self.public_url or f"http://{self.listen}").rstrip("/")


def load_settings(file: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in a file; raises InvalidInput with every problem."""
    try:
        found = yaml.safe_load(file.read_text())
    except OSError as error:
        hint = "docs/service.md shows one; `aoa serve --config FILE` names another"
        raise InvalidInput([Problem(Position(str(file)), "", f"cannot be read ({error.strerror})", hint)]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = Position(str(file), mark.line + 1, mark.column + 1) if mark else Position(str(file))
        raise InvalidInput([Problem(at, "", "is no YAML")]) from None
    try:
        settings = Settings.model_validate(found)
    except ValidationError as error:
        raise InvalidInput(
            Problem(Position(str(file)), ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()
        ) from None
    missing = [
        Problem(Position(str(file)), f"webhooks.{number}.urlVariable", f"the variable {name} is not set")
        for number, hook in enumerate(settings.webhooks)
        if (name := hook.url_variable) is not None and not environ.get(name)
    ]
    if missing:
        raise InvalidInput(missing)
    return settings


def database_url(settings: Settings, project: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the database: the variable's, the file's, or SQLite in the project's folder."""
    if found := environ.get(DATABASE) or settings.database:
        return found.replace("postgresql://", "postgresql+psycopg://", 1)
    folder = project.resolve() / ".aoa" / "service"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return f"sqlite:///{folder / 'service.db'}"
