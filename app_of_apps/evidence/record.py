"""One record: who tried what, when, with whose approval, and how it ended.

An attempt has two records: one when it begins, one when it ends. A refusal is one record, and so is a note (a
promotion, an override). No field holds a value that could be secret; texts from elsewhere are redacted before they get
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from app_of_apps.manifest.base import Model
from app_of_apps.release.digest import canonical_json

FORMAT: Final = "app-of-apps/record/v1"
START: Final = "sha256:" + "0" * 64
"""What the first record of a chain names as the hash of the record before it."""

Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
Kind = Literal["began", "ended", "refused", "note"]
Outcome = Literal["succeeded", "failed", "refused", "killed", "interrupted"]


class InCluster(Model):
    """Who the API server says it is talking to (SelfSubjectReview)."""

    username: str
    uid: str = ""
    groups: Annotated[tuple[str, ...], Field(strict=False)] = ()


class InVault(Model):
    """Whose token Vault says it was (auth/token/lookup-self)."""

    display_name: str
    entity: str = ""
    entity_name: str = ""
    policies: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Who(Model):
    """Whoever ran it, as authenticated; nothing that the process says of itself."""

    kubernetes: InCluster | None = None
    vault: InVault | None = None


class ReleaseRef(Model):
    """A release and the ConfigMap that records it once everything is healthy."""

    digest: str
    number: int = 0
    name: str = ""


class Git(Model):
    """Where the content came from."""

    commit: str | None = None
    dirty: bool = False
    author: str | None = None
    """Of the commit."""
    authors: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Of all commits since the release before."""


class ChildRef(Model):
    """One child of the release."""

    digest: str
    type: str
    team: str
    version: str | None = None
    image: str | None = None


class Change(Model):
    """What the release changes in one child, compared with the last one that succeeded."""

    child: str
    """Empty for what belongs to the parent: who may do what, teams, labels, the scope in Vault."""
    change: Literal["added", "removed", "changed"]
    words: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Approval(Model):
    """A signed statement that counted, with the public key that it was checked with."""

    payload: Mapping[str, JsonValue]
    """Its canonical JSON is what was signed."""
    signature: str
    key: str
    public_key: str


class PolicyVerdict(Model):
    """What a rule said."""

    policy: str
    verdict: str


class Override(Model):
    """A rule that somebody went around, and why."""

    what: str
    reason: str


class Record(Model):
    """One link of the chain."""

    format: Literal["app-of-apps/record/v1"] = FORMAT
    sequence: Annotated[int, Field(ge=1)]
    previous: Hash
    """Hash of the record before."""
    kind: Kind
    time: Time
    """By the API server's clock."""
    parent: str
    environment: str
    operation: str
    """``up``, ``destroy``, ``rollback``, ``drift-fix``, ``promote`` …"""
    attempt: int | None = None
    """Of an end: the sequence of the record that the attempt began with."""
    who: Who = Who()
    front: str = "pulumi"
    """``pulumi``, ``aoa`` or ``service``: which door it came through."""
    program: str = ""
    """Version of App of Apps."""
    release: ReleaseRef | None = None
    snapshot: str | None = None
    """Digest over the release and the versions of its secrets."""
    secrets: Mapping[str, int] = {}
    """``<mount>/<path>`` → the version in Vault at that moment."""
    git: Git | None = None
    children: Mapping[str, ChildRef] = {}
    changes: Annotated[tuple[Change, ...], Field(strict=False)] = ()
    approvals: Annotated[tuple[Approval, ...], Field(strict=False)] = ()
    break_glass: Approval | None = None
    preview: str | None = None
    """Digest of the preview that was approved."""
    policies: Annotated[tuple[PolicyVerdict, ...], Field(strict=False)] = ()
    result: Outcome | None = None
    reason: str = ""
    """Why it was refused or failed."""
    seconds: float | None = None
    rollback_of: int | None = None
    """Number of the release that comes back."""
    overrides: Annotated[tuple[Override, ...], Field(strict=False)] = ()
    details: Mapping[str, JsonValue] = {}

    @property
    def text(self) -> str:
        """Its canonical JSON: what is signed and hashed."""
        return canonical_json(self.model_dump(mode="json", by_alias=True)).decode()
